"""Correct a classifier that is there already: classes that it never saw, or that it knows and mistreats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mien.correctors.patch import Patch, Witness, now
from mien.correctors.policy import Policy
from mien.data.images import ImageSettings, read_pictures
from mien.data.prepare import DataSettings, prepare
from mien.data.split import Shares, linked, split
from mien.errors import DataError, UsageError, choice_error
from mien.metrics.correction import scores
from mien.models import saved
from mien.models.settings import AugmentSettings
from mien.runs import Run
from mien.study.corrected import cell_of
from mien.study.discovery import named_cluster
from mien.study.settings import CorrectSettings
from mien.study.workbench import Workbench, built
from mien.types import PARTS, Dataset, Ints, LabelSet, Scores, Split

APART = Shares(train=0.0, validation=0.0, fit=0.45, calibrate=0.30, test=0.25)
"""Parts of pictures that f was not trained on: all of them may correct it."""


@dataclass(frozen=True)
class Correction:
    """A patch, and what it does to pictures of the test part, which neither fitted nor calibrated it.

    Attributes
    ----------
    patch : see mien.correctors.patch.
    scores : of f and of the corrected system.
    truth, base, final : (N,) on test.
    parts : pictures a part.
    """

    patch: Patch
    scores: Scores
    truth: Ints
    base: Ints
    final: Ints
    parts: dict[str, int]


def correct(
    place: Path,
    data: DataSettings,
    classes: tuple[str, ...],
    settings: CorrectSettings,
    policy: Policy,
    *,
    left_out: str | None = None,
    base: str | None = None,
    command: str = "",
    say: Callable[[str], object] = lambda stage: None,
) -> Correction:
    """Fit correctors beside a trained classifier, certify them together, and measure what they do.

    If the data are those of the classifier's own run, its parts are used: f never saw *correct* and *test*. Other data
    are divided anew; pictures that f was trained on do not belong there.

    Parameters
    ----------
    place : run folder, or a folder with model.json.
    data : labelled pictures. Their size, colour and fit are taken from the classifier.
    classes : to be won back, new ones or known ones.
    left_out, base : which classifier of the run, and what it is if it is from outside mien.
    command : how to make the patch again. say : called with each stage.

    Raises
    ------
    UsageError : an unknown class. DataError : too few pictures of one.
    """
    folder = cell_of(place, left_out=left_out, seed=settings.base_seed)
    model, card = saved.load(folder, base=base)
    say("reading pictures")
    data = replace(data, size=card.size, colour=card.colour, fit=card.fit)
    pictures, parts = _parts(place, folder, prepare(data))
    pictures = _in_classes(pictures, card.classes)
    targets = [pictures.labelset.index(name, place="--class") for name in dict.fromkeys(classes)]
    if not targets:
        raise choice_error("class", "", pictures.labelset.names, place="--class")
    if settings.found:
        pictures, parts = _with_cluster(pictures, parts, settings.found, targets, card.images)
    _check_counts(pictures, parts, targets)

    say("reading out")
    wide = saved.widened(model, card, len(pictures.labelset))
    learn, judge = ("correct", "correct") if settings.cross_fit else ("fit", "calibrate")
    beside = [built([settings.corrector], wide, target)[settings.corrector] for target in targets]
    rows = np.concatenate([parts.rows(part) for part in ("correct", "test")])
    bench = Workbench.of(wide, pictures, AugmentSettings(), rows, beside)
    proposals = []
    for target, corrector in zip(targets, beside, strict=True):
        say(f"fitting {settings.corrector} for {pictures.labelset.names[target]}")
        if settings.cross_fit:
            proposals.append(bench.cross_fitted(settings.corrector, target, parts.rows(learn), settings.cross_fit))
        bench.fit(corrector, parts.rows(learn))
        if not settings.cross_fit:
            proposals.append(bench.propose(corrector, parts.rows(judge)))
    held = parts.rows(judge)
    witness = Witness(
        pictures.ids[held], pictures.labels[held], bench.seen(held).predicted, linked(pictures)[held].astype(str),
        np.stack([one.score for one in proposals]), np.stack([one.suggested for one in proposals]),
    )  # fmt: skip
    patch = Patch(
        pictures.labelset.names, wide.known.numpy(), (settings.corrector,) * len(targets), tuple(beside),
        policy, witness, saved.fingerprint(model, card), pictures.fingerprint(), bool(settings.cross_fit),
        {"made": now(), "command": command, "settings": asdict(settings), "data": asdict(data), "base": str(folder)},
    )  # fmt: skip
    return _measured(patch, bench, parts)


def _measured(patch: Patch, bench: Workbench, parts: Split) -> Correction:
    tested = parts.rows("test")
    truth, decision = bench.data.labels[tested], patch.decide(bench.seen(tested))
    counts = {part: len(parts.rows(part)) for part in ("fit", "calibrate", "test")}
    result = scores(truth, decision.base, decision.final, len(patch.classes))
    return Correction(patch, result, truth, decision.base, decision.final, counts)


def _parts(place: Path, folder: Path, pictures: Dataset) -> tuple[Dataset, Split]:
    """The parts of the classifier's own run where the data are the same, else new ones."""
    run = folder.parents[2] if len(folder.parts) > 2 else place
    if (run / "run.json").exists() and Run(run).manifest()["data"]["fingerprint"] == pictures.fingerprint():
        return pictures, split(pictures, int(folder.parent.name.removeprefix("seed")))
    return pictures, split(pictures, 0, APART)


def _in_classes(pictures: Dataset, known: tuple[str, ...]) -> Dataset:
    """The same rows with labels in the order of the classifier's classes, those that it lacks behind them."""
    own = pictures.labelset
    order = [*known, *(name for name in own.names if name not in known)]
    if tuple(order) == own.names:
        return pictures
    place = np.array([order.index(name) for name in own.names])
    targets = pictures.targets
    if targets is not None:
        wide = np.zeros((len(pictures), len(order)), targets.dtype)
        wide[:, place] = targets
        targets = wide
    return pictures.but(
        labelset=LabelSet(tuple(order), own.aliases), labels=place[pictures.labels], targets=targets, votes=None
    )


def _with_cluster(
    pictures: Dataset, parts: Split, place: str, targets: list[int], images: ImageSettings
) -> tuple[Dataset, Split]:
    """The pictures of a named cluster join *fit*, as pictures of the one class; those that are there already do not."""
    if len(targets) != 1:
        raise UsageError("one cluster is one class", place="--found", remedy="name one class with --class")
    names = pictures.labelset.names
    found = read_pictures(named_cluster(place), names, images)
    assert found.hashes is not None
    found = found.take(~np.isin(found.hashes, [] if pictures.hashes is None else pictures.hashes))
    found = found.but(labels=np.full(len(found), targets[0]), raw_labels=np.full(len(found), names[targets[0]]))
    ids = np.concatenate([parts.ids, found.ids])
    fit = np.full(len(found), PARTS.index("fit"))
    return pictures.joined(found), Split(ids, np.concatenate([parts.parts, fit]), parts.seed)


def _check_counts(pictures: Dataset, parts: Split, targets: list[int]) -> None:
    labels = pictures.labels[parts.rows("fit")]
    for target in targets:
        if not (labels == target).any():
            raise DataError(
                f"no picture of class {pictures.labelset.names[target]} to learn from", place=pictures.name,
                remedy="label some of this class, or leave it out",
            )  # fmt: skip
