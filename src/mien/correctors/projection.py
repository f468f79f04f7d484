"""Ridge regression on many simple features of the vectors: random projections, or an RBF kernel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mien.correctors.on_vectors import Arrays, OnVectors
from mien.correctors.ridge import Ridge
from mien.types import Floats, Ints

FEATURES = 1000
RIDGE = ("weights", "intercept", "temperature")
"""Names of the arrays of the ridge regression."""


class OnRidge(OnVectors):
    """Base of the correctors on many features of the vectors. A subclass gives `_draw` and `_lifted`."""

    features: ClassVar[int] = FEATURES

    def _learn_vectors(self, vectors: Floats, codes: Ints) -> Arrays:
        drawn = self._draw(vectors)
        ridge = Ridge.fit(self._lifted(vectors, drawn), codes)
        return {**drawn, **{name: np.asarray(getattr(ridge, name)) for name in RIDGE}}

    def _vector_log_probs(self, vectors: Floats, learnt: Arrays) -> Floats:
        ridge = Ridge(learnt["weights"], learnt["intercept"], float(learnt["temperature"]))
        return ridge.log_probs(self._lifted(vectors, learnt))

    def _draw(self, vectors: Floats) -> Arrays:
        """The random part, as arrays, drawn for (N, M) vectors."""
        raise NotImplementedError

    def _lifted(self, vectors: Floats, drawn: Arrays) -> Floats:
        """(N, F) features of (N, M) vectors."""
        raise NotImplementedError


class Projection(OnRidge):
    """Random projection, ReLU, ridge (McDonnell et al., *RanPAC: random projections and pre-trained models for
    continual learning*, 2023)."""

    name = "projection"
    learns = ("directions", *RIDGE)

    def _draw(self, vectors: Floats) -> Arrays:
        width = vectors.shape[1]
        directions = np.random.default_rng(self.random_state).normal(size=(width, self.features)) / np.sqrt(width)
        return {"directions": directions.astype(np.float32)}

    def _lifted(self, vectors: Floats, drawn: Arrays) -> Floats:
        return np.asarray(np.maximum(vectors @ drawn["directions"], 0))


class Nystroem(OnRidge):
    """Kernel ridge with an RBF kernel on landmarks (Williams & Seeger, *Using the Nyström method to speed up kernel
    machines*, 2001). The width of the kernel is the median distance. Axes are scaled by the square root of their
    standard deviation only, so that noise in the last ones counts less.
    """

    name = "nystroem"
    learns = ("landmarks", "scale", "roots", *RIDGE)
    whiten = 0.5
    axes = 512
    _product: tuple[Arrays, Floats] | None = None
    """What was learnt, and its roots times its weights."""

    def _draw(self, vectors: Floats) -> Arrays:
        order = np.random.default_rng(self.random_state).permutation(len(vectors))
        landmarks = vectors[order[: self.features]]
        some = landmarks[:500]
        between = _squared(some, some)[np.triu_indices(len(some), 1)]
        scale = np.array(np.median(between) if len(between) and np.median(between) > 0 else 1.0)
        kernel = np.exp(-_squared(landmarks, landmarks) / scale)
        values, axes = np.linalg.eigh(kernel)
        kept = values > 1e-6 * values[-1]
        return {"landmarks": landmarks, "scale": scale, "roots": axes[:, kept] / np.sqrt(values[kept])}

    def _lifted(self, vectors: Floats, drawn: Arrays) -> Floats:
        return np.asarray(_kernel(vectors, drawn) @ drawn["roots"])

    def _vector_log_probs(self, vectors: Floats, learnt: Arrays) -> Floats:
        """See the base class; the roots and the weights are multiplied once, which saves the product of each row."""
        if self._product is None or self._product[0] is not learnt:
            self._product = learnt, learnt["roots"].astype(np.float64) @ learnt["weights"]
        ridge = Ridge(self._product[1], learnt["intercept"], float(learnt["temperature"]))
        return ridge.log_probs(_kernel(vectors, learnt))


def _kernel(vectors: Floats, drawn: Arrays) -> Floats:
    """(N, L) values of the kernel between vectors and landmarks."""
    distances = _squared(vectors, drawn["landmarks"])
    distances /= -drawn["scale"]
    return np.asarray(np.exp(distances, out=distances))


def _squared(first: Floats, other: Floats) -> Floats:
    """(N, L) squared distances."""
    lengths = np.einsum("ij,ij->i", other, other)
    squared = first @ other.T
    squared *= -2
    squared += np.einsum("ij,ij->i", first, first)[:, None]
    squared += lengths
    return np.asarray(np.maximum(squared, 0, out=squared))
