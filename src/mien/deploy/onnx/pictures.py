"""Pictures for an export: those that a graph is compared on, and those that its patch was certified on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.certify.calibration_set import CalibrationSet
from mien.classifiers.contract import Batch, Classifier, TableSpec
from mien.classifiers.inputs import as_batch
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


def rows_to_compare(classifier: Classifier, source: Any = "") -> Compared:
    """Pictures of a data set, evenly chosen where there are many; without one, drawn faces, or rows of random numbers.

    Parameters
    ----------
    source : a data set, or rows in memory as `as_batch` takes them.

    Raises
    ------
    DataError : no usable picture. UsageError : a data set of pictures for a classifier of tables.
    """
    if not isinstance(source, str):
        return _chosen(as_batch(classifier.card, source), "rows in memory")
    if isinstance(classifier.card.inputs, TableSpec) and not source:
        rows = np.random.default_rng(0).normal(size=(DRAWN, classifier.card.inputs.width))
        return Compared(Batch(rows), "random numbers")
    data = _read(classifier, DataSettings(source or f"synthetic:n={DRAWN}"))
    batch = Batch.of(data, np.arange(len(data)))
    return _chosen(batch, Path(data.name).name if source else "drawn faces")


def _chosen(batch: Batch, source: str) -> Compared:
    if len(batch) <= MOST:
        return Compared(batch, source)
    return Compared(batch.take(np.linspace(0, len(batch) - 1, MOST).astype(np.int64)), source)


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
    return prepare(settings.for_images(classifier.card.images))


def _rows(data: Dataset, calibration: CalibrationSet, classes: tuple[str, ...]) -> np.ndarray | None:
    """The rows of the calibration pictures; None where one is missing or has another label now."""
    place = {key: row for row, key in enumerate(data.ids.tolist())}
    rows = np.array([place.get(key, -1) for key in calibration.row_keys.tolist()], np.int64)
    if (rows < 0).any():
        return None
    names = np.array([*classes])[calibration.truth]
    return rows if np.array_equal(np.array(data.labelset.names)[data.labels[rows]], names) else None
