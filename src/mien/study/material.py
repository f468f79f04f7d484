"""The pictures that a trained classifier may be corrected with: in its classes, in parts, none that it learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.data.images import ImageSettings, read_pictures
from mien.data.prepare import DataSettings, prepare
from mien.data.split import Shares, split
from mien.errors import DataError, MienError, RunError, UsageError
from mien.models.saved import ModelCard
from mien.runs import RETRAINED, Run, sound
from mien.study.discovery import named_cluster
from mien.types import PARTS, Bools, Dataset, LabelSet, Split

APART = Shares(train=0.0, validation=0.0, fit=0.45, calibrate=0.30, test=0.25)
"""Parts of pictures that f was not trained on: all of them may correct it."""


@dataclass(frozen=True)
class Material:
    """Pictures for correcting one classifier.

    Attributes
    ----------
    pictures : labelled, in the classifier's classes with those that it lacks behind them.
    parts : the run's own where the data are the same, else new ones.
    targets : class indices to be won back.
    trained_on : pictures of the data that were left out because the classifier was trained on them; −1 where that
        could not be looked up.
    """

    pictures: Dataset
    parts: Split
    targets: tuple[int, ...]
    trained_on: int

    @property
    def counts(self) -> dict[str, int]:
        """Pictures in each part that plays a role."""
        return {part: len(self.parts.rows(part)) for part in ("fit", "calibrate", "test")}


def gather(folder: Path, card: ModelCard, data: DataSettings, classes: Sequence[str], found: str = "") -> Material:
    """Read the pictures, and leave out what the classifier was trained on.

    Parameters
    ----------
    folder : of the classifier; its run says what it was trained on.
    data : size, colour and fit are taken from the card.
    classes : to be won back. found : FOLDER:CLUSTER of a discovery, whose pictures are of the one class.

    Raises
    ------
    UsageError : an unknown class or cluster. DataError : no picture of a class to learn from.
    """
    pictures = prepare(replace(data, size=card.size, colour=card.colour, fit=card.fit))
    pictures, parts, trained_on = _apart(folder, pictures)
    pictures = _in_classes(pictures, card.classes)
    targets = tuple(pictures.labelset.index(name, place="--class") for name in dict.fromkeys(classes))
    if found:
        pictures, parts = _with_cluster(pictures, parts, found, targets, card.images)
    learnt = pictures.labels[parts.rows("fit")]
    for target in targets:
        if not (learnt == target).any():
            raise DataError(
                f"no picture of class {pictures.labelset.names[target]} to learn from", place=pictures.name,
                remedy="label some of this class, or leave it out",
            )  # fmt: skip
    return Material(pictures, parts, targets, trained_on)


def _apart(folder: Path, pictures: Dataset) -> tuple[Dataset, Split, int]:
    """Pictures, parts, and how many were left out: the run's own parts for the run's own data, else all that is new."""
    run = Run(folder.parents[2]) if len(folder.parents) > 2 else None
    if run is None or not run.path("run.json").exists():
        return pictures, split(pictures, 0, APART), -1
    manifest, seed = run.manifest(), _seed_of(folder)
    with sound(run.path("run.json")):
        fingerprint, settings = manifest["data"]["fingerprint"], manifest["settings"]["data"].record(DataSettings)
    again = folder.name == RETRAINED  # it has learnt from *correct* too, which leaves nothing to correct with
    if fingerprint == pictures.fingerprint() and not again:
        return pictures, split(pictures, seed), 0
    try:
        own = prepare(settings)
    except MienError:  # they are no longer there
        return pictures, split(pictures, 0, APART), -1
    if own.fingerprint() != fingerprint:  # they have changed: nobody knows any more which were trained on
        return pictures, split(pictures, 0, APART), -1
    parts = split(own, seed)
    learnt = ("train", "validation", *(("fit", "calibrate") if again else ()))
    used = own.take(np.concatenate([parts.rows(part) for part in learnt]))
    known = _shared(pictures, used)
    left = pictures.take(~known)
    if not len(left):
        remedy = "give pictures that it has not seen"
        raise DataError("the classifier was trained on all of these pictures", place=pictures.name, remedy=remedy)
    return left, split(left, 0, APART), int(known.sum())


def _seed_of(folder: Path) -> int:
    name = folder.parent.name.removeprefix("seed")
    if not name.isdecimal():
        raise RunError("is no cell of a run", place=str(folder), remedy="give the run's folder")
    return int(name)


def _shared(pictures: Dataset, used: Dataset) -> Bools:
    """(N,) which pictures are among others, or are of a person who is."""
    shared: Bools = np.zeros(len(pictures), bool)
    if pictures.hashes is not None and used.hashes is not None:
        shared |= np.isin(pictures.hashes, used.hashes)
    if pictures.groups is not None and used.groups is not None:
        shared |= np.isin(pictures.groups, used.groups[used.groups != ""])
    return shared


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
    pictures: Dataset, parts: Split, place: str, targets: tuple[int, ...], images: ImageSettings
) -> tuple[Dataset, Split]:
    """The pictures of a named cluster join *fit*, as pictures of the one class; those that are there already do not."""
    if len(targets) != 1:
        raise UsageError("one cluster is one class", place="--found", remedy="name one class with --class")
    names = pictures.labelset.names
    found = read_pictures(named_cluster(place), names, images)
    if found.hashes is None or not len(found):
        why = f": {found.problems[0].cause}" if found.problems else ""
        remedy = "are they where they were? run mien discover again"
        raise DataError(f"none of the cluster's pictures can be read{why}", place=f"--found {place}", remedy=remedy)
    found = found.take(~np.isin(found.hashes, [] if pictures.hashes is None else pictures.hashes))
    found = found.but(labels=np.full(len(found), targets[0]), raw_labels=np.full(len(found), names[targets[0]]))
    fit = np.full(len(found), PARTS.index("fit"))
    return pictures.joined(found), Split(
        np.concatenate([parts.ids, found.ids]), np.concatenate([parts.parts, fit]), parts.seed
    )
