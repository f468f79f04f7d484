"""Rates with their counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import AlignmentError
from mien.types.arrays import Floats, Ints
from mien.types.inputs import as_counts, as_numbers


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
        hits, totals = as_counts(self.hits, "Rates.hits"), as_counts(self.totals, "Rates.totals")
        if hits.shape != totals.shape or (hits > totals).any():
            remedy = "count hits among the totals"
            raise AlignmentError("hits must be between 0 and totals, of the same shape", place="Rates", remedy=remedy)
        object.__setattr__(self, "hits", hits)
        object.__setattr__(self, "totals", totals)

    @property
    def values(self) -> Floats:
        """The shares hits / totals, NaN where totals is 0."""
        values: Floats = np.full(self.hits.shape, np.nan)
        return np.divide(self.hits, self.totals, out=values, where=self.totals > 0)

    def mean(self, weights: Floats | None = None) -> float:
        """Mean of the defined rates; with `weights`, weighted and renormalised over the defined; NaN if none is."""
        values = self.values
        defined = ~np.isnan(values)
        share = np.ones(values.shape) if weights is None else self._weights(weights)
        total = share[defined].sum()
        return float((values[defined] * share[defined]).sum() / total) if total > 0 else float("nan")

    def _weights(self, weights: Floats) -> Floats:
        given = as_numbers(weights, "Rates.mean: weights", ndim=None)
        if (given < 0).any() or given.shape not in ((), self.hits.shape, self.hits.shape[-1:]):
            cause = f"weights of shape {given.shape} for rates of shape {self.hits.shape}, none of them negative"
            raise AlignmentError(cause, place="Rates.mean", remedy="give one weight of 0 or more for each rate")
        return np.broadcast_to(given, self.hits.shape)


@dataclass(frozen=True)
class Scores:
    """One classifier f and its corrected system h on the same pictures, per class (docs/method.md, "Measures").

    Attributes
    ----------
    support : (K,) int, pictures per class.
    tpr_f, tpr_h : recall of f and of h.
    retention, harm : of what f had right, what h keeps and loses.
    gain : of what f had wrong, what h has right.
    fpr_f, fpr_h : pictures of other classes that f, h call by this one (fpr_h is the spill).
    """

    support: Ints
    recall_before: Rates
    recall_after: Rates
    retention: Rates
    harm: Rates
    gain: Rates
    fpr_f: Rates
    fpr_h: Rates

    @property
    def delta(self) -> Floats:
        """(K,) TPR_h − TPR_f."""
        return self.recall_after.values - self.recall_before.values

    @property
    def delta_fpr(self) -> Floats:
        """(K,) FPR_h − FPR_f."""
        return self.fpr_h.values - self.fpr_f.values
