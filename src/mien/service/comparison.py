"""Two patches on pictures that neither of them was made from: is the new one better than the one in force?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import bdtr

from mien.types import Bools, Floats, Ints

SURE = 0.05
"""Largest p-value at which a patch counts as better."""


@dataclass(frozen=True)
class Comparison:
    """The answers under the patch in force (before) and under a new one (after), on held-out pictures.

    Attributes
    ----------
    pictures, unanswered : with a label, and drawn ones without.
    accuracy, macro_recall : before and after, on the pictures with a label, weighted by 1/chance.
    recall : class → before, after, and the number of its pictures.
    repaired, harmed : units (persons, tracks, single pictures) with more right answers after than before, and those
        with fewer.
    open : units that a label may still decide. p : exact one-sided p-value of McNemar's test that the new patch is
        right more often; each open unit counts as harmed.
    lost, right : right answers of the classifier that the new patch loses, and all of them.
    """

    pictures: int
    unanswered: int
    accuracy: tuple[float, float]
    macro_recall: tuple[float, float]
    recall: Mapping[str, tuple[float, float, int]] = field(default_factory=dict)
    repaired: int = 0
    harmed: int = 0
    open: int = 0
    p: float = 1.0
    lost: int = 0
    right: int = 0

    def is_no_worse(self, aim: str) -> bool:
        """Whether the figure that the policy aims at is at least as high as before."""
        before, after = self.accuracy if aim == "accuracy" else self.macro_recall
        return after >= before

    def is_better(self, aim: str) -> bool:
        """Whether the new patch is right more often beyond chance, and no worse in its aim."""
        return self.p < SURE and self.is_no_worse(aim)

    @property
    def words(self) -> str:
        """The comparison as part of a sentence."""
        figures = " and ".join(
            f"{name} {before:.3f} → {after:.3f}"
            for name, (before, after) in (("accuracy", self.accuracy), ("mean recall", self.macro_recall))
        )
        doubt = f", {self.open} open" if self.open else ""
        return (
            f"{figures} on {self.pictures} held-out pictures; {self.repaired} repaired, {self.harmed} harmed{doubt} "
            f"(one-sided p = {self.p:.2g})"
        )


@dataclass(frozen=True)
class HeldOut:
    """N held-out pictures. All that were drawn are here, with or without a label.

    Attributes
    ----------
    truth : (N,) class indices; without meaning where not `answered`. base : (N,) answers of the classifier.
    answered : (N,) whether there is a label. weights : (N,) 1/chance of being drawn.
    units : (N,) what belongs together, and counts once. classes : names of the K classes.
    """

    truth: Ints
    base: Ints
    answered: Bools
    weights: Floats
    units: Ints
    classes: Sequence[str]


def compared(held: HeldOut, before: Ints, after: Ints) -> Comparison:
    """Compare the answers to held-out pictures.

    Pictures drawn with unequal chances are weighted by 1/chance, which leaves the estimates unbiased (D. G. Horvitz,
    D. J. Thompson, JASA 1952). The test counts units as they were drawn (Q. McNemar, Psychometrika 1947).

    Parameters
    ----------
    before, after : (N,) answers under each patch, −1 for none.

    Examples
    --------
    >>> truth, before = np.zeros(12, int), np.repeat([0, 1], 6)
    >>> held = HeldOut(truth, before, truth == 0, np.ones(12), np.arange(12), ["joy", "fear"])
    >>> result = compared(held, before, truth)
    >>> result.repaired, result.harmed, result.p, result.accuracy
    (6, 0, 0.015625, (0.5, 1.0))
    """
    truth, answered, weights, units = held.truth, held.answered, held.weights, held.units
    right_before, right_after = (answers == truth for answers in (before, after))
    gain = np.where(answered, right_after.astype(int) - right_before, 0)
    worst = np.where(answered, gain, -(before != after).astype(int))
    net, strict = (np.bincount(units, values) if len(units) else np.zeros(0) for values in (gain, worst))
    is_open = np.bincount(units, ~answered & (before != after)) > 0 if len(units) else np.zeros(0, bool)
    up, down = int((strict > 0).sum()), int((strict < 0).sum())
    rows, recall = answered, {}
    for label in np.unique(truth[rows]).tolist():
        mine = rows & (truth == label)
        figures = [_share(each, weights, mine) for each in (right_before, right_after)]
        recall[held.classes[label]] = (figures[0], figures[1], int(mine.sum()))
    right = rows & (held.base == truth)
    return Comparison(
        int(rows.sum()), int((~rows).sum()),
        (_share(right_before, weights, rows), _share(right_after, weights, rows)),
        (_mean([each[0] for each in recall.values()]), _mean([each[1] for each in recall.values()])),
        recall, int((net > 0).sum()), int((net < 0).sum()), int(is_open.sum()),
        float(bdtr(down, up + down, 0.5)) if up + down else 1.0,
        int((right & (after != truth)).sum()), int(right.sum()),
    )  # fmt: skip


def _share(right: Bools, weights: Floats, rows: Bools) -> float:
    total = weights[rows].sum()
    return float(weights[rows & right].sum() / total) if total else float("nan")


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
