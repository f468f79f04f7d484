"""The labelled pictures that a classifier takes for most alike to a new one, and how far away they are.

Two vectors of the classifier describe a picture: its last layer before the logits, as means on a grid of 3 × 3 where
that is a map, and the log-probabilities of its answers. Each has length 1, so that both count the same; the distance is
1 − the mean of their cosines. Of the layers and scalings that were compared on FER+, these find most pictures of the
same class (docs/explaining.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.classifiers.cache import cache_key, cached_outputs
from mien.classifiers.contract import Batch, Classifier, ClassifierCard
from mien.data.prepare import DataSettings, prepare
from mien.data.views import as_png, view
from mien.errors import AlignmentError, DataError
from mien.types import Dataset, FeatureRequest, Floats, Ints, Outputs, Texts

NEAREST = 5
"""Pictures that are shown."""
SIDE = 96
"""Longer side of a thumbnail in pixels."""
ROWS, BLOCK, TOGETHER = 2048, 8192, 128
"""Pictures described together; labelled and new pictures compared together."""
GRID = 3
FOLDER, VECTOR = "neighbours", "description"
"""Folder beside the classifier with the descriptions, and their name there."""
OF_IMAGES = ("pixels", "daisy", "logits")
"""Layers that say nothing of the classifier's view, or are its answers."""
TINY = 1e-12


@dataclass(frozen=True)
class Neighbours:
    """The k labelled pictures nearest to each of M new ones, nearest first.

    Attributes
    ----------
    ids : (M,) of the new pictures.
    rows : (M, k) places among the labelled pictures.
    distances : (M, k) from 0 (alike) to 2.
    keys, labels : (M, k) ids of the labelled pictures, and the names of their classes.
    """

    ids: Texts
    rows: Ints
    distances: Floats
    keys: Texts
    labels: Texts

    @property
    def distance(self) -> Floats:
        """(M,) to the last of the k: how strange a picture is, for the column `distance` of a log."""
        return np.asarray(self.distances[:, -1])


@dataclass(frozen=True)
class NeighbourIndex:
    """Labelled pictures with their descriptions.

    Attributes
    ----------
    classifier : which describes them. data : the N labelled pictures.
    descriptions : (N, D) float32, perhaps mapped from a file.
    """

    classifier: Classifier
    data: Dataset
    descriptions: Floats

    @classmethod
    def of(cls, classifier: Classifier, data: Dataset, keep: Path | None = None) -> NeighbourIndex:
        """Describe labelled pictures, in the form that the classifier reads.

        Parameters
        ----------
        keep : folder to keep the descriptions in; those of other pictures are taken away there.

        Raises
        ------
        DataError : there is no picture.

        Examples
        --------
        >>> from mien.classifiers.contract import ImageSpec
        >>> from mien.classifiers.function import FunctionClassifier
        >>> from mien.data.faces import FaceSettings, draw
        >>> def bright(images):
        ...     share = images.mean((1, 2)) / 255
        ...     return np.stack([1 - share, share], 1)
        >>> classifier = FunctionClassifier(bright, ["dark", "bright"], ImageSpec(24))
        >>> index = NeighbourIndex.of(classifier, draw(FaceSettings(n=30, size=24)).dataset)
        >>> near = index.nearest(classifier.outputs(Batch(index.data.pictures[:2])))
        >>> near.rows.shape, near.distances[:, 0].round(3).tolist()
        ((2, 5), [0.0, 0.0])
        """
        if not len(data):
            raise DataError("has no picture", place=data.name, remedy="give labelled pictures")
        rows = np.arange(len(data))
        request = request_of(classifier.card)

        def describe() -> Outputs:
            parts = []
            for start in range(0, len(data), ROWS):
                outputs = classifier.outputs(Batch.of(data, rows[start : start + ROWS]), request)
                vectors = {VECTOR: description(outputs, request)}
                parts.append(Outputs(outputs.ids, outputs.probs, outputs.known, vectors))
            return Outputs.concat(parts)

        if keep is None:
            return cls(classifier, data, describe().vectors[VECTOR])
        key = cache_key(classifier.card, data, rows, FeatureRequest(vectors=(VECTOR, *request.vectors)))
        return cls(classifier, data, cached_outputs(keep / FOLDER, key, describe).vectors[VECTOR])

    @property
    def request(self) -> FeatureRequest:
        """What the outputs of new pictures must have."""
        return request_of(self.classifier.card)

    def nearest(self, outputs: Outputs, count: int = NEAREST) -> Neighbours:
        """The labelled pictures nearest to new ones.

        Parameters
        ----------
        outputs : of this classifier, with what `request` names. count : k; all where there are fewer.

        Raises
        ------
        AlignmentError : the outputs are of another classifier.
        """
        queries = description(outputs, self.request)
        if len(queries) and queries.shape[1] != self.descriptions.shape[1]:
            cause = f"describe a picture by {queries.shape[1]} numbers, in place of {self.descriptions.shape[1]}"
            remedy = "give outputs of the same classifier, with the features that `request` names"
            raise AlignmentError(f"the outputs {cause}", place="NeighbourIndex.nearest", remedy=remedy)
        count = min(count, len(self.data))
        nearest_rows, distances = np.empty((len(queries), count), np.int64), np.empty((len(queries), count))
        for start in range(0, len(queries), TOGETHER):
            some = slice(start, start + TOGETHER)
            nearest_rows[some], distances[some] = self._nearest(queries[some], count)
        labels = np.array(self.data.labelset.names)[self.data.labels]
        return Neighbours(outputs.ids, nearest_rows, distances, self.data.ids[nearest_rows], labels[nearest_rows])

    def _nearest(self, queries: Floats, count: int) -> tuple[Ints, Floats]:
        """(M, count) rows and distances; memory holds one block beside the best so far."""
        similar: Floats = np.empty((len(queries), 0), np.float32)
        rows: Ints = np.empty((len(queries), 0), np.int64)
        for start in range(0, len(self.data), BLOCK):
            block = queries @ self.descriptions[start : start + BLOCK].T
            first = min(count, block.shape[1])
            best = np.argpartition(-block, first - 1, axis=1)[:, :first]
            similar = np.concatenate([similar, np.take_along_axis(block, best, 1)], 1)
            rows = np.concatenate([rows, start + best], 1)
            order = np.lexsort((rows, -similar), axis=1)[:, :count]
            similar, rows = np.take_along_axis(similar, order, 1), np.take_along_axis(rows, order, 1)
        return rows, np.clip(1 - similar, 0, 2)

    def thumbnail(self, row: int, side: int = SIDE) -> bytes:
        """A labelled picture as PNG; its decoded pixels where the file is no longer there."""
        return as_png(np.asarray(view(self.data, row, side)))


def open_index(classifier: Classifier, settings: DataSettings | str) -> NeighbourIndex:
    """Read labelled pictures as `mien correct` reads them, and keep their descriptions beside the classifier.

    Parameters
    ----------
    settings : where the pictures are, and how they are read; size, colour and filter are those of the classifier.

    Raises
    ------
    DataError : no picture is usable. UsageError : the classifier reads no pictures.
    """
    settings = DataSettings(settings) if isinstance(settings, str) else settings
    data = prepare(settings.for_images(classifier.card.images))
    return NeighbourIndex.of(classifier, data, getattr(classifier, "cache_folder", None))


def request_of(card: ClassifierCard) -> FeatureRequest:
    """The last layer before the logits, if the classifier shows one.

    >>> from mien.classifiers.contract import Layer
    >>> layers = (Layer("conv1", (8, 6, 6), "map"), Layer("logits", (7,), "logits"))
    >>> request_of(ClassifierCard("a", ("calm", "fear"), layers=layers)).vectors
    ('conv1/3',)
    """
    layers = [layer for layer in card.layers if layer.kind != "logits" and layer.name not in OF_IMAGES]
    names = [f"{layer.name}/{GRID}" if layer.kind == "map" else layer.name for layer in layers[-1:]]
    return FeatureRequest(vectors=tuple(names))


def description(outputs: Outputs, request: FeatureRequest) -> Floats:
    """(M, D) float32 rows of length 1: the vectors that are requested beside the log-probabilities."""
    vectors = [*(outputs.vectors[name] for name in request.vectors if name in outputs.vectors), outputs.log_probs]
    flat = [np.asarray(values, np.float32) for values in vectors]
    units = [values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), TINY) for values in flat]
    return np.concatenate(units, axis=1) / np.float32(np.sqrt(len(units)))
