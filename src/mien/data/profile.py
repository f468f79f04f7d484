"""Class profiles: subsampling of a data set to given numbers of pictures per class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mien.errors import UsageError
from mien.settings import items
from mien.types import NO_LABEL, Dataset, LabelSet, Problem

RAF: Mapping[str, int] = {
    "surprise": 1619, "fear": 355, "disgust": 877, "happiness": 5957, "sadness": 2460, "anger": 867, "neutral": 3204,
}  # fmt: skip
"""Pictures per class of RAF-DB, over all its parts."""


def parse(profile: str, labelset: LabelSet) -> dict[str, int]:
    """Parse "raf" or "name=count,name=count" to class → maximum number of pictures; UsageError if it is neither.

    >>> parse("happy=100, fear=20", LabelSet(("fear", "happiness"), {"happy": "happiness"}))
    {'happiness': 100, 'fear': 20}
    """
    if profile == "raf":
        return dict(RAF)
    counts: dict[str, int] = {}
    for item in items(profile) or [""]:
        name, _, count = item.rpartition("=")
        if not count.strip().isdecimal() or int(count) == 0:
            remedy = "write raf, or happiness=500,fear=40"
            raise UsageError(f"profile {profile!r} is not understood", place="--class-counts", remedy=remedy)
        counts[labelset.names[labelset.index(name, place="--class-counts")]] = int(count)
    return counts


def shape(dataset: Dataset, profile: str, seed: int = 0) -> Dataset:
    """Draw up to the profile's number of pictures of each class without replacement; other classes are left out.

    Parameters
    ----------
    dataset : labelled rows; rows without a label are left out.
    profile : "raf" (RAF-DB's counts and seven classes) or "name=count,name=count".
    seed : seed of the draw. Rows keep their order.

    Returns
    -------
    Dataset whose label set has only the profile's classes. A class with fewer pictures keeps all, with a Problem.
    """
    counts = parse(profile, dataset.labelset)
    absent = [name for name in counts if name not in dataset.labelset.names]
    if absent:
        remedy = "name the counts: happiness=500,fear=40"
        raise UsageError(f"the data have no class {', '.join(absent)}", place="--class-counts", remedy=remedy)
    generator = np.random.default_rng(seed)
    drawn, problems = [], []
    for label, name in enumerate(dataset.labelset.names):
        if name not in counts:
            continue
        rows = np.flatnonzero(dataset.labels == label)
        if len(rows) < counts[name]:
            cause = f"has {len(rows)} pictures, the profile asks for {counts[name]}"
            problems.append(Problem("fewer than asked", f"class {name}", cause, "nothing: all of them are used"))
        drawn.append(generator.permutation(rows)[: counts[name]])
    return keep_classes(dataset.take(np.sort(np.concatenate(drawn))), list(counts)).replace(*problems)


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
