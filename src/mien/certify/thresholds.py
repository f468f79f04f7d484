"""Thresholds from calibration scores: with a certificate (order statistics), and plain ones without.

The certified ones follow X. Tong, Y. Feng, J. J. Li, *Neyman-Pearson classification algorithms and NP receiver
operating characteristics*, Science Advances 2018: exact for any score and any sample size.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import floor, log, log1p

import numpy as np
from scipy.special import bdtr

from mien.errors import AlignmentError, UsageError
from mien.types import Bools, Floats, Texts, as_groups, as_mask, as_numbers, without_nan

POOLED = "pooled"


@dataclass(frozen=True)
class Guarantee:
    """With confidence 1 − δ, overriding above `threshold` harms at most a share `budget` of `group`.

    Attributes
    ----------
    group : "pooled", a class, or "rare classes".
    confidence : 1 − δ.
    n : persons (or other groups) in the calibration pictures that f had right.
    k : allowed number of harmed groups; −1 if the budget cannot be certified.
    threshold : the lowest that the certificate allows; +inf where infeasible.
    feasible : whether n is large enough. needed : the smallest n that is.
    holds : whether it is feasible and the threshold in force is at least this one.
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


def order_statistic_threshold(
    scores: Floats, groups: Texts | None, budget: float, delta: float, group: str = POOLED
) -> Guarantee:
    """The lowest threshold that is certified: the (k+1)-th largest score, with one score for each person.

    A person counts as harmed if any picture is, so the largest score stands for the person, and the certificate is for
    the share of persons harmed. Ties are safe, as only scores greater than the threshold override.

    Parameters
    ----------
    scores : (N,) of calibration pictures that f had right.
    groups : (N,) persons or other units that may not be split; None: each picture is its own.
    budget, delta : α and δ.
    group : what the guarantee is for.
    """
    place = "order_statistic_threshold"
    scores = without_nan(as_numbers(scores, f"{place}: scores", finite=False), f"{place}: scores")
    if groups is None:
        largest = np.asarray(scores, dtype=float)
    else:
        names, unit = np.unique(as_groups(groups, f"{place}: groups", len(scores)), return_inverse=True)
        largest = np.full(len(names), -np.inf)
        np.maximum.at(largest, unit, scores)
    n = len(largest)
    k = allowed(n, budget, delta)
    threshold = float(np.sort(largest)[n - 1 - k]) if k >= 0 else np.inf
    return Guarantee(group, budget, 1 - delta, n, k, threshold, k >= 0, smallest_n(budget, delta), holds=k >= 0)


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
