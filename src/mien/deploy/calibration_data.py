"""Pictures or rows that a classifier may be corrected with: in its classes, in parts, none that it learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.classifiers.contract import Classifier
from mien.classifiers.drawn import can_draw
from mien.correctors import get_corrector
from mien.data.images import read_pictures
from mien.data.labels import emotion_of
from mien.data.load import absolute
from mien.data.picture import ImageSettings
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import Provenance, shared
from mien.data.split import Shares, split, with_fit_share
from mien.deploy.discovery import named_cluster
from mien.deploy.patch_io import PICTURES, ROWS
from mien.deploy.settings import CorrectSettings
from mien.deploy.target_classes import chosen_classes
from mien.deploy.trained_on import FLAG, Learnt, learnt_by
from mien.errors import DataError, UsageError
from mien.types import NO_LABEL, PARTS, Dataset, Ints, LabelSet, Split

USED = ("fit", "calibrate", "test")
"""Parts that correct a classifier, or judge the correction."""
APART = Shares(train=0.0, validation=0.0, fit=0.45, calibrate=0.30, test=0.25)
"""Parts of pictures that f was not trained on: all of them may correct it."""


@dataclass(frozen=True)
class CalibrationData:
    """Pictures for correcting one classifier.

    Attributes
    ----------
    pictures : labelled, in the classifier's classes with those that it lacks behind them.
    parts : the run's own where the data are the same, else new ones. Of fit, calibrate and test, none was trained on.
    targets : class indices, the target classes.
    provenance : how that is known, and how many pictures were left out for it.
    notes : remarks on it, a sentence each.
    fit_trained_on : whether correctors learn from the part *train* as well, which the classifier was trained on.
    """

    pictures: Dataset
    parts: Split
    targets: tuple[int, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()
    fit_trained_on: bool = False

    @property
    def to_fit(self) -> Ints:
        """Rows that correctors learn from."""
        fit = self.parts.rows("fit")
        return np.union1d(self.parts.rows("train"), fit) if self.fit_trained_on else fit

    def with_fit_share(self, share: float) -> CalibrationData:
        """The same pictures with this share of *fit* and *calibrate* together in *fit*; 0 changes nothing.

        Raises
        ------
        DataError : nothing is left to certify on.
        """
        if not share:
            return self
        parts = with_fit_share(self.parts, self.pictures, share)
        if not len(parts.rows("calibrate")):
            remedy = f"give a smaller --fit-share, or more {self.unit}"
            raise DataError(f"no {self.unit[:-1]} is left to certify on", place=self.pictures.name, remedy=remedy)
        return replace(self, parts=parts)

    def with_targets(self, classifier: Classifier, names: Sequence[str]) -> CalibrationData:
        """The same pictures with target classes, see `mien.deploy.target_classes.chosen_classes`.

        They are chosen on *fit*: what certifies may not choose, so the fit share is set before.
        """
        targets, remarks = chosen_classes(names, classifier, self.pictures, self.parts.rows("fit"))
        return replace(self, targets=targets, notes=(*self.notes, *remarks))

    @property
    def unit(self) -> str:
        """What is counted, in the plural: pictures, or the rows of a table."""
        return PICTURES if self.pictures.table is None else ROWS

    @property
    def counts(self) -> dict[str, int]:
        """Pictures or rows in each part that plays a role."""
        counts = {part: len(self.parts.rows(part)) for part in USED}
        return {**counts, "fit": len(self.to_fit)}


def load_calibration_data(
    classifier: Classifier, data: DataSettings, settings: CorrectSettings, share: float = 0.0
) -> CalibrationData:
    """Read the pictures, and leave out what the classifier was trained on.

    Parameters
    ----------
    classifier : one that reads images, with a record of what it was trained on.
    data : size, colour, resize mode and filter are taken from the card.
    settings : name the classes, state what was trained on besides, and may name a cluster of a discovery, whose images
        are of the one class.
    share : share of *fit* and *calibrate* together that is to fit; 0 leaves them as they are.

    Raises
    ------
    UsageError : an unknown class or cluster, or unknown training pictures. DataError : no picture of a class to
        learn from, or none that was not trained on.
    """
    card = classifier.card
    images = card.images
    data = data.for_images(images)
    pictures = prepare(data)
    learnt = learnt_by(classifier, settings.trained_on, data, pictures)
    pictures, parts, provenance = _apart(pictures, absolute(data.source), learnt, settings.fit_trained_on)
    from_drawn = _learnt_from_drawn(classifier, settings)
    pictures = in_classes(pictures, (*card.classes, *_others(pictures, card.classes, from_drawn)))
    notes = (*learnt.notes, *_namesakes(provenance))
    material = CalibrationData(pictures, parts, (), provenance, notes, settings.fit_trained_on).with_fit_share(share)
    material = material.with_targets(classifier, [_in(pictures.labelset, name) for name in settings.classes])
    if settings.found:
        pictures, parts = _with_cluster(material, settings.found, images, learnt)
        material = replace(material, pictures=pictures, parts=parts)
    present = set(material.pictures.labels[material.to_fit].tolist())
    for target in material.targets:
        name = material.pictures.labelset.names[target]
        if target not in present and (emotion_of(name) or name) not in from_drawn:
            count = int((material.pictures.labels == target).sum())
            elsewhere = f": {count} in all, none of them in the part fit" if count else ""
            remedy = "label more of this class, or leave it out"
            if emotion_of(name):
                remedy += "; --corrector prototypes can start from drawn faces of an emotion"
            cause = f"no picture of class {name} to learn from{elsewhere}"
            raise DataError(cause, place=material.pictures.name, remedy=remedy)
    return material


def _learnt_from_drawn(classifier: Classifier, settings: CorrectSettings) -> list[str]:
    """The emotions among the target classes that need no labelled picture, since drawn faces are learnt from."""
    if not settings.drawn_faces:
        return []
    kind = get_corrector(settings.corrector)
    return [emotion_of(name) for name in settings.classes if can_draw(classifier, kind, [name])]


def _in(labelset: LabelSet, name: str) -> str:
    """The emotion that a name denotes, where a label set has it by that name alone; else the name as it was given."""
    emotion = emotion_of(name)
    return emotion if labelset.resolve(name) == NO_LABEL and emotion in labelset.names else name


def _others(pictures: Dataset, known: Sequence[str], from_drawn: Sequence[str]) -> list[str]:
    """The classes that the classifier lacks: those of the pictures, and those that are only drawn."""
    labelset = pictures.labelset
    present = set(map(emotion_of, (*known, *labelset.names)))
    drawn = [name for name in from_drawn if name not in present]
    return [*(name for name in labelset.names if name not in known), *drawn]


def _apart(pictures: Dataset, place: str, learnt: Learnt, fit_trained_on: bool) -> tuple[Dataset, Split, Provenance]:
    """Pictures, parts, and what was left out: the run's own parts for the run's own data, else all that is new.

    With `fit_trained_on` nothing is left out: what was trained on is the part *train*.
    """
    overlap = shared(pictures, place, learnt.sets)
    for learnt_set in learnt.sets:
        if learnt_set.seed >= 0 and learnt_set.fingerprint == pictures.fingerprint():
            parts = split(pictures, learnt_set.seed)
            if not any(overlap.excluded[parts.rows(part)].any() for part in USED):
                return pictures, parts, Provenance(learnt.kind, _sources(learnt))
    new = ~overlap.excluded
    by_picture, by_person = int(overlap.picture.sum()), int(overlap.person.sum())
    parts = split(pictures.take(new), 0, APART)
    if not all(len(parts.rows(part)) for part in USED):
        why = f": it was trained on {by_picture}, and on other pictures of the persons on {by_person}"
        why = why if overlap.excluded.any() else ""
        cause = f"{new.sum()} of {len(pictures)} pictures can correct the classifier{why}"
        raise DataError(cause, place=pictures.name, remedy="give more pictures that it was not trained on")
    provenance = Provenance(learnt.kind, _sources(learnt), by_picture, by_person, int(overlap.namesake.sum()))
    if not fit_trained_on:
        return pictures.take(new), parts, provenance
    if new.all():
        remedy = f"leave it out, or name what the classifier was trained on: {FLAG} PATH"
        raise UsageError("none of the pictures is known to be trained on", place="--fit-trained-on", remedy=remedy)
    all_parts = np.full(len(pictures), PARTS.index("train"))
    all_parts[new] = parts.parts
    return pictures, Split(pictures.ids, all_parts, parts.seed), provenance


def _sources(learnt: Learnt) -> tuple[str, ...]:
    return tuple(sorted({learnt_set.place for learnt_set in learnt.sets}))


def _namesakes(provenance: Provenance) -> Iterator[str]:
    if provenance.namesakes:
        yield (
            f"{provenance.namesakes} pictures are of persons with the names of some that were trained on, in a data "
            "set that lies elsewhere and has no trained-on picture in common. They count as other people; if they are "
            f"the same, name that data set with {FLAG} PATH"
        )


def in_classes(pictures: Dataset, known: tuple[str, ...]) -> Dataset:
    """The same rows with labels in the order of the classifier's classes, those that it lacks behind them."""
    labelset = pictures.labelset
    order = [*known, *(name for name in labelset.names if name not in known)]
    if tuple(order) == labelset.names:
        return pictures
    place = np.array([order.index(name) for name in labelset.names])
    targets = pictures.targets
    if targets is not None:
        wide = np.zeros((len(pictures), len(order)), targets.dtype)
        wide[:, place] = targets
        targets = wide
    return pictures.replace(
        labelset=LabelSet(tuple(order), labelset.aliases), labels=place[pictures.labels], targets=targets, votes=None
    )


def _with_cluster(
    material: CalibrationData, place: str, images: ImageSettings, learnt: Learnt
) -> tuple[Dataset, Split]:
    """The pictures of a named cluster join *fit*, as pictures of the one class.

    Those that are there already, or that the classifier was trained on, do not.
    """
    pictures, parts, targets = material.pictures, material.parts, material.targets
    if len(targets) != 1:
        raise UsageError("one cluster is one class", place="--found", remedy="name one class with --class")
    names = pictures.labelset.names
    files, word = named_cluster(place), place.rpartition(":")[2]
    if not word.isdecimal() and pictures.labelset.resolve(word) != targets[0]:
        remedy = f"give {place.rpartition(':')[0]}:{names[targets[0]]}"
        raise UsageError(f"{word!r} is not the class that is corrected", place="--found", remedy=remedy)
    cluster = read_pictures(files, names, images)
    if cluster.hashes is None or not len(cluster):
        why = f": {cluster.problems[0].cause}" if cluster.problems else ""
        remedy = "are they where they were? run mien discover again"
        raise DataError(f"none of the cluster's pictures can be read{why}", place=f"--found {place}", remedy=remedy)
    cluster = cluster.take(~shared(cluster, "", learnt.sets).picture)
    if not len(cluster):
        remedy = "name a cluster of pictures that it was not trained on"
        raise DataError(
            "the classifier was trained on all pictures of the cluster", place=f"--found {place}", remedy=remedy
        )
    cluster = cluster.take(~np.isin(np.asarray(cluster.hashes), np.asarray(pictures.hashes)))
    cluster = cluster.replace(
        labels=np.full(len(cluster), targets[0]), raw_labels=np.full(len(cluster), names[targets[0]])
    )
    fit = np.full(len(cluster), PARTS.index("fit"))
    return pictures.concat(cluster), Split(
        np.concatenate([parts.ids, cluster.ids]), np.concatenate([parts.parts, fit]), parts.seed
    )
