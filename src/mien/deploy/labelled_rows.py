"""Rows and labels from memory as calibration data: divided, and without those that the classifier learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.classifiers.contract import Classifier, ClassifierCard, ImageSpec
from mien.classifiers.inputs import as_batch, paths_in
from mien.data.images import read_pictures
from mien.data.picture import decoded_image
from mien.data.provenance import Provenance, TrainedOn, shared
from mien.data.split import Shares, split
from mien.deploy.calibration_data import CalibrationData
from mien.errors import AlignmentError, DataError, UsageError, choice_error
from mien.types import NO_LABEL, PARTS, Dataset, LabelSet, Split, Texts, as_array, as_groups, texts
from mien.types.containers import as_pixels, is_missing

FITTED = Shares(train=0.0, validation=0.0, fit=0.6, calibrate=0.4, test=0.0)
"""Parts of rows that all correct a classifier."""
UNFITTED = Shares(train=0.5, validation=0.0, fit=0.3, calibrate=0.2, test=0.0)
"""Parts of rows that also train it."""


def class_names(labels: Any) -> list[str]:
    """The name of the class of each row: text as it is, numbers as text; DataError where a label is missing.

    >>> class_names([1, 2.0]), class_names(["fear"])
    (['1', '2'], ['fear'])
    """
    labels = [labels] if isinstance(labels, str) else labels
    plain = hasattr(labels, "tolist") or isinstance(labels, list | tuple)
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels if plain else np.asarray(labels).tolist())
    missing = [row for row, value in enumerate(values) if is_missing(value)]
    if missing:
        cause = f"row {missing[0]} has no label ({len(missing)} have none)"
        raise DataError(cause, place="y", remedy="leave these rows out")
    return [str(int(value) if isinstance(value, float) and value.is_integer() else value) for value in values]


def rows_of(card: ClassifierCard, X: Any, groups: Any = None) -> Dataset:
    """The rows of X without labels, with a digest of each, so that copies are known. Ids are row numbers.

    Parameters
    ----------
    X : see `mien.classifiers.inputs.as_batch`. groups : (N,) persons, or other units that may not be split.
    """
    if isinstance(card.inputs, ImageSpec):
        pixels, hashes = _images(X, card)
        ids, table = np.arange(len(pixels)).astype(str), None
    else:
        batch = as_batch(card, X)
        pixels, table, ids = None, batch.data, batch.ids
        keys = [row.tobytes() for row in table] if card.inputs.width else [name.encode() for name in ids.tolist()]
        hashes = texts([hashlib.sha256(key).hexdigest() for key in keys])
    none = np.full(len(ids), "")
    persons = None if groups is None else as_groups(groups, "groups", len(ids)).astype(str)
    labels = np.full(len(ids), NO_LABEL)
    classes = LabelSet(card.classes)
    return Dataset(ids, labels, classes, none, none, pixels, hashes, groups=persons, name="X, y", table=table)


def _images(X: Any, card: ClassifierCard) -> tuple[NDArray[np.uint8], Texts]:
    """Resized images, and digests of them as they are; DataError where a file cannot be read."""
    paths = paths_in(X)
    if paths is None:
        decoded = [decoded_image(Image.fromarray(image), card.images) for image in as_pixels(X, "X")]
        resized = [image.pixels for image in decoded if image.pixels is not None]
        empty = np.empty((0, *card.images.shape), np.uint8)
        return np.stack(resized) if resized else empty, texts([image.hash for image in decoded])
    data = read_pictures(paths, card.classes, card.images)
    if len(data) < len(paths):
        unread = next(problem for problem in data.problems if problem.place not in set(data.ids.tolist()))
        raise DataError(unread.cause, place=unread.place, remedy=unread.remedy)
    return data.pictures, texts([]) if data.hashes is None else data.hashes


def with_labels(rows: Dataset, names: Sequence[str], classes: Sequence[str]) -> Dataset:
    """The rows with labels that are indices into `classes`.

    Raises
    ------
    AlignmentError : another number of labels than of rows. UsageError : a label that is none of the classes.
    """
    if len(names) != len(rows):
        raise AlignmentError(f"has {len(names)} labels, X has {len(rows)} rows", place="y", remedy="give one a row")
    place = {name: index for index, name in enumerate(classes)}
    for name in names:
        if name not in place:
            error = choice_error("class", name, classes, place="y")
            remedy = f"name it, if it is new to the classifier: classes=[{name!r}]; {error.remedy}"
            raise UsageError(error.cause, place="y", remedy=remedy)
    labels = np.array([place[name] for name in names], np.int64)
    return rows.replace(labels=labels, labelset=LabelSet(tuple(classes)), raw_labels=texts(list(names)))


def divided(data: Dataset, seed: int, shares: Shares) -> Split:
    """Parts of labelled rows; copies and groups stay together. What no part has room for goes to *fit*."""
    parts = split(data, seed, shares)
    if shares.train:
        return parts
    return replace(parts, parts=np.where(parts.parts == PARTS.index("train"), PARTS.index("fit"), parts.parts))


def calibration_rows(
    classifier: Classifier,
    data: Dataset,
    parts: Split,
    classes: Sequence[str],
    provenance: Provenance,
    share: float = 0.0,
) -> CalibrationData:
    """Labelled rows as calibration data for the target classes.

    Raises
    ------
    DataError : nothing to learn a class from, or nothing to certify on.
    """
    material = CalibrationData(data, parts, (), provenance)
    if len(parts.rows("calibrate")):
        material = material.with_fit_share(share)
    material = material.with_targets(classifier, classes)
    to_learn, held = data.labels[material.to_fit], material.parts.rows("calibrate")
    for target in material.targets:
        if not (to_learn == target).any() or (to_learn == target).all():
            cause = f"{int((to_learn == target).sum())} of {len(to_learn)} rows to learn from are of class "
            remedy = "give more rows with labels, of this class and of others; aim for 50 or more of the class"
            raise DataError(cause + data.labelset.names[target], place=data.name, remedy=remedy)
    if not len(held):
        remedy = "give more rows; where persons are few, more persons"
        raise DataError(f"none of {len(data)} rows is left to certify on", place=data.name, remedy=remedy)
    return material


def without_learnt(data: Dataset, sets: Sequence[TrainedOn], kind: str) -> tuple[Dataset, Provenance]:
    """The rows that a classifier did not learn from, and what is known of that."""
    overlap = shared(data, "", sets)
    left = data.take(~overlap.excluded)
    if not len(left):
        remedy = "give rows that it was not trained on"
        raise DataError("the classifier was trained on all of the rows", place=data.name, remedy=remedy)
    sources = tuple(sorted({learnt_set.place for learnt_set in sets if learnt_set.place}))
    return left, Provenance(
        kind, sources, int(overlap.picture.sum()), int(overlap.person.sum()), int(overlap.namesake.sum())
    )


def as_class_labels(classes: Sequence[str], *given: Any) -> NDArray[Any]:
    """(K,) the classes as the user writes them: numbers where all of them are, else text.

    >>> as_class_labels(["0", "9"], np.array([9, 0]))
    array([0, 9])
    """
    values: dict[str, Any] = {}
    for labels in given:
        distinct = np.unique(as_array(labels, "y"))
        values |= dict(zip(class_names(distinct), distinct.tolist(), strict=True))
    whole = bool(values) and all(isinstance(value, int) and not isinstance(value, bool) for value in values.values())
    written = [values.get(name, int(name) if whole and name.isdecimal() else name) for name in classes]
    return np.array(written if len({isinstance(value, str) for value in written}) == 1 else list(classes))
