"""Rates with their counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import AlignmentError
from mien.types.arrays import Floats, Ints


@dataclass(frozen=True)
class Rates:
    """Rates with their counts: hits out of totals. Undefined (0/0) is NaN, never a guess.

    Attributes
    ----------
    hits, totals : int arrays of one shape.
    """

    hits: Ints
    totals: Ints

    def __post_init__(self) -> None:
        if self.hits.shape != self.totals.shape or (self.hits > self.totals).any() or (self.hits < 0).any():
            raise AlignmentError("hits must be between 0 and totals, of the same shape", place="Rates")

    @property
    def values(self) -> Floats:
        """hits / totals, NaN where totals is 0."""
        values: Floats = np.full(self.hits.shape, np.nan)
        return np.divide(self.hits, self.totals, out=values, where=self.totals > 0)

    def mean(self, weights: Floats | None = None) -> float:
        """Mean of the defined rates; with `weights`, weighted and renormalised over the defined; NaN if none is."""
        values = self.values
        defined = ~np.isnan(values)
        share = np.ones(values.shape) if weights is None else np.broadcast_to(weights, values.shape)
        total = share[defined].sum()
        return float((values[defined] * share[defined]).sum() / total) if total > 0 else float("nan")


@dataclass(frozen=True)
class Scores:
    """One classifier f and its corrected system h on the same pictures, per class (METHOD: metrics).

    Attributes
    ----------
    support : (K,) int, pictures per class.
    tpr_f, tpr_h : recall of f and of h.
    retention, harm : of what f had right, what h keeps and loses.
    gain : of what f had wrong, what h has right.
    fpr_f, fpr_h : pictures of other classes that f, h call by this one (fpr_h is the spill).
    """

    support: Ints
    tpr_f: Rates
    tpr_h: Rates
    retention: Rates
    harm: Rates
    gain: Rates
    fpr_f: Rates
    fpr_h: Rates

    @property
    def delta(self) -> Floats:
        """(K,) TPR_h − TPR_f."""
        return self.tpr_h.values - self.tpr_f.values

    @property
    def delta_fpr(self) -> Floats:
        """(K,) FPR_h − FPR_f."""
        return self.fpr_h.values - self.fpr_f.values
