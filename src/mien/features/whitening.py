"""Standardise every feature, then rotate and scale to uncorrelated components of variance 1 (PCA whitening)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from mien.types import Floats


@dataclass(frozen=True)
class Whitening:
    """z = ((x − mean) / spread) · basis.

    Attributes
    ----------
    mean, spread : (D,) of the features it was fitted on.
    basis : (D, M) principal axes, each divided by the standard deviation along it (or a power of it).
    """

    mean: Floats
    spread: Floats
    basis: Floats

    @classmethod
    def fit(cls, features: Floats, components: int = 256, power: float = 1.0) -> Whitening:
        """Fit on (N, D) features, keeping at most `components` axes (fewer where N or D is small).

        With a `power` below 1 the axes keep a part of their spread; 0 is principal components without whitening.
        """
        mean, spread = features.mean(0), features.std(0)
        spread = np.where(spread > 1e-6, spread, 1.0)  # a constant feature says nothing, and must not blow up
        count = max(1, min(components, features.shape[1], len(features) - 1))
        pca = _principal((features - mean) / spread, count)
        deviation = np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
        useful = pca.explained_variance_ > 1e-7
        return cls(mean, spread, (pca.components_ / deviation[:, None] ** power)[useful].T.astype(np.float32))

    def apply(self, features: Floats) -> Floats:
        """(N, D) → (N, M)."""
        return ((features - self.mean) / self.spread) @ self.basis

    def onto(self, features: Floats, directions: Floats) -> Floats:
        """(N, D) features, (M, C) directions → (N, C): `apply(features) @ directions`, in one product."""
        each = (self.basis.astype(np.float64) @ directions) / self.spread[:, None].astype(np.float64)
        return np.asarray(features @ each.astype(np.float32) - self.mean.astype(np.float64) @ each)


def _principal(features: Floats, count: int) -> PCA:
    """Principal components by randomised SVD; LAPACK's divide and conquer fails once in a while, eigenvalues do not."""
    try:
        return PCA(count, svd_solver="randomized", random_state=0).fit(features)
    except np.linalg.LinAlgError:
        return PCA(count, svd_solver="covariance_eigh").fit(features)
