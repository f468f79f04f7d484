"""Pictures for an export: those that a graph is compared on, and those that its patch was certified on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.contract import Batch, Classifier
from mien.data.prepare import DataSettings, prepare
from mien.deploy.patch import Patch
from mien.errors import MienError
from mien.storage.files import Record
from mien.types import Dataset

DRAWN = 300
"""Faces that are drawn where no pictures are given."""
MOST = 2000
"""Pictures that are compared at most."""


@dataclass(frozen=True)
class Compared:
    """The pictures that a graph is compared on, and the name of the set that they are from."""

    batch: Batch
    source: str


def pictures_to_compare(classifier: Classifier, source: str = "") -> Compared:
    """Pictures of a data set, evenly chosen where there are many; without one, drawn faces.

    Raises
    ------
    DataError : no usable picture.
    """
    data = _read(classifier, DataSettings(source or f"synthetic:n={DRAWN}"))
    count = len(data)
    rows = np.arange(count) if count <= MOST else np.linspace(0, count - 1, MOST).astype(np.int64)
    return Compared(Batch.of(data, rows), Path(data.name).name if source else "drawn faces")


def calibration_pictures(classifier: Classifier, patch: Patch) -> tuple[Batch | None, str]:
    """The pictures of a patch's calibration set, read again; None and a reason where that cannot be."""
    if patch.approximate:
        return None, "its calibration scores are cross-fitted"
    stored = patch.about.get("data")
    if not isinstance(stored, Mapping):
        return None, "it does not name its pictures"
    try:
        settings = stored.record(DataSettings) if isinstance(stored, Record) else DataSettings(**stored)
        data = _read(classifier, settings)
    except (MienError, TypeError) as error:
        return None, f"its pictures cannot be read: {getattr(error, 'cause', error)}"
    rows = _rows(data, patch.calibration, patch.classes)
    return (None, "its pictures are others now") if rows is None else (Batch.of(data, rows), "")


def _read(classifier: Classifier, settings: DataSettings) -> Dataset:
    images = classifier.card.images
    return prepare(replace(settings, size=images.size, colour=images.colour, resize_mode=images.resize_mode))


def _rows(data: Dataset, calibration: CalibrationSet, classes: tuple[str, ...]) -> np.ndarray | None:
    """The rows of the calibration pictures; None where one is missing or has another label now."""
    place = {key: row for row, key in enumerate(data.ids.tolist())}
    rows = np.array([place.get(key, -1) for key in calibration.row_keys.tolist()], np.int64)
    if (rows < 0).any():
        return None
    names = np.array([*classes])[calibration.truth]
    return rows if np.array_equal(np.array(data.labelset.names)[data.labels[rows]], names) else None
