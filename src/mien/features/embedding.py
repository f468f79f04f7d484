"""Embedding of outputs for correctors: concatenated layers, standardised, on principal axes, whitened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError
from mien.features.vectors import no_variation_error, patterns, stack, widths
from mien.features.whitening import Whitening
from mien.types import Floats, Outputs


@dataclass(frozen=True)
class Embedding:
    """A fitted map from the outputs of a classifier to (N, M) vectors.

    Attributes
    ----------
    layers : patterns of the names of the layers used.
    whitening : standardisation and principal axes.
    widths : layer → width in the outputs it was fitted on; empty for correctors saved by earlier versions.
    """

    layers: tuple[str, ...]
    whitening: Whitening
    widths: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, outputs: Outputs, layers: Sequence[str], components: int, whiten: float = 1.0, *, least: int = 1
    ) -> Self:
        """Fit the embedding to the outputs of pictures, without labels.

        Parameters
        ----------
        components : largest number of principal axes.
        whiten : power of the scaling; 1 gives every axis variance 1, 0 keeps the variances.
        least : smallest number of axes that is accepted.

        Raises
        ------
        DataError : no layer matches, a value is not finite, or the features are the same for all pictures.
        """
        vectors, fitted = stack(outputs, layers), widths(outputs, layers)
        embedding = cls(patterns(layers), Whitening.fit(vectors, components, whiten, list(fitted.values())), fitted)
        if embedding.axes < least:
            raise no_variation_error(outputs, layers)
        return embedding

    @property
    def variances(self) -> Floats:
        """(M,) variances of the fitted pictures along the axes; only for whiten = 1."""
        return np.asarray(1 / (self.whitening.basis.astype(np.float64) ** 2).sum(0))

    @property
    def axes(self) -> int:
        """Number of axes M, the length of a vector."""
        return int(self.whitening.basis.shape[1])

    def truncate(self, axes: int) -> Self:
        """Return an embedding with only the first axes."""
        return replace(self, whitening=replace(self.whitening, basis=self.whitening.basis[:, :axes]))

    def apply(self, outputs: Outputs) -> Floats:
        """Compute the (N, M) vectors of new outputs."""
        return self.whitening.apply(self._stacked(outputs))

    def project(self, outputs: Outputs, directions: Floats) -> Floats:
        """(N, C) products of the vectors with (M, C) directions, computed without the vectors, which is faster."""
        return self.whitening.project(self._stacked(outputs), directions)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the embedding as plain arrays, to be saved."""
        mean, std, basis = self.whitening.mean, self.whitening.std, self.whitening.basis
        return {
            "taps": np.array(self.layers), "mean": mean, "spread": std, "basis": basis, **widths_state(self.widths)
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """Build an embedding from the arrays of `state`."""
        whitening = Whitening(state["mean"], state["spread"], state["basis"])
        if not whitening.mean.shape == whitening.std.shape == whitening.basis.shape[:1] or whitening.basis.ndim != 2:
            raise ValueError("mean, spread and basis do not fit together")
        return cls(tuple(str(layer) for layer in state["taps"]), whitening, widths_from_state(state))

    def _stacked(self, outputs: Outputs) -> Floats:
        vectors = stack(outputs, self.layers, self.widths)
        if vectors.shape[1] != len(self.whitening.mean):
            cause = f"have width {vectors.shape[1]}, the corrector was fitted on width {len(self.whitening.mean)}"
            remedy = "give the features that the corrector was fitted on, or fit it again"
            raise AlignmentError(cause, place="Outputs.vectors", remedy=remedy)
        return vectors


def widths_state(widths: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Return the widths of layers as plain arrays; empty where there are none."""
    return {"names": np.array(list(widths)), "widths": np.array(list(widths.values()))} if widths else {}


def widths_from_state(state: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Return the widths of layers stored with a corrector; empty for correctors of earlier versions."""
    if not {"names", "widths"} <= set(state):
        return {}
    return dict(zip(map(str, state["names"]), map(int, state["widths"]), strict=True))
