"""Standardise every feature, then rotate and scale to uncorrelated components of variance 1 (PCA whitening)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from mien.errors import AlignmentError
from mien.types import Floats, as_numbers


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
    def fit(cls, features: Floats, components: int = 256, power: float = 1.0, widths: Sequence[int] = ()) -> Whitening:
        """Fit on (N, D) features, keeping at most `components` axes (fewer where N or D is small).

        With a `power` below 1 the axes keep a part of their spread; 0 is principal components without whitening.
        Features that are alike in all pictures have no part in the axes; where all are, there is no axis. A spread
        below 1e-6 counts as none, but in a layer all of whose features are as small: `widths` are those of the layers.
        """
        features = as_numbers(features, "Whitening.fit", ndim=2)
        mean, spread = _moments(features if features.dtype.kind == "f" else features.astype(np.float64), widths)
        if not (spread > 0).any():
            return cls(mean, np.ones_like(spread), np.empty((len(spread), 0), np.float32))
        spread = np.where(spread > 0, spread, spread.dtype.type(1))  # a constant feature must not blow up
        count = max(1, min(components, features.shape[1], len(features) - 1))
        pca = _principal((features - mean) / spread, count)
        deviation = np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
        useful = pca.explained_variance_ > 1e-7
        return cls(mean, spread, (pca.components_ / deviation[:, None] ** power)[useful].T.astype(np.float32))

    def apply(self, features: Floats) -> Floats:
        """(N, D) → (N, M)."""
        features = as_numbers(features, "Whitening.apply", ndim=2, finite=False)
        if features.shape[1] != len(self.mean):
            cause = f"{features.shape[1]} numbers a row, fitted were {len(self.mean)}"
            raise AlignmentError(cause, place="Whitening.apply", remedy="give the features that it was fitted on")
        return ((features - self.mean) / self.spread) @ self.basis

    def project(self, features: Floats, directions: Floats) -> Floats:
        """(N, D) features, (M, C) directions → (N, C): `apply(features) @ directions`, in one product."""
        each = (self.basis.astype(np.float64) @ directions) / self.spread[:, None].astype(np.float64)
        return np.asarray(features @ each.astype(np.float32) - self.mean.astype(np.float64) @ each)


def _moments(features: Floats, widths: Sequence[int] = ()) -> tuple[Floats, Floats]:
    """(D,) means and spreads; a spread of 0 for a feature that is constant, or next to it."""
    if not features.size:
        return np.zeros(features.shape[1], features.dtype), np.zeros(features.shape[1], features.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # squares of very large numbers, made anew below
        mean, spread = features.mean(0), features.std(0)
    large = ~(np.isfinite(mean) & np.isfinite(spread))
    mean[large], spread[large] = _exact(features[:, large])
    rounded = (spread > 1e-6) & (spread <= 1e-5 * np.abs(mean))  # may be an error of rounding alone
    spread[rounded] *= np.ptp(features[:, rounded], axis=0) > 0
    spread[spread <= 1e-6] = 0
    ends = np.cumsum(widths or [features.shape[1]])
    for layer in (slice(end - width, end) for end, width in zip(ends, widths or ends, strict=True)):
        if not spread[layer].any():  # all are small, perhaps by their unit
            mean[layer], exact = _exact(features[:, layer])
            small = (exact <= 1e-6 * np.abs(features[:, layer]).max(0)) | (exact < np.finfo(np.float32).tiny)
            spread[layer] = np.where(small, 0, exact)
    return mean, spread


def _exact(features: Floats) -> tuple[Floats, Floats]:
    wide = features.astype(np.float64)
    return wide.mean(0).astype(features.dtype), wide.std(0).astype(features.dtype)


def _principal(features: Floats, count: int) -> PCA:
    """Principal components by randomised SVD; LAPACK's divide and conquer fails once in a while, eigenvalues do not."""
    try:
        return PCA(count, svd_solver="randomized", random_state=0).fit(features)
    except np.linalg.LinAlgError:
        return PCA(count, svd_solver="covariance_eigh").fit(features)
