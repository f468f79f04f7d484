"""The k nearest training pictures, as a classifier: on pixels, or on latents."""

from __future__ import annotations

import numpy as np

from mien.errors import DataError
from mien.imbalance.treatment import TrainPart
from mien.types import Floats


def nearest(part: TrainPart, vectors: Floats, new: Floats, k: int = 101, weights: Floats | None = None) -> Floats:
    """(M, K) shares of the votes of the k nearest training vectors, by the angle between standardised ones.

    Parameters
    ----------
    part, vectors : the training part, and (N, D) vectors of its pictures.
    new : (M, D) vectors of other pictures.
    k : neighbours; all of them where there are fewer.
    weights : (K,) of a vote for each class, by default 1.

    Examples
    --------
    >>> part = TrainPart(np.array([0, 0, 1]), classes=2)
    >>> vectors = np.array([[0.0, 1.0], [0.1, 1.1], [1.0, 0.0]])
    >>> nearest(part, vectors, np.array([[0.0, 2.0]]), k=1).tolist()
    [[1.0, 0.0]]
    """
    from sklearn.neighbors import NearestNeighbors  # here: training, which needs none, must not wait for it

    if not len(new):
        return np.empty((0, part.classes))
    if not len(vectors):
        raise DataError("the training part has no picture", place="nearest", remedy="give one or more")
    centre, spread = vectors.mean(0), vectors.std(0) + 1e-6
    ours, theirs = (_on_sphere((of - centre) / spread) for of in (vectors, new))
    search = NearestNeighbors(n_neighbors=min(k, len(ours)), algorithm="brute").fit(ours)
    votes = np.eye(part.classes)[part.labels[search.kneighbors(theirs, return_distance=False)]].sum(1)
    counted = votes if weights is None else votes * weights
    return np.asarray(counted / np.maximum(counted.sum(1, keepdims=True), 1e-12))


def _on_sphere(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
