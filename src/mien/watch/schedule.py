"""Label until certified: when a corrector's harm is certified while labels still come in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from mien.certify.thresholds import check_shares
from mien.errors import AlignmentError
from mien.types import Floats, Ints

SPENT = (0.47, 0.36)
"""Shares of δ for certifying with no harmed image and with one; each further one has half of what is left."""
STAGES = 12
"""Most harmed images with which a corrector is still certified."""


@dataclass(frozen=True)
class Schedule:
    """How many labelled images certify a budget, for each number of harmed ones.

    Attributes
    ----------
    budget, delta : α and δ.
    stops : (STAGES,) with k harmed images, so many images with right answers certify the budget.
    """

    budget: float
    delta: float
    stops: tuple[int, ...]

    @classmethod
    def of(cls, budget: float, delta: float = 0.05) -> Schedule:
        """The schedule of a budget.

        Labels may be looked at after every image. A corrector that harms the share `budget` or more, given the past,
        is certified at any stop with chance δ at most: each stop is the first count of images at which the chance of
        being certified there, and at none before, is within its share of δ.

        Notes
        -----
        A group-sequential test with an error-spending function (K. K. G. Lan, D. L. DeMets, *Discrete sequential
        boundaries for clinical trials*, Biometrika 1983), exact for binomial counts.

        Examples
        --------
        >>> Schedule.of(0.02).stops[:3]
        (186, 265, 399)
        """
        check_shares(budget, delta)
        return cls(budget, delta, _stops(float(budget), float(delta)))

    def certified(self, images: int, harmed: int) -> bool:
        """Whether the budget is certified with these counts, or was at a stop before, if none was harmed since.

        >>> Schedule.of(0.02).certified(200, 0), Schedule.of(0.02).certified(200, 1)
        (True, False)
        """
        if not 0 <= harmed <= images:
            remedy = "give harmed ≤ images"
            raise AlignmentError(f"{harmed} of {images} images are harmed", place="Schedule", remedy=remedy)
        return harmed < len(self.stops) and images >= self.stops[harmed]

    def certified_after(self, harmed: Ints) -> int:
        """The first image after which the budget was certified; 0 if it never was.

        Parameters
        ----------
        harmed : (N,) 1 for each image with a right answer that was lost, in the order of the images.
        """
        counts = np.cumsum(harmed)
        for k, stop in enumerate(self.stops):
            if stop > len(counts):
                break
            if counts[stop - 1] <= k:
                return stop
        return 0

    def needed(self, images: int, harmed: int) -> int:
        """How many more images without harm certify the budget; −1 if none do."""
        return max(0, self.stops[harmed] - images) if harmed < len(self.stops) else -1


@lru_cache(maxsize=64)
def _stops(budget: float, delta: float) -> tuple[int, ...]:
    shares = [*SPENT]
    while len(shares) < STAGES:
        shares.append((1 - sum(shares)) / 2)
    stops, images = [], 0
    alive = np.array([1.0])  # chance of each number of harmed images, not certified before
    for k, share in enumerate(shares):
        stop = _first(alive, images, k, budget, share * delta)
        alive = np.convolve(alive, _binomial(stop - images, budget, k + 8 * STAGES))[: k + 8 * STAGES]
        alive[: k + 1] = 0
        images = stop
        stops.append(stop)
    return tuple(stops)


def _first(alive: Floats, images: int, k: int, budget: float, chance: float) -> int:
    """The first count of images at which the chance to have k harmed or fewer is within `chance`."""

    def certified(stop: int) -> float:
        later = _binomial(stop - images, budget, k + 1)[::-1]
        before = np.zeros(k + 1)
        before[: min(len(alive), k + 1)] = alive[: k + 1]
        return float(before @ later)

    low, high = max(images, int(k / budget)), max(images, int(k / budget)) + 1
    while certified(high) > chance:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if certified(middle) > chance else (low, middle)
    return high


def _binomial(trials: int, chance: float, most: int) -> Floats:
    """(most,) chances of 0 … most − 1 hits."""
    k = np.arange(most)
    inside = np.minimum(k, trials)
    logs = gammaln(trials + 1) - gammaln(inside + 1) - gammaln(trials - inside + 1)
    logs = logs + xlogy(inside, chance) + xlog1py(trials - inside, -chance)
    return np.asarray(np.where(k <= trials, np.exp(logs), 0.0))
