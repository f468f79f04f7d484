"""Harm itself after deployment, from verdicts on overrides and a small random audit of all answers.

The share of answers spoilt can fall while Harm rises, if the classifier itself decays: then fewer of its answers are
right, and fewer can be spoilt. So the share of right answers is bounded too, from images drawn at random for a label,
each with a chance π_t that is known before.

I. Waudby-Smith, A. Ramdas, *Estimating means of bounded random variables by betting*, JRSS-B 2024: the predictable
plug-in empirical Bernstein confidence sequence (theorem 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import log
from typing import Any, Self

import numpy as np

from mien.certify.thresholds import check_shares
from mien.errors import UsageError
from mien.storage.files import Record
from mien.types import Bools, Floats, as_mask, as_numbers
from mien.watch.evidence import EVEN, lower_bound
from mien.watch.state import Watch

STAKE = 0.5
"""Largest plug-in stake."""


@dataclass(frozen=True)
class Audit:
    """A lower bound on the share of right answers, at all times at once.

    Attributes
    ----------
    least_chance : the smallest π_t that will ever be used. delta : δ of the bound.
    images, audited, right : all images, those drawn for a label, and those of them that the classifier had right.
    alike : whether all images so far were drawn with the chance `least_chance`. Then the counts alone say more.
    total, squares : sum and sum of squares of the weighted outcomes, scaled to [0, 1].
    stakes, staked, variance : sums of the stakes, of stake times outcome, and of the variance term.
    """

    least_chance: float
    delta: float = 0.05
    images: int = 0
    audited: int = 0
    right: int = 0
    alike: bool = True
    total: float = 0.0
    squares: float = 0.0
    stakes: float = 0.0
    staked: float = 0.0
    variance: float = 0.0

    def __post_init__(self) -> None:
        check_shares(self.delta)
        if not 0 < self.least_chance <= 1:
            remedy = "give a share of the answers, such as 0.02"
            raise UsageError(f"the chance of an audit is {self.least_chance}", place="Audit", remedy=remedy)

    def updated(self, audited: Bools, right: Bools, chance: Floats | float) -> Self:
        """The audit after more images, in their order.

        Parameters
        ----------
        audited : (N,) whether each was drawn. right : (N,) whether the classifier was right; ignored where not drawn.
        chance : π_t, or (N,) of them, known before the draw.

        Raises
        ------
        UsageError : a chance below `least_chance` or above 1.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> drawn, right = rng.random(20_000) < 0.1, rng.random(20_000) < 0.75
        >>> audit = Audit(0.1).updated(drawn, right, 0.1)
        >>> audit.audited, round(audit.rate, 2), round(audit.lower, 2)
        (2034, 0.76, 0.71)
        """
        audited = as_mask(audited, "Audit: audited")
        right = as_mask(right, "Audit: right", len(audited))
        chance = np.broadcast_to(as_numbers(chance, "Audit: chance", ndim=None), audited.shape)
        if ((chance < self.least_chance) | (chance > 1)).any():
            remedy = f"give chances from {self.least_chance} to 1"
            raise UsageError(f"a chance is {chance.min():g}", place="Audit: chance", remedy=remedy)
        value = np.where(audited & right, self.least_chance / chance, 0.0)  # in [0, 1]
        before = self.images + np.arange(len(value))
        total = self.total + np.concatenate([[0.0], np.cumsum(value)])
        squares = self.squares + np.concatenate([[0.0], np.cumsum(value**2)])
        mean = (0.5 * self.least_chance + total[:-1]) / (1 + before)
        spread = (0.25 * self.least_chance + squares[:-1] - 2 * mean * total[:-1] + before * mean**2) / (1 + before)
        times = before + 1
        stake = np.sqrt(2 * log(1 / self.delta) / (np.maximum(spread, 1e-9) * times * np.log1p(times)))
        stake = np.minimum(stake, STAKE)
        penalty = (-np.log1p(-stake) - stake) * (value - mean) ** 2
        return replace(
            self, images=self.images + len(value), audited=self.audited + int(audited.sum()),
            right=self.right + int((audited & right).sum()),
            alike=self.alike and bool((chance == self.least_chance).all()),
            total=float(total[-1]), squares=float(squares[-1]), stakes=self.stakes + float(stake.sum()),
            staked=self.staked + float(stake @ value), variance=self.variance + float(penalty.sum()),
        )  # fmt: skip

    def merged_with(self, other: Self) -> Self:
        """Both as one; UsageError where their settings differ."""
        if (self.least_chance, self.delta) != (other.least_chance, other.delta):
            raise UsageError("the audits differ in their settings", place="Audit", remedy="merge alike ones")
        names = ("images", "audited", "right", "total", "squares", "stakes", "staked", "variance")
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return replace(self, alike=self.alike and other.alike, **sums)

    @property
    def rate(self) -> float:
        """The share of right answers, weighted by 1/π; NaN without images."""
        return self.total / self.least_chance / self.images if self.images else float("nan")

    @property
    def lower(self) -> float:
        """The share of right answers is above this, at all times at once, with confidence 1 − δ."""
        if not self.stakes:
            return 0.0
        if self.alike:
            return lower_bound(self.audited, self.right, self.delta, EVEN)
        bound = (self.staked - self.variance - log(1 / self.delta)) / self.stakes
        return min(1.0, max(0.0, bound / self.least_chance))

    def to_json(self) -> dict[str, Any]:
        """The state as it is kept in a file."""
        return {name: round(value, 12) if isinstance(value, float) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Record) -> Self:
        """The audit as a file keeps it."""
        return stored.record(cls)


def harm_upper(watch: Watch, audit: Audit) -> float:
    """Harm is below this, at all times at once: the bound on what is spoilt over the bound on what is right.

    With confidence 1 − δ_watch − δ_audit. 1 where nothing can be said.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> audit = Audit(0.1).updated(rng.random(20_000) < 0.1, rng.random(20_000) < 0.75, 0.1)
    >>> round(harm_upper(Watch(0.015).updated(rng.random(20_000) < 0.004), audit), 4)
    0.008
    """
    return min(1.0, watch.upper / audit.lower) if audit.lower > 0 else 1.0
