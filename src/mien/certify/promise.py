"""Whether a certificate turned out true: the measured Harm on other images beside what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.certify.guarantees import RARE, Certified
from mien.certify.thresholds import CONFIDENT, POOLED, Guarantee
from mien.metrics.intervals import wilson
from mien.types import Bools, Ints, Texts, as_groups, as_mask, row_name

STANDINGS = ("kept", "undecided", "broken")
REMEDY = "take a smaller budget, calibrate on more data, or calibrate again on new ones"


@dataclass(frozen=True)
class Promise:
    """The Harm measured on images that neither fitted nor certified anything, beside the budget.

    Attributes
    ----------
    guarantee : what was promised.
    hits, total : harmed persons (or other units of the certificate), and persons with right answers.
    low, high : 95 % Wilson interval of their share. unit : what is counted.
    """

    guarantee: Guarantee
    hits: int
    total: int
    low: float
    high: float
    unit: str = "right answers"

    @property
    def rate(self) -> float:
        """The measured share; NaN without a right answer."""
        return self.hits / self.total if self.total else float("nan")

    @property
    def standing(self) -> str:
        """One of STANDINGS: the interval lies within the budget, holds it, or lies above it."""
        if self.high <= self.guarantee.budget:
            return "kept"
        return "broken" if self.low > self.guarantee.budget else "undecided"

    @property
    def words(self) -> str:
        """The comparison as a sentence, with what to do where the promise was not kept."""
        budget = f"{100 * self.guarantee.budget:g} %"
        if not self.total:
            return f"undecided on test: no right answer to lose; promised: at most {budget}"
        share = f"{100 * self.rate:.1f} %, {100 * self.low:.1f}–{100 * self.high:.1f} %"
        counted = f"{self.hits} of {self.total} {self.unit} ({share}) are lost"
        sentence = f"{self.standing} on test: {counted}; promised: at most {budget}"
        if self.standing == "undecided":
            return f"{sentence}; more test data would decide"
        if self.standing == "kept":
            return sentence
        may = (
            f"a certificate is wrong in {100 * (1 - self.guarantee.confidence):g} % of calibrations"
            if self.guarantee.kind == CONFIDENT
            else "an expected guarantee bounds the mean over calibrations, not each of them"
        )
        return f"{sentence}. {may[0].upper()}{may[1:]}: {REMEDY}"

    def to_json(self) -> dict[str, object]:
        """The comparison for a JSON file."""
        return {
            "standing": self.standing, "budget": self.guarantee.budget, "guarantee": self.guarantee.kind,
            "hits": self.hits, "total": self.total, "rate": self.rate, "low": self.low, "high": self.high,
            "words": self.words,
        }  # fmt: skip


def compare_all(
    certified: Certified, names: Sequence[str], truth: Ints, harmed: Bools, right: Bools, groups: Texts | None
) -> tuple[Promise, ...]:
    """Compare each guarantee with the Harm on the images of its classes, in the order of the guarantees.

    Parameters
    ----------
    names : the K classes. truth : (N,) class indices. harmed, right, groups : of `compare`.
    """
    keys = np.array([row_name(name) for name in names])
    rare = [guarantee.group for guarantee in certified.guarantees if not guarantee.feasible]
    members = {POOLED: keys.tolist(), RARE: rare}
    groups_of = (members.get(guarantee.group, [guarantee.group]) for guarantee in certified.guarantees)
    rows = (np.isin(keys, classes)[truth] for classes in groups_of)
    return tuple(
        compare(guarantee, harmed & chosen, right & chosen, groups)
        for guarantee, chosen in zip(certified.guarantees, rows, strict=True)
    )


def compare(guarantee: Guarantee, harmed: Bools, right: Bools, groups: Texts | None = None) -> Promise:
    """Compare a guarantee with the Harm on N images, in the units of the certificate.

    Parameters
    ----------
    harmed : (N,) right answers that are lost. right : (N,) answers of the classifier that are right.
    groups : (N,) persons, or other units: each is harmed if any of its images is. None: each image is one.

    Examples
    --------
    >>> given = Guarantee("pooled", 0.02, 0.95, 1000, 13, 1.5, True, 149, holds=True)
    >>> compare(given, np.arange(2861) < 74, np.ones(2861, bool)).words[:68]
    'broken on test: 74 of 2861 right answers (2.6 %, 2.1–3.2 %) are lost'
    """
    right = as_mask(right, "compare: right")
    harmed = as_mask(harmed, "compare: harmed", len(right)) & right
    if groups is None:
        hits, total = int(harmed.sum()), int(right.sum())
    else:
        names = as_groups(groups, "compare: groups", len(right))
        hits, total = len(np.unique(names[harmed])), len(np.unique(names[right]))
    low, high = wilson([hits], [total])
    unit = "right answers" if groups is None else "persons' right answers"
    return Promise(guarantee, hits, total, float(low[0]), float(high[0]), unit)
