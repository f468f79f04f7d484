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
    """A fitted PCA whitening, z = ((x − mean) / std) · basis.

    Attributes
    ----------
    mean, std : (D,) mean and standard deviation of the features it was fitted on.
    basis : (D, M) principal axes, each divided by a power of the standard deviation along it.
    """

    mean: Floats
    std: Floats
    basis: Floats

    @classmethod
    def fit(cls, features: Floats, components: int = 256, power: float = 1.0, widths: Sequence[int] = ()) -> Whitening:
        """Fit to (N, D) features and keep at most `components` axes (fewer where N or D is small).

        Parameters
        ----------
        power : 1 scales every axis to variance 1; 0 gives principal components without whitening.
        widths : widths of the concatenated layers. A standard deviation below 1e-6 counts as 0, unless all features
            of the layer are as small.

        Returns
        -------
        Whitening
            Constant features do not contribute to the axes; if all are constant, there are no axes.
        """
        features = as_numbers(features, "Whitening.fit", ndim=2)
        mean, std = _moments(features if features.dtype.kind == "f" else features.astype(np.float64), widths)
        if not (std > 0).any():
            return cls(mean, np.ones_like(std), np.empty((len(std), 0), np.float32))
        std = np.where(std > 0, std, std.dtype.type(1))  # no division by 0 for constant features
        count = max(1, min(components, features.shape[1], len(features) - 1))
        pca = _principal((features - mean) / std, count)
        deviation = np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
        useful = pca.explained_variance_ > 1e-7
        return cls(mean, std, (pca.components_ / deviation[:, None] ** power)[useful].T.astype(np.float32))

    def apply(self, features: Floats) -> Floats:
        """Whiten (N, D) features to (N, M)."""
        features = as_numbers(features, "Whitening.apply", ndim=2, finite=False)
        if features.shape[1] != len(self.mean):
            cause = f"features have {features.shape[1]} columns, the whitening was fitted to {len(self.mean)}"
            raise AlignmentError(cause, place="Whitening.apply", remedy="give the features that it was fitted to")
        standardised = features - self.mean
        if standardised.dtype == self.std.dtype:
            standardised /= self.std  # without another array of this size
        else:
            standardised = standardised / self.std
        return np.asarray(standardised @ self.basis)

    def project(self, features: Floats, directions: Floats) -> Floats:
        """(N, C) products `apply(features) @ directions` of (N, D) features and (M, C) directions, without `apply`."""
        combined = (self.basis.astype(np.float64) @ directions) / self.std[:, None].astype(np.float64)
        return np.asarray(features @ combined.astype(np.float32) - self.mean.astype(np.float64) @ combined)


def _moments(features: Floats, widths: Sequence[int] = ()) -> tuple[Floats, Floats]:
    """(D,) means and standard deviations; the latter are 0 for features that are constant up to rounding."""
    if not features.size:
        return np.zeros(features.shape[1], features.dtype), np.zeros(features.shape[1], features.dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # squares that overflow are computed in float64 below
        mean, std = features.mean(0), features.std(0)
    large = ~(np.isfinite(mean) & np.isfinite(std))
    mean[large], std[large] = _in_float64(features[:, large])
    rounded = (std > 1e-6) & (std <= 1e-5 * np.abs(mean))  # may be rounding errors only
    std[rounded] *= np.ptp(features[:, rounded], axis=0) > 0
    std[std <= 1e-6] = 0
    ends = np.cumsum(widths or [features.shape[1]])
    for layer in (slice(end - width, end) for end, width in zip(ends, widths or ends, strict=True)):
        if not std[layer].any():  # all features are small, perhaps because of their unit
            mean[layer], exact = _in_float64(features[:, layer])
            small = (exact <= 1e-6 * np.abs(features[:, layer]).max(0)) | (exact < np.finfo(np.float32).tiny)
            std[layer] = np.where(small, 0, exact)
    return mean, std


def _in_float64(features: Floats) -> tuple[Floats, Floats]:
    wide = features.astype(np.float64)
    return wide.mean(0).astype(features.dtype), wide.std(0).astype(features.dtype)


def _principal(features: Floats, count: int) -> PCA:
    """Principal components by randomised SVD, or by eigenvalues in the rare case that LAPACK's SVD fails."""
    try:
        return PCA(count, svd_solver="randomized", random_state=0).fit(features)
    except np.linalg.LinAlgError:
        return PCA(count, svd_solver="covariance_eigh").fit(features)
