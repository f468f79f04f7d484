"""Intervals and tests for rates: Wilson, the paired bootstrap by groups, exact McNemar."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, ndtri

from mien.errors import AlignmentError
from mien.types import Bools, Floats, Ints, Texts


def wilson(hits: ArrayLike, totals: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson score interval of hits / totals.

    Parameters
    ----------
    hits, totals : counts of one shape.
    confidence : of the two-sided interval.

    Returns
    -------
    low, high : of the same shape, within 0 and 1; NaN where totals is 0.

    Notes
    -----
    E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 1927.

    Examples
    --------
    >>> low, high = wilson(21, 88)
    >>> print(f"{low:.2f} {high:.2f}")
    0.16 0.34
    """
    k, n = np.asarray(hits, dtype=float), np.asarray(totals, dtype=float)
    z2 = ndtri((1 + confidence) / 2) ** 2
    with np.errstate(invalid="ignore"):  # 0/0 is NaN, as meant
        centre = (k + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (k * (n - k) / n + z2 / 4)) / (n + z2)
    # the ends are exact where every trial, or none, is a hit
    low = np.where(k == 0, 0.0, centre - half)
    high = np.where(k == n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def bootstrap_ratio(
    top: Bools,
    bottom: Bools,
    groups: Texts | None = None,
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of sum(top) / sum(bottom), both counted on the same pictures of one class.

    Whole groups (persons) are drawn with replacement, so pictures of one person stay together and both sums stay
    paired. With ``top`` the right answers of h and ``bottom`` those of the full model, this is the interval of P.

    Parameters
    ----------
    top, bottom : (N,) bool.
    groups : (N,) the unit of resampling; None: each picture is its own.
    draws, confidence, seed : the same seed gives the same interval.

    Returns
    -------
    low, high : NaN where `bottom` has no hit; draws without one, where the ratio is undefined, are left out.
    """
    if not len(top) == len(bottom) == len(top if groups is None else groups):
        raise AlignmentError("top, bottom and groups differ in length", place="bootstrap_ratio")
    if not bottom.any():
        return float("nan"), float("nan")
    unit = np.arange(len(top)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = np.stack([np.bincount(unit, weights=side) for side in (top, bottom)], axis=1)
    kinds, counts = np.unique(sums, axis=0, return_counts=True)  # equal groups are drawn together: the same, but fast
    drawn = np.random.default_rng(seed).multinomial(len(sums), counts / len(sums), size=draws) @ kinds
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mcnemar(harmed: int, repaired: int) -> float:
    """Exact two-sided p value of McNemar's test that f and h are right equally often.

    Parameters
    ----------
    harmed : pictures that f had right and h has wrong.
    repaired : pictures that f had wrong and h has right.

    Examples
    --------
    >>> round(mcnemar(2, 9), 4), mcnemar(0, 0)
    (0.0654, 1.0)
    """
    return float(min(1.0, 2 * bdtr(min(harmed, repaired), harmed + repaired, 0.5)))


def macro_difference(
    before: Bools, after: Bools, truth: Ints, groups: Texts | None = None, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float, float]:
    """How much the mean recall over the classes differs between two systems on the same pictures and seeds.

    Seeds and units of pictures (persons) are both drawn with replacement: what would differ with other trainings, and
    with other pictures (a hierarchical bootstrap: Davison & Hinkley, *Bootstrap methods and their application*, 1997,
    section 3.8).

    Parameters
    ----------
    before, after : (S, N) right answers of each seed.
    truth : (N,) class indices. groups : (N,) the unit of resampling; None: each picture is its own.
    draws, seed : the same seed gives the same numbers.

    Returns
    -------
    difference, low, high : with its 95 % interval. p : two-sided, at least 2 / (draws + 1).

    Examples
    --------
    >>> truth = np.repeat([0, 1], 50)
    >>> worse, better = np.zeros((2, 100), bool), np.ones((2, 100), bool)
    >>> macro_difference(worse, better, truth, draws=1999)
    (1.0, 1.0, 1.0, 0.001)
    """
    if before.shape != after.shape or before.shape[1] != len(truth):
        raise AlignmentError(f"{before.shape} and {after.shape} for {len(truth)} labels", place="macro_difference")
    classes = np.unique(truth)
    unit = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(unit.max()) + 1 if len(unit) else 0
    totals = np.stack([np.bincount(unit[truth == c], minlength=count) for c in classes], 1)
    changes = np.stack(
        [
            np.stack([np.bincount(unit, weights=one * (truth == c), minlength=count) for c in classes], 1)
            for one in after.astype(float) - before
        ]
    )  # (S, units, classes)
    rng = np.random.default_rng(seed)
    lots = []
    for some in np.array_split(np.arange(draws), max(1, draws * count // 2_000_000)):
        times = rng.multinomial(count, np.full(count, 1 / count), size=len(some))
        of_seeds = np.stack([times @ one for one in changes])  # (S, draws, classes)
        drawn = rng.multinomial(len(changes), np.full(len(changes), 1 / len(changes)), size=len(some)) / len(changes)
        seen = times @ totals
        with np.errstate(invalid="ignore", divide="ignore"):  # a class that was not drawn is left out
            lots.append(np.nanmean(np.where(seen > 0, np.einsum("sdc,ds->dc", of_seeds, drawn) / seen, np.nan), axis=1))
    found = np.concatenate(lots)
    difference = float((changes.mean(0).sum(0) / totals.sum(0)).mean())
    low, high = np.quantile(found, [0.025, 0.975])
    p = 2 * (min(int((found <= 0).sum()), int((found >= 0).sum())) + 1) / (draws + 1)
    return difference, float(low), float(high), min(1.0, p)


def holm(p_values: ArrayLike) -> Floats:
    """p values of several tests, raised so that any false finding among all of them is as rare as in one test.

    S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    found = np.empty(len(p))
    found[order] = np.minimum(1.0, raised)
    return found
