"""The watch of one patch: a small state that is updated image by image, merged, and kept as JSON.

Only overrides need a verdict: an image that is not overridden cannot be harmed. The claim is on all answers: at most a
share β of them is spoilt, which is a right answer that is overridden. β = α·q, where q is the share of answers that are
right, from calibration.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import log, log1p
from typing import Any, Self

import numpy as np

from mien.certify.thresholds import check_shares
from mien.errors import RunError, UsageError
from mien.storage.files import Record
from mien.types import Bools, Floats, as_numbers
from mien.watch.evidence import log_evidence_above, lower_bound, upper_bound

MEMORY = 400.0
"""Images after which the recent rate has forgotten all but a third."""
BELIEF = (3.0, 40.0)
"""The recent rate before any image, as a multiple of the limit, and how many images that is worth."""
MOST = 0.5
"""Largest stake of the bets, as a share of what is at most lost."""
STANDINGS = ("quiet", "certified", "alarm")


@dataclass(frozen=True)
class Watch:
    """Counts, and the evidence that more is spoilt than was promised.

    Attributes
    ----------
    limit : β, the largest share of all answers that may be spoilt. delta : δ, the chance of a false alarm.
    images, overridden : images (or persons, or tracks), and those that were overridden.
    harmed, open : overrides that spoilt a right answer, and those without a verdict so far.
    wealth : log of the evidence of the bets, which follow the recent rate and so notice a change after a quiet time.
    recent, weight : discounted sums of harmed images and of images, behind the bets.
    peak : the most log evidence so far. since : images before the evidence last was at its lowest.
    lowest : the log evidence then.
    """

    limit: float
    delta: float = 0.05
    images: int = 0
    overridden: int = 0
    harmed: int = 0
    open: int = 0
    wealth: float = 0.0
    recent: float = -1.0
    weight: float = -1.0
    peak: float = 0.0
    since: int = 0
    lowest: float = 0.0

    def __post_init__(self) -> None:
        check_shares(self.limit, self.delta)
        if self.weight < 0:
            multiple, weight = BELIEF
            object.__setattr__(self, "weight", weight)
            object.__setattr__(self, "recent", weight * min(multiple * self.limit, 0.9))

    def updated(self, spoilt: Floats, overridden: Bools | None = None) -> Self:
        """The watch after more images, in their order.

        Parameters
        ----------
        spoilt : (N,) 1 where an override spoilt a right answer, 0 where it did not or where nothing was overridden, NaN
            for an override without a verdict. An open one counts as kept in the evidence and as harmed in the bound.
        overridden : (N,) whether each was overridden; by default those that are not 0.

        Examples
        --------
        >>> watch = Watch(0.015).updated(np.zeros(400))
        >>> watch.standing, round(watch.upper, 3)
        ('certified', 0.009)
        >>> watch.updated(np.tile([1, 0, 0, 0, 0], 20)).standing
        'alarm'
        """
        spoilt = as_numbers(spoilt, "watch: spoilt", finite=False).astype(float)
        unknown = np.isnan(spoilt)
        if not (unknown | (spoilt == 0) | (spoilt == 1)).all():
            remedy = "give 1, 0, or NaN where there is no verdict"
            raise UsageError("holds other values than 0 and 1", place="watch: spoilt", remedy=remedy)
        touched = np.count_nonzero(unknown | (spoilt > 0) if overridden is None else overridden)
        known = np.where(unknown, 0.0, spoilt)
        now = self._bet(known)
        return replace(
            now, overridden=self.overridden + int(touched), open=self.open + int(unknown.sum()),
        )  # fmt: skip

    def _bet(self, harmed: Floats) -> Self:
        """The evidence after each of these images, and the counts after all of them."""
        keep, limit = 1 - 1 / MEMORY, self.limit
        wealth, recent, weight = self.wealth, self.recent, self.weight
        wealths = np.empty(len(harmed))
        for place, lost in enumerate(harmed.tolist()):
            stake = (recent / weight - limit) / (limit * (1 - limit))
            stake = min(max(stake, 0.0), MOST / limit)
            wealth += log1p(stake * (lost - limit))
            recent, weight = keep * recent + lost, keep * weight + 1
            wealths[place] = wealth
        counts = self.images + np.arange(1, len(harmed) + 1)
        evidence = _mean(log_evidence_above(counts, self.harmed + np.cumsum(harmed).astype(int), limit), wealths)
        peak, lowest, since = self.peak, self.lowest, self.since
        if len(evidence):
            peak = max(peak, float(evidence.max()))
            if float(evidence.min()) <= lowest and self.peak < self.threshold:
                place = len(evidence) - 1 - int(np.argmin(evidence[::-1]))
                lowest, since = float(evidence[place]), self.images + place + 1
        return replace(
            self, images=self.images + len(harmed), harmed=self.harmed + int(harmed.sum()), wealth=wealth,
            recent=recent, weight=weight, peak=peak, lowest=max(lowest, -1e6), since=since,
        )  # fmt: skip

    def merged_with(self, other: Self) -> Self:
        """Both as one, whatever their order: counts add up, and so do the logs of the bets' evidence.

        Raises
        ------
        UsageError : another limit or δ.
        """
        if (self.limit, self.delta) != (other.limit, other.delta):
            remedy = "merge watches of the same patch"
            raise UsageError("the watches have different limits", place="watch", remedy=remedy)
        start = BELIEF[1]
        summed = replace(
            self, images=self.images + other.images, overridden=self.overridden + other.overridden,
            harmed=self.harmed + other.harmed, open=self.open + other.open, wealth=self.wealth + other.wealth,
            recent=self.recent + other.recent - start * min(BELIEF[0] * self.limit, 0.9),
            weight=self.weight + other.weight - start, since=max(self.since, other.since),
            lowest=min(self.lowest, other.lowest),
        )  # fmt: skip
        return replace(summed, peak=max(self.peak, other.peak, summed.log_evidence))

    @property
    def threshold(self) -> float:
        """The log evidence of an alarm, log 1/δ."""
        return -log(self.delta)

    @property
    def log_evidence(self) -> float:
        """Log of the evidence now: the mean of the mixture over the counts and of the bets."""
        above = log_evidence_above(self.images, self.harmed, self.limit)
        return float(_mean(above, np.asarray(self.wealth)))

    @property
    def rate(self) -> float:
        """The share of answers spoilt so far, by the verdicts there are; NaN without images."""
        return self.harmed / self.images if self.images else float("nan")

    @property
    def upper(self) -> float:
        """The share of answers spoilt is below this, at all times at once; open overrides count as harmed."""
        return upper_bound(self.images, self.harmed + self.open, self.delta)

    @property
    def lower(self) -> float:
        """The share of answers spoilt is above this, at all times at once."""
        return lower_bound(self.images, self.harmed, self.delta)

    @property
    def alarmed(self) -> bool:
        """Whether the evidence ever reached 1/δ."""
        return self.peak >= self.threshold

    @property
    def standing(self) -> str:
        """One of STANDINGS: an alarm; the bound is within the limit; or neither."""
        return "alarm" if self.alarmed else "certified" if self.upper <= self.limit else "quiet"

    def to_json(self) -> dict[str, Any]:
        """The state as it is kept in a file, under 1 kB."""
        return {name: round(value, 12) if isinstance(value, float) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Record) -> Self:
        """The state in a file; RunError where it was edited so that it makes no sense."""
        watch = stored.record(cls)
        counts = (watch.images, watch.overridden, watch.harmed, watch.open)
        whole = all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts)
        if not whole or watch.harmed + watch.open > watch.overridden or watch.overridden > watch.images:
            raise RunError("holds counts that do not fit each other", place=str(stored.path), remedy=RESTORE)
        return watch


RESTORE = "run mien watch again on the logs and verdicts"


def right_share(right: int, images: int, delta: float = 0.05) -> tuple[float, float]:
    """Bounds on the share of answers that are right: it is above the first, and below the second, each at 1 − δ.

    Parameters
    ----------
    right, images : right answers among images that nothing was fitted on, such as those of calibration.

    Raises
    ------
    UsageError : no image, or more right answers than images.

    Notes
    -----
    C. Clopper, E. Pearson, *The use of confidence or fiducial limits*, Biometrika 1934.

    Examples
    --------
    >>> [round(bound, 3) for bound in right_share(750, 1000)]
    [0.726, 0.772]
    """
    from scipy.special import betaincinv

    check_shares(delta)
    if not 0 <= right <= images or not images:
        remedy = "give the counts of the calibration images"
        raise UsageError(f"{right} of {images} answers are right", place="right_share", remedy=remedy)
    low = float(betaincinv(right, images - right + 1, delta)) if right else 0.0
    high = float(betaincinv(right + 1, images - right, 1 - delta)) if right < images else 1.0
    return low, high


def limit_of(budget: float, right: int, images: int, delta: float = 0.05) -> float:
    """β = α·q: the share of answers that may be spoilt, where the share q of all answers is right.

    A limit below the true α·q would raise false alarms, so q is the upper bound of `right_share`.

    Parameters
    ----------
    budget : α. right, images : right answers of known classes among the calibration images.

    Examples
    --------
    >>> round(limit_of(0.02, 750, 1000), 4)
    0.0154
    """
    check_shares(budget)
    return budget * right_share(right, images, delta)[1]


def _mean(first: Floats, second: Floats) -> Floats:
    """Log of the mean of two evidences."""
    return np.asarray(np.logaddexp(first, second) - log(2))
