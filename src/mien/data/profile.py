"""Class profiles: subsampling of a data set to given numbers of pictures per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mien.errors import UsageError
from mien.settings import items
from mien.types import NO_LABEL, Dataset, Ints, LabelSet, Problem

RAF: Mapping[str, int] = {
    "surprise": 1619, "fear": 355, "disgust": 877, "happiness": 5957, "sadness": 2460, "anger": 867, "neutral": 3204,
}  # fmt: skip
"""Pictures per class of RAF-DB, over all its parts."""
AFFECTNET: Mapping[str, int] = {
    "surprise": 14_090, "fear": 6378, "disgust": 3803, "happiness": 134_415, "sadness": 25_459, "anger": 24_882,
    "neutral": 74_874, "contempt": 3750,
}  # fmt: skip
"""Pictures per class of AffectNet's training part, the eight expressions (Mollahosseini, Hasani, Mahoor, *AffectNet: a
database for facial expression, valence, and arousal computing in the wild*, IEEE Transactions on Affective Computing
10(1), 2019)."""
PROFILES: Mapping[str, Mapping[str, int]] = {"raf": RAF, "affectnet": AFFECTNET}
"""Name → pictures per class of a published data set."""
REMEDY = f"write {' or '.join(PROFILES)}, a total with it (affectnet:12000), or happiness=500,fear=40"


def quota(shares: Sequence[float], n: int) -> Ints:
    """Round shares of n to whole numbers that sum to n, by the largest remainder method.

    >>> quota([0.5, 0.25, 0.25], 3).tolist()
    [1, 1, 1]
    """
    exact = np.array(shares) * n
    counts = np.floor(exact + 1e-9).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return counts


def parse(profile: str, labelset: LabelSet) -> dict[str, int]:
    """Parse a profile to class → maximum number of pictures; UsageError if it is none.

    Parameters
    ----------
    profile : "name=count,name=count"; "raf" or "affectnet", the counts of these data sets; or one of them with a total,
        "affectnet:12000": their shares of it, at least one picture of each class.

    >>> parse("happy=100, fear=20", LabelSet(("fear", "happiness"), {"happy": "happiness"}))
    {'happiness': 100, 'fear': 20}
    >>> parse("affectnet:1000", LabelSet(()))["contempt"]
    13
    """
    head, _, total = profile.partition(":")
    if head in PROFILES and "=" not in total:
        return _published(profile, PROFILES[head], total)
    counts: dict[str, int] = {}
    for item in items(profile) or [""]:
        name, _, count = item.rpartition("=")
        if not count.strip().isdecimal() or int(count) == 0:
            raise UsageError(f"profile {profile!r} is not understood", place="--class-counts", remedy=REMEDY)
        counts[labelset.names[labelset.index(name, place="--class-counts")]] = int(count)
    return counts


def _published(profile: str, counts: Mapping[str, int], total: str) -> dict[str, int]:
    """The counts of a published data set, or its shares of a total, which may be an empty text."""
    if ":" not in profile:
        return dict(counts)
    if not total.strip().isdecimal() or int(total) < len(counts):
        remedy = f"give at least {len(counts)}, a picture for each class: {profile.partition(':')[0]}:12000"
        raise UsageError(f"profile {profile!r} has no total", place="--class-counts", remedy=remedy)
    whole = sum(counts.values())
    drawn = quota([count / whole for count in counts.values()], int(total))
    return {name: max(1, int(count)) for name, count in zip(counts, drawn, strict=True)}


def shape(dataset: Dataset, profile: str, seed: int = 0) -> Dataset:
    """Draw up to the profile's number of pictures of each class without replacement; other classes are left out.

    Parameters
    ----------
    dataset : labelled rows; rows without a label are left out.
    profile : see `parse`. AffectNet without a total is scaled down: its shares are kept, and the class that runs out
        first is taken whole.
    seed : seed of the draw. Rows keep their order.

    Returns
    -------
    Dataset whose label set has only the profile's classes. A class with fewer pictures keeps all, with a Problem.

    Raises
    ------
    UsageError : not understood; the label set has no such class; or shares cannot be kept, as a class has no picture.
    """
    counts = parse(profile, dataset.labelset)
    absent = [name for name in counts if name not in dataset.labelset.names]
    if absent:
        raise UsageError(f"the data have no class {', '.join(absent)}", place="--class-counts", remedy=_others(dataset))
    problems = []
    if profile == "affectnet":
        counts, problem = scaled_down(counts, dataset)
        problems.append(problem)
    generator = np.random.default_rng(seed)
    drawn = []
    for label, name in enumerate(dataset.labelset.names):
        if name not in counts:
            continue
        rows = np.flatnonzero(dataset.labels == label)
        if len(rows) < counts[name]:
            cause = f"has {len(rows)} pictures, the profile asks for {counts[name]}"
            problems.append(Problem("fewer than asked", f"class {name}", cause, "nothing: all of them are used"))
        drawn.append(generator.permutation(rows)[: counts[name]])
    return keep_classes(dataset.take(np.sort(np.concatenate(drawn))), list(counts)).replace(*problems)


def _others(dataset: Dataset) -> str:
    """The remedy where the data lack classes of a profile."""
    drawn = "; or draw all eight emotions: synthetic:profile=even" if dataset.name.startswith("synthetic") else ""
    return f"name the counts: happiness=500,fear=40{drawn}"


def scaled_down(counts: Mapping[str, int], dataset: Dataset) -> tuple[dict[str, int], Problem]:
    """The largest counts in the same shares that the data can fill, and which class limits them.

    Raises
    ------
    UsageError : the data have no picture of one of the classes.
    """
    available = {name: int(dataset.counts()[dataset.labelset.index(name)]) for name in counts}
    empty = [name for name, count in available.items() if count == 0]
    if empty:
        raise UsageError(
            f"the data have no picture of {', '.join(empty)}", place="--class-counts",
            remedy="give a total, such as affectnet:2000, and the other classes are taken; or name the counts",
        )  # fmt: skip
    whole = sum(counts.values())
    first = min(counts, key=lambda name: available[name] / counts[name])
    total = available[first] * whole // counts[first]
    shares = quota([count / whole for count in counts.values()], total)
    scaled = {name: min(max(1, int(share)), available[name]) for name, share in zip(counts, shares, strict=True)}
    cause = f"has {available[first]} pictures, so its share limits the whole to {sum(scaled.values())} pictures"
    remedy = f"nothing; or give a total above {total}: affectnet:TOTAL takes more of the other classes"
    return scaled, Problem("shares kept", f"class {first}", cause, remedy)


def keep_classes(dataset: Dataset, names: list[str]) -> Dataset:
    """Keep only the rows and the label set of the given classes; labels, votes and targets are renumbered.

    Votes of removed classes follow those of the kept ones; shares are normalised again.
    """
    old = dataset.labelset
    kept = [label for label, name in enumerate(old.names) if name in names]
    gone = [label for label in range(len(old)) if label not in kept]
    labelset = LabelSet(
        tuple(old.names[label] for label in kept),
        {alias: name for alias, name in old.aliases.items() if name in names},
    )
    new = np.full(len(old) + 1, NO_LABEL)  # index -1 (no label) selects the last entry
    new[kept] = np.arange(len(kept))
    rows = dataset.take(np.isin(dataset.labels, kept))
    votes, targets = rows.votes, rows.targets
    if votes is not None:
        votes = votes[:, [*kept, *gone, *range(len(old), votes.shape[1])]]
    if targets is not None:
        targets = targets[:, kept] / targets[:, kept].sum(1, keepdims=True)
    return rows.replace(labels=new[rows.labels], labelset=labelset, votes=votes, targets=targets)
