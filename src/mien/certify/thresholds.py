"""Thresholds from calibration scores: with a guarantee (order statistics), and plain ones without.

Two guarantees are exact for any score and any sample size. The *confident* one bounds Harm with confidence 1 − δ over
calibration sets (X. Tong, Y. Feng, J. J. Li, *Neyman-Pearson classification algorithms and NP receiver operating
characteristics*, Science Advances 2018). The *expected* one bounds the mean of Harm over calibration sets (A. N.
Angelopoulos, S. Bates, A. Fisch, L. Lei, T. Schuster, *Conformal risk control*, ICLR 2024).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil, floor, log, log1p, nan

import numpy as np
from scipy.special import bdtr

from mien.errors import AlignmentError, UsageError, choice_error
from mien.types import Bools, Floats, Texts, as_groups, as_mask, as_numbers, without_nan

POOLED = "pooled"
CONFIDENT, EXPECTED = GUARANTEES = ("confident", "expected")
"""Kinds of guarantee: Harm is within the budget with confidence 1 − δ, or in the mean over calibration sets."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Guarantee:
    """Overriding above `threshold` harms at most a share `budget` of `group`: with confidence 1 − δ, or on average.

    Attributes
    ----------
    group : "pooled", a class, or "rare classes".
    confidence : 1 − δ; NaN of an expected guarantee, which is a statement on the mean.
    n : persons (or other groups) in the calibration pictures that f had right.
    k : allowed number of harmed groups; −1 if the budget cannot be certified.
    threshold : the lowest that the certificate allows; +inf where infeasible.
    feasible : whether n is large enough. needed : the smallest n that is.
    holds : whether it is feasible and the threshold in force is at least this one.
    kind : one of GUARANTEES.
    """

    group: str
    budget: float
    confidence: float
    n: int
    k: int
    threshold: float
    feasible: bool
    needed: int
    holds: bool = False
    kind: str = CONFIDENT


def smallest_n(budget: float, delta: float) -> int:
    """Fewest calibration pictures with which a budget can be certified: (1 − α)^n ≤ δ.

    >>> [smallest_n(budget, 0.05) for budget in (0.01, 0.02, 0.05)]
    [299, 149, 59]
    """
    check_shares(budget, delta)
    n = floor(log(delta) / log1p(-budget))
    return n if allowed(n, budget, delta) >= 0 else n + 1


def allowed(n: int, budget: float, delta: float) -> int:
    """The largest k with P(Bin(n, α) ≤ k) ≤ δ: how many of n are allowed to be harmed in calibration; −1 if none is.

    >>> allowed(712, 0.02, 0.1), allowed(40, 0.02, 0.1)
    (9, -1)
    """
    check_shares(budget, delta)
    return bisect_right(range(n + 1), delta, key=lambda k: float(bdtr(k, n, budget))) - 1


def smallest_n_on_average(budget: float) -> int:
    """Fewest calibration pictures with which the mean of Harm can be bounded: α(n + 1) ≥ 1.

    >>> [smallest_n_on_average(budget) for budget in (0.01, 0.02, 0.05)]
    [99, 49, 19]
    """
    check_shares(budget)
    return ceil(1 / budget - ROUNDING) - 1


def allowed_on_average(n: int, budget: float) -> int:
    """The allowed number of harmed of n for a bound on the mean of Harm: ⌊α(n + 1)⌋ − 1; −1 if none is.

    The picture to come is counted as harmed with them: over all orders of the n + 1, each is the last equally often.

    >>> allowed_on_average(712, 0.02), allowed_on_average(40, 0.02)
    (13, -1)
    """
    check_shares(budget)
    return max(floor(budget * (n + 1) + ROUNDING) - 1, -1)


def order_statistic_threshold(
    scores: Floats,
    groups: Texts | None,
    budget: float,
    delta: float,
    group: str = POOLED,
    kind: str = CONFIDENT,
) -> Guarantee:
    """The lowest threshold that is certified: the (k+1)-th largest score, with one score for each person.

    A person counts as harmed if any picture is, so the largest score stands for the person, and the certificate is for
    the share of persons harmed. Ties are safe, as only scores greater than the threshold override.

    Parameters
    ----------
    scores : (N,) of calibration pictures that f had right.
    groups : (N,) persons or other units that may not be split; None: each picture is its own.
    budget, delta : α and δ; the expected guarantee has no δ.
    group : what the guarantee is for. kind : one of GUARANTEES.
    """
    place = "order_statistic_threshold"
    if kind not in GUARANTEES:
        raise choice_error("kind", kind, GUARANTEES, place=place)
    scores = without_nan(as_numbers(scores, f"{place}: scores", finite=False), f"{place}: scores")
    if groups is None:
        largest = np.asarray(scores, dtype=float)
    else:
        names, unit = np.unique(as_groups(groups, f"{place}: groups", len(scores)), return_inverse=True)
        largest = np.full(len(names), -np.inf)
        np.maximum.at(largest, unit, scores)
    n = len(largest)
    if kind == CONFIDENT:
        k, needed, confidence = allowed(n, budget, delta), smallest_n(budget, delta), 1 - delta
    else:
        k, needed, confidence = allowed_on_average(n, budget), smallest_n_on_average(budget), nan
    threshold = float(np.sort(largest)[n - 1 - k]) if k >= 0 else np.inf
    return Guarantee(group, budget, confidence, n, k, threshold, k >= 0, needed, holds=k >= 0, kind=kind)


def fixed_threshold(probability: float = 0.5) -> float:
    """The score, in log odds, at which the new class has this probability against the rest: no guarantee.

    >>> fixed_threshold(0.5)
    0.0
    """
    check_shares(probability)
    return log(probability) - log1p(-probability)


def balanced_accuracy_threshold(scores: Floats, is_new: Bools) -> float:
    """The threshold with the largest mean of recall on new pictures and on the others: no guarantee."""
    is_new = as_mask(is_new, "balanced_accuracy_threshold: is_new")
    return _best_threshold(scores, is_new, cost=is_new.sum() / max(1, (~is_new).sum()))


def cost_ratio_threshold(scores: Floats, is_new: Bools, cost: float) -> float:
    """The threshold of least cost, a false override counting as `cost` missed new pictures: no guarantee.

    >>> cost_ratio_threshold(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]), cost=2)
    3.0
    """
    if not cost > 0:
        remedy = "give the number of missed pictures that a false override is worth"
        raise UsageError(f"cost must be above 0, not {cost}", place="cost_ratio_threshold", remedy=remedy)
    return _best_threshold(scores, is_new, cost)


def _best_threshold(scores: Floats, is_new: Bools, cost: float) -> float:
    """An observed score (or −inf) that maximises new − cost·others above it; the highest such one."""
    is_new = as_mask(is_new, "threshold: is_new")
    scores = without_nan(as_numbers(scores, "threshold: scores", rows=len(is_new), finite=False), "threshold: scores")
    if not is_new.any() or is_new.all():
        cause = f"{is_new.sum()} of {len(is_new)} pictures are new"
        raise AlignmentError(cause, place="threshold", remedy="give scores of new and of other pictures")
    candidates = np.concatenate([[-np.inf], np.unique(scores)])
    above_new, above_other = (
        len(scores[mask]) - np.searchsorted(np.sort(scores[mask]), candidates, side="right")
        for mask in (is_new, ~is_new)
    )
    benefit = above_new - cost * above_other
    return float(candidates[np.flatnonzero(benefit == benefit.max())[-1]])


def check_shares(*shares: float) -> None:
    """Raise UsageError unless all lie between 0 and 1."""
    for share in shares:
        if not isinstance(share, int | float | np.number) or not 0 < share < 1:
            raise UsageError(
                f"a share must be between 0 and 1, not {share}", place="policy", remedy="give one such as 0.02"
            )
