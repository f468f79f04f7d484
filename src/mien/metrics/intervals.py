"""Confidence intervals and tests for rates: Wilson, paired bootstrap over groups, exact McNemar, Holm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, ndtri, stdtr, stdtrit

from mien.errors import AlignmentError, UsageError
from mien.types import Bools, Floats, Ints, Texts, as_classes, as_counts, as_groups, as_labels, as_mask, as_numbers

EPS = 1e-15


def wilson(hits: ArrayLike, totals: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson score interval of hits / totals.

    Parameters
    ----------
    hits, totals : counts of the same shape.
    confidence : coverage of the two-sided interval, between 0 and 1.

    Returns
    -------
    low, high : ends of that shape, between 0 and 1; NaN where totals is 0.

    Notes
    -----
    E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 1927.

    Examples
    --------
    >>> low, high = wilson(21, 88)
    >>> print(f"{low:.2f} {high:.2f}")
    0.16 0.34
    """
    k, n = (
        as_numbers(values, f"wilson: {name}", ndim=None, within=(0, np.inf)).astype(float)
        for name, values in (("hits", hits), ("totals", totals))
    )
    if (k.shape != n.shape and k.ndim and n.ndim) or (k > n).any():
        cause = f"hits have shape {k.shape}, totals {n.shape}, or a hit count is above its total"
        raise AlignmentError(cause, place="wilson", remedy="give counts of equal shape with hits ≤ totals")
    _check_confidence(confidence, "wilson")
    z2 = ndtri((1 + confidence) / 2) ** 2
    with np.errstate(invalid="ignore"):  # 0/0 is meant to be NaN
        centre = (k + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (k * (n - k) / n + z2 / 4)) / (n + z2)
    # exact ends where no trial or every trial is a hit
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
    """Percentile bootstrap interval of sum(top) / sum(bottom), both counted on the same pictures.

    Whole groups (persons) are drawn with replacement, so pictures of one person are drawn as a unit and both sums stay
    paired. With ``top`` the right answers of h and ``bottom`` those of the full model, this is the interval of P.

    Parameters
    ----------
    top, bottom : (N,) bool.
    groups : (N,) group of each picture, the unit of resampling; None: every picture is a group.
    draws : bootstrap samples. confidence : coverage of the interval.
    seed : the same seed gives the same interval.

    Returns
    -------
    low, high : NaN where `bottom` has no hit. Samples in which `bottom` has no hit are left out.
    """
    top, place = as_mask(top, "bootstrap_ratio: top"), "bootstrap_ratio"
    bottom = as_mask(bottom, f"{place}: bottom", len(top))
    groups = None if groups is None else as_groups(groups, f"{place}: groups", len(top))
    draws = as_classes(draws, f"{place}: draws")
    _check_confidence(confidence, place)
    if not bottom.any():
        return float("nan"), float("nan")
    unit = np.arange(len(top)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = np.stack([np.bincount(unit, weights=side) for side in (top, bottom)], axis=1)
    kinds, counts = np.unique(sums, axis=0, return_counts=True)  # one draw for all groups with equal sums, for speed
    drawn = np.random.default_rng(seed).multinomial(len(sums), counts / len(sums), size=draws) @ kinds
    drawn = drawn[drawn[:, 1] > 0]
    if not len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mcnemar(harmed: int, repaired: int) -> float:
    """Exact two-sided p-value of McNemar's test that f and h are right equally often.

    Parameters
    ----------
    harmed : pictures for which f is right and h is wrong.
    repaired : pictures for which f is wrong and h is right.

    Examples
    --------
    >>> round(mcnemar(2, 9), 4), mcnemar(0, 0)
    (0.0654, 1.0)
    """
    harmed, repaired = as_counts([harmed, repaired], "mcnemar").tolist()
    return float(min(1.0, 2 * bdtr(min(harmed, repaired), harmed + repaired, 0.5)))


def macro_difference(
    before: Bools, after: Bools, truth: Ints, groups: Texts | None = None, *, draws: int = 2000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Test the difference of macro recall between two systems on the same pictures and seeds.

    The difference varies with the training (seeds) and with the pictures (persons). Its variance is the variance
    between seeds over S plus that of a bootstrap over persons; the quantiles are Student's, with degrees of freedom by
    F. E. Satterthwaite, *An approximate distribution of estimates of variance components*, Biometrics 1946. A
    percentile bootstrap over as few as three seeds would reject too often.

    Parameters
    ----------
    before, after : (S, N) whether the answer of each seed is right.
    truth : (N,) class indices. groups : (N,) unit of resampling; None: every picture is a group.
    draws : bootstrap samples. seed : the same seed gives the same numbers.

    Returns
    -------
    difference, low, high : after − before and its 95 % interval; with one seed, the interval of the pictures alone.
    p : two-sided p-value; NaN for one seed, from which the variance between trainings is unknown.
        All four are NaN without pictures.

    Examples
    --------
    >>> truth = np.repeat([0, 1], 50)
    >>> worse, better = np.zeros((2, 100), bool), np.ones((2, 100), bool)
    >>> macro_difference(worse, better, truth)
    (1.0, 1.0, 1.0, 0.0)
    """
    place, truth = "macro_difference", as_labels(truth, "macro_difference: truth")
    before, after = (
        as_numbers(values, f"{place}: {name}", ndim=2, within=(0, 1))
        for name, values in (("before", before), ("after", after))
    )
    groups = None if groups is None else as_groups(groups, f"{place}: groups", len(truth))
    if before.shape != after.shape or before.shape[1] != len(truth) or not len(before):
        cause = f"before has shape {before.shape}, after {after.shape}, and there are {len(truth)} labels"
        raise AlignmentError(cause, place=place, remedy="give two arrays (S, N) of S seeds and N labels")
    if not len(truth):
        return math.nan, math.nan, math.nan, math.nan
    unit = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    classes, count = np.unique(truth), int(unit.max()) + 1
    changes = after.astype(float) - before
    totals = np.stack([np.bincount(unit[truth == c], minlength=count) for c in classes], 1)
    mean_change = changes.mean(0)
    sums = np.stack([np.bincount(unit, weights=mean_change * (truth == c), minlength=count) for c in classes], 1)
    by_seed = np.array([[change[truth == c].mean() for c in classes] for change in changes]).mean(1)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    pictures = times @ totals
    with np.errstate(invalid="ignore", divide="ignore"):  # a class that was not drawn is left out
        drawn = np.nanmean(np.where(pictures > 0, times @ sums / pictures, np.nan), axis=1)
    S, difference = len(changes), float(by_seed.mean())
    parts = [(float(drawn.var()), count - 1)] + ([(float(by_seed.var(ddof=1)) / S, S - 1)] if S > 1 else [])
    variance = sum(part for part, _ in parts)
    if variance < EPS:
        return difference, difference, difference, math.nan if S == 1 else float(abs(difference) < EPS)
    degrees = variance**2 / sum(part**2 / max(free, 1) for part, free in parts)
    half = float(stdtrit(degrees, 0.975)) * math.sqrt(variance)
    p = 2 * float(stdtr(degrees, -abs(difference) / math.sqrt(variance)))
    return difference, difference - half, difference + half, math.nan if S == 1 else p


def _check_confidence(confidence: float, place: str) -> None:
    if not (isinstance(confidence, int | float | np.number) and 0 < confidence < 1):
        raise UsageError(f"confidence is {confidence}", place=place, remedy="give a number between 0 and 1, e.g. 0.95")


def holm(p_values: ArrayLike) -> Floats:
    """Adjust the p-values of several tests by Holm's step-down method, which controls the family-wise error rate.

    NaN stays NaN and is not counted as a test.

    S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = as_numbers(p_values, "holm", finite=False, within=(0, 1)).astype(float)
    adjusted, tests = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests], kind="stable")]
    raised = (len(order) - np.arange(len(order))) * p[order]
    if len(order):
        adjusted[order] = np.minimum(1.0, np.maximum.accumulate(raised))
    return adjusted
