"""The vectors that correctors learn on: taps side by side, standardised, rotated to their principal axes, scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.features.vectors import stack
from mien.features.whitening import Whitening
from mien.types import Floats, Outputs


@dataclass(frozen=True)
class Embedding:
    """Outputs → (N, M) vectors.

    Attributes
    ----------
    taps : patterns of the features used.
    whitening : what is done to them.
    """

    taps: tuple[str, ...]
    whitening: Whitening

    @classmethod
    def fit(cls, outputs: Outputs, taps: Sequence[str], components: int, whiten: float = 1.0) -> Self:
        """Learn it from pictures; labels play no part.

        Parameters
        ----------
        components : principal axes kept at most.
        whiten : 1 scales every axis to variance 1, 0 leaves the variances as they are, between: a power of it.
        """
        return cls(tuple(taps), Whitening.fit(stack(outputs, taps), components, whiten))

    @property
    def variances(self) -> Floats:
        """(M,) of the fitted pictures along the axes, if they were whitened wholly."""
        return np.asarray(1 / (self.whitening.basis.astype(np.float64) ** 2).sum(0))

    @property
    def axes(self) -> int:
        """M, the length of a vector."""
        return int(self.whitening.basis.shape[1])

    def keeping(self, axes: int) -> Self:
        """The same with its first axes alone."""
        return replace(self, whitening=replace(self.whitening, basis=self.whitening.basis[:, :axes]))

    def apply(self, outputs: Outputs) -> Floats:
        """(N, M) vectors of new outputs."""
        return self.whitening.apply(stack(outputs, self.taps))

    def onto(self, outputs: Outputs, directions: Floats) -> Floats:
        """(N, C) products of the vectors with (M, C) directions, without making the vectors: far quicker."""
        return self.whitening.onto(stack(outputs, self.taps), directions)

    def state(self) -> dict[str, NDArray[Any]]:
        """As plain arrays."""
        of = self.whitening
        return {"taps": np.array(self.taps), "mean": of.mean, "spread": of.spread, "basis": of.basis}

    @classmethod
    def of(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """From the arrays of `state`."""
        whitening = Whitening(state["mean"], state["spread"], state["basis"])
        return cls(tuple(str(tap) for tap in state["taps"]), whitening)
