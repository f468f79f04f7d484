"""The vectors that correctors learn on: layers side by side, standardised, rotated to their principal axes, scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError
from mien.features.vectors import nothing_differs, patterns, stack, widths
from mien.features.whitening import Whitening
from mien.types import Floats, Outputs


@dataclass(frozen=True)
class Embedding:
    """Outputs → (N, M) vectors.

    Attributes
    ----------
    layers : patterns of the features used.
    whitening : what is done to them.
    widths : layer → numbers a picture, of the outputs it was fitted on; empty where an older run has not kept them.
    """

    layers: tuple[str, ...]
    whitening: Whitening
    widths: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, outputs: Outputs, layers: Sequence[str], components: int, whiten: float = 1.0, *, least: int = 1
    ) -> Self:
        """Learn it from pictures; labels play no part.

        Parameters
        ----------
        components : principal axes kept at most.
        whiten : 1 scales every axis to variance 1, 0 leaves the variances as they are, between: a power of it.
        least : smallest number of axes that is accepted.

        Raises
        ------
        DataError : no feature matches, a value is not finite, or nothing differs between the pictures.
        """
        vectors, wide = stack(outputs, layers), widths(outputs, layers)
        made = cls(patterns(layers), Whitening.fit(vectors, components, whiten, list(wide.values())), wide)
        if made.axes < least:
            raise nothing_differs(outputs, layers)
        return made

    @property
    def variances(self) -> Floats:
        """(M,) of the fitted pictures along the axes, if they were whitened wholly."""
        return np.asarray(1 / (self.whitening.basis.astype(np.float64) ** 2).sum(0))

    @property
    def axes(self) -> int:
        """M, the length of a vector."""
        return int(self.whitening.basis.shape[1])

    def truncate(self, axes: int) -> Self:
        """The embedding with its first axes alone."""
        return replace(self, whitening=replace(self.whitening, basis=self.whitening.basis[:, :axes]))

    def apply(self, outputs: Outputs) -> Floats:
        """(N, M) vectors of new outputs."""
        return self.whitening.apply(self._stacked(outputs))

    def project(self, outputs: Outputs, directions: Floats) -> Floats:
        """(N, C) products of the vectors with (M, C) directions, without making the vectors: far quicker."""
        return self.whitening.project(self._stacked(outputs), directions)

    def state(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        of = self.whitening
        arrays = {"taps": np.array(self.layers), "mean": of.mean, "spread": of.spread, "basis": of.basis}
        return {**arrays, **kept_widths(self.widths)}

    @classmethod
    def of(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """From the arrays of `state`."""
        whitening = Whitening(state["mean"], state["spread"], state["basis"])
        return cls(tuple(str(layer) for layer in state["taps"]), whitening, widths_in(state))

    def _stacked(self, outputs: Outputs) -> Floats:
        vectors = stack(outputs, self.layers, self.widths)
        if vectors.shape[1] != len(self.whitening.mean):
            cause = f"have {vectors.shape[1]} numbers a picture, the corrector was fitted on {len(self.whitening.mean)}"
            remedy = "give the features that the corrector was fitted on, or fit it again"
            raise AlignmentError(cause, place="Outputs.vectors", remedy=remedy)
        return vectors


def kept_widths(widths: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Widths of layers as plain arrays; none where they are not known."""
    return {"names": np.array(list(widths)), "widths": np.array(list(widths.values()))} if widths else {}


def widths_in(state: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """The widths of layers that a saved corrector has; empty for those of earlier versions."""
    if not {"names", "widths"} <= set(state):
        return {}
    return dict(zip(map(str, state["names"]), map(int, state["widths"]), strict=True))
