"""A k-nearest-neighbour classifier on pixels or latents."""

from __future__ import annotations

import numpy as np

from mien.errors import DataError
from mien.imbalance.treatment import TrainPart
from mien.types import Floats


def knn_predict(part: TrainPart, vectors: Floats, new: Floats, k: int = 101, weights: Floats | None = None) -> Floats:
    """(M, K) shares of the votes of the k nearest training vectors, by the angle between standardised vectors.

    Parameters
    ----------
    part : the training part. vectors : (N, D) vectors of its pictures.
    new : (M, D) vectors of other pictures.
    k : number of neighbours; all training vectors where there are fewer.
    weights : (K,) weight of a vote for each class, 1 by default.

    Examples
    --------
    >>> part = TrainPart(np.array([0, 0, 1]), classes=2)
    >>> vectors = np.array([[0.0, 1.0], [0.1, 1.1], [1.0, 0.0]])
    >>> knn_predict(part, vectors, np.array([[0.0, 2.0]]), k=1).tolist()
    [[1.0, 0.0]]
    """
    from sklearn.neighbors import NearestNeighbors  # slow to import and not needed for training

    if not len(new):
        return np.empty((0, part.classes))
    if not len(vectors):
        raise DataError("the training part has no picture", place="knn_predict", remedy="give one or more pictures")
    mean, std = vectors.mean(0), vectors.std(0) + 1e-6
    train, queries = (_on_sphere((rows - mean) / std) for rows in (vectors, new))
    search = NearestNeighbors(n_neighbors=min(k, len(train)), algorithm="brute").fit(train)
    votes = np.eye(part.classes)[part.labels[search.kneighbors(queries, return_distance=False)]].sum(1)
    weighted = votes if weights is None else votes * weights
    return np.asarray(weighted / np.maximum(weighted.sum(1, keepdims=True), 1e-12))


def _on_sphere(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
