"""Evidence that a rate is above or below a limit, readable at any time, from two counts.

The evidence is an e-value: it is 1 at the start, and under the hypothesis it tests, the chance that it ever reaches
1/δ is at most δ (Ville's inequality). So it may be looked at after every image. It is a mixture of likelihood ratios of
Bernoulli trials over a beta distribution, so that its state are two integers, which add up over several workers.

H. Robbins, *Statistical methods related to the law of the iterated logarithm*, Annals of Mathematical Statistics 1970;
I. Waudby-Smith, A. Ramdas, *Estimating means of bounded random variables by betting*, JRSS-B 2024.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import log

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln, xlog1py, xlogy

from mien.certify.thresholds import check_shares
from mien.errors import AlignmentError
from mien.types import Floats, as_counts

CENTRE, WEIGHT = 3.0, 2.0
"""The mixture is centred on this many times the limit, with the weight of so many harmed images."""
PRIOR = (0.5, 50.0)
"""Beta distribution of the mixture behind the confidence sequence: rates of some percent."""
EVEN = (0.5, 0.5)
"""Beta distribution for rates that may be anything."""
STEPS = 60
"""Halvings in the search of a bound: exact to the last digit."""


def log_evidence_above(images: ArrayLike, harmed: ArrayLike, limit: float) -> Floats:
    """Log of the evidence that the rate of harm is above a limit.

    Parameters
    ----------
    images, harmed : counts of the same shape: all images, and those that were harmed.
    limit : β, between 0 and 1. Under the hypothesis each image is harmed with chance β or less, given the past.

    Examples
    --------
    >>> log_evidence_above([0, 200], [0, 9], 0.015).round(2).tolist()
    [0.0, 3.24]
    """
    n, s = _counts(images, harmed)
    check_shares(limit)
    centre = min(CENTRE * limit, (1 + limit) / 2)
    return _above(n, s, limit, (WEIGHT, WEIGHT / centre - WEIGHT))


def log_evidence_below(images: ArrayLike, harmed: ArrayLike, limit: float) -> Floats:
    """Log of the evidence that the rate of harm is below a limit: `log_evidence_above` the other way round.

    >>> log_evidence_below([178, 400], [0, 0], 0.02).round(1).tolist()
    [3.0, 7.2]
    """
    n, s = _counts(images, harmed)
    check_shares(limit)
    return _below(n, s, limit)


def upper_bound(images: int, harmed: int, delta: float = 0.05) -> float:
    """The rate of harm is below this bound, at all times at once, with confidence 1 − δ.

    Parameters
    ----------
    images, harmed : counts; images whose outcome is open count as harmed.

    Returns
    -------
    bound : 1 without images.

    Examples
    --------
    >>> round(upper_bound(178, 0), 3), round(upper_bound(10_000, 50), 4)
    (0.02, 0.0076)
    """
    return _bound(images, harmed, delta, _below, above=True)


def lower_bound(images: int, harmed: int, delta: float = 0.05, prior: tuple[float, float] = PRIOR) -> float:
    """The rate of harm is above this bound, at all times at once, with confidence 1 − δ; 0 without harm.

    Parameters
    ----------
    prior : parameters of the beta distribution: EVEN for rates that may be anything.

    Examples
    --------
    >>> round(lower_bound(200, 12), 3), round(lower_bound(200, 150, prior=EVEN), 2)
    (0.023, 0.65)
    """
    return _bound(images, harmed, delta, partial(_above, prior=prior), above=False)


def _bound(
    images: int, harmed: int, delta: float, evidence: Callable[[Floats, Floats, float], Floats], *, above: bool
) -> float:
    """The limit nearest to the observed rate at which the evidence reaches 1/δ, by bisection."""
    n, s = _counts(images, harmed)
    check_shares(delta)
    near, far = (float(s / n) if n else 0.5), 1.0 if above else 0.0
    for _ in range(STEPS):
        limit = (near + far) / 2
        if n and 0 < limit < 1 and evidence(n, s, limit) >= -log(delta):
            far = limit
        else:
            near = limit
    return far


def _above(n: Floats, s: Floats, limit: float, prior: tuple[float, float] = PRIOR) -> Floats:
    """Log of the mixture over rates above the limit: the beta's upper tail is the lower one of its mirror image."""
    a, b = prior
    with np.errstate(divide="ignore"):  # no mass above the limit: the evidence is 0
        mass = np.log(betainc(b + n - s, a + s, 1 - limit)) - np.log(betainc(b, a, 1 - limit))
    return np.asarray(_ratio(n, s, a, b, limit) + mass)


def _below(n: Floats, s: Floats, limit: float) -> Floats:
    """Log of the mixture over rates below the limit."""
    a, b = PRIOR
    with np.errstate(divide="ignore"):
        mass = np.log(betainc(a + s, b + n - s, limit)) - np.log(betainc(a, b, limit))
    return np.asarray(_ratio(n, s, a, b, limit) + mass)


def _ratio(n: Floats, s: Floats, a: float, b: float, limit: float) -> Floats:
    """Log of the mean likelihood ratio over a whole beta distribution, against the limit."""
    mixed = betaln(a + s, b + n - s) - betaln(a, b)
    return np.asarray(mixed - xlogy(s, limit) - xlog1py(n - s, -limit))


def _counts(images: ArrayLike, harmed: ArrayLike) -> tuple[Floats, Floats]:
    n, s = np.broadcast_arrays(as_counts(images, "watch: images"), as_counts(harmed, "watch: harmed"))
    if (s > n).any():
        raise AlignmentError("more images are harmed than there are", place="watch", remedy="give harmed ≤ images")
    n, s = n.astype(float), s.astype(float)
    return n, s
