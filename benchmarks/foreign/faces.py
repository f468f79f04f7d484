"""The classifier inside the package `fer`, labelled faces, and the rows on which it may be judged."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

import mien
from mien.classifiers.contract import Batch
from mien.classifiers.foreign import ForeignClassifier
from mien.data.prepare import DataSettings, prepare
from mien.data.split import group_ids
from mien.deploy.calibration_data import in_classes
from mien.errors import DataError
from mien.nets.settings import AugmentSettings
from mien.types import Bools, Dataset, FeatureRequest, Ints, Outputs, SoftLabels

CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The order of its answers, by the source of its package."""
NEW = "contempt"
FAIR = "FER2013Valid"
"""Folder of the pictures that it was not trained on."""
BLOCKS, TESTED, FITTED = 20, 5, 9
"""Blocks of fair pictures: in each fold so many test, and so many fit where only fair pictures fit."""
VIEWS = 9


@dataclass(frozen=True)
class Fold:
    """Rows that fit, certify and test: the last two of pictures that the classifier never saw."""

    fit: Ints
    calibrate: Ints
    test: Ints

    @property
    def held(self) -> Ints:
        return np.concatenate([self.calibrate, self.test])


@dataclass(frozen=True, eq=False)  # two are the same if they are one object
class Faces:
    """The classifier and its answers to labelled faces.

    Attributes
    ----------
    data : faces in the classes of the classifier, with contempt behind them. fair : (N,) those that it never saw.
    """

    classifier: ForeignClassifier
    data: Dataset
    fair: Bools

    @cached_property
    def outputs(self) -> Outputs:
        """Of all rows, with the vectors of all layers."""
        whole = self.classifier.outputs(Batch.of(self.data, np.arange(len(self.data))), FeatureRequest())
        return whole.padded_to(len(self.data.labelset))

    @cached_property
    def groups(self) -> Ints:
        """(N,) pictures that are copies of each other have the same number."""
        return group_ids(self.data)

    @property
    def new(self) -> int:
        """Index of the class that the classifier lacks."""
        return self.data.labelset.names.index(NEW)

    @cached_property
    def train(self) -> Ints:
        """Rows that the classifier was trained on, without those that have a copy among the fair ones."""
        copied = np.isin(self.groups, self.groups[self.fair])
        return np.flatnonzero(~copied & (self.data.labels != self.new))

    @cached_property
    def blocks(self) -> list[Ints]:
        """Fair rows of the known classes in blocks that share no copy and have the same shares of classes."""
        rows = np.flatnonzero(self.fair & (self.data.labels != self.new))
        folds = StratifiedGroupKFold(BLOCKS, shuffle=True, random_state=0)
        parts = folds.split(rows, self.data.labels[rows], self.groups[rows])
        return [rows[block] for _, block in parts]

    def folds(self, *, on_train: bool) -> list[Fold]:
        """Folds in which each fair picture tests once; `on_train`: the pictures that f was trained on fit."""
        made = []
        for start in range(0, BLOCKS, TESTED):
            order = [*range(start, BLOCKS), *range(start)]
            test, left = order[:TESTED], order[TESTED:]
            fit, held = ([], left) if on_train else (left[:FITTED], left[FITTED:])
            rows = self.train if on_train else self._rows(fit)
            made.append(Fold(rows, self._rows(held), self._rows(test)))
        return made

    def soft(self, rows: Ints) -> SoftLabels:
        """Labels with the shares of the votes."""
        return self.data.soft_labels(rows)

    def maps(self, rows: Ints, layer: str) -> Outputs:
        """Outputs with the map of a layer, as they are."""
        request = FeatureRequest(layer, 1, ())
        return self.classifier.outputs(Batch.of(self.data, rows), request).padded_to(len(self.data.labelset))

    def views(self, rows: Ints, layer: str) -> Outputs:
        """Outputs with maps of a layer of changed views, to fit an adapter on."""
        views = self.classifier.views(Batch.of(self.data, rows), layer, VIEWS, AugmentSettings())
        return self.outputs.take(rows).with_features(maps={layer: views})

    def _rows(self, blocks: list[int]) -> Ints:
        return np.sort(np.concatenate([self.blocks[block] for block in blocks]))


def flags(options: argparse.ArgumentParser) -> None:
    """Add where the classifier and the faces lie."""
    options.add_argument("--model", type=Path, help="fer's network as an ONNX file")
    options.add_argument("--data", help="FER+ with the folders FER2013Train and FER2013Valid")


@lru_cache(maxsize=1)
def faces(model: Path, source: str, *, quick: bool = False) -> Faces:
    """Read the classifier and the faces; a fifth of the faces if `quick`.

    Raises
    ------
    DataError : no picture lies in the folder of the fair ones.
    """
    opened = mien.open(model, classes=list(CLASSES), scaling="-1..1", resample="bilinear")
    classifier: ForeignClassifier = opened.predictor_.classifier
    images = classifier.card.images
    data = prepare(DataSettings(source, size=images.size, colour=images.colour, resample=images.resample))
    if quick:
        data = data.take(np.flatnonzero(np.isin(group_ids(data) % 5, [0])))
    data = in_classes(data, CLASSES)
    fair = np.array([FAIR in path for path in data.paths.tolist()])
    if not fair.any():
        raise DataError(f"no picture lies in a folder {FAIR}", place=source, remedy="name FER+ with its own folders")
    return Faces(classifier, data, fair)
