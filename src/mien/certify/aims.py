"""The thresholds that serve an aim best, among those that keep the harm budget.

Harm only shrinks as a threshold rises. So every threshold at or above a certified one is certified too, and the choice
among them may use the same calibration images: macro recall, accuracy or costs decide how much of the budget is spent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import UsageError
from mien.imbalance import class_weights
from mien.types import NO_LABEL, Floats, Ints, LabelSet, Proposal

AIMS = ("macro_recall", "accuracy", "cost", "gain")
"""What the threshold is chosen for; "gain" spends the whole budget on the target classes."""
SPENDS_ALL = "gain"
AIM_WORDS = {"macro_recall": "macro recall", "accuracy": "accuracy", "cost": "the cost", "gain": "Gain"}
"""Aim → what people call it."""
ROUNDING = 1e-12
MOST = 1e5
"""Break-even of what never pays; with a minus, of what costs nothing."""
ERRORS = 3.0
"""Standard errors by which another threshold must be better than the one that theory gives. The best of many is looked
at, so two would be too few: `benchmarks.correction.halves` measures it on halves of the calibration images."""
COST_REMEDY = "write TRUTH>ANSWER=COST, such as fear>neutral=5; what is not named costs 1, a right answer 0"
Cost = tuple[str, str, float]
"""Label, answer, and what that answer costs."""


@dataclass(frozen=True)
class Served:
    """What the thresholds in force do for the aim, on the calibration images.

    Attributes
    ----------
    aim : one of AIMS.
    before, after : macro recall, accuracy, or mean cost, of the classifier and of the corrected one. NaN for "gain".
    """

    aim: str
    before: float
    after: float

    @property
    def helps(self) -> bool:
        """Whether the corrected classifier is better at the aim than the classifier alone, on these images."""
        return self.aim == SPENDS_ALL or (self.after < self.before if self.aim == "cost" else self.after > self.before)


def parse_costs(texts: tuple[str, ...]) -> tuple[Cost, ...]:
    """Costs from texts such as "fear>neutral=5".

    Raises
    ------
    UsageError : a text of another form, or a cost that is no number from 0 on.

    Examples
    --------
    >>> parse_costs(("fear>neutral=5",))
    (('fear', 'neutral', 5.0),)
    """
    costs = []
    for text in texts:
        pair, _, number = text.rpartition("=")
        truth, _, answer = (part.strip() for part in pair.partition(">"))
        cost = as_number(number)
        if not truth or not answer or truth == answer or not 0 <= cost < np.inf:
            raise UsageError(f"{text!r} is no cost", place="--costs", remedy=COST_REMEDY)
        costs.append((truth, answer, cost))
    return tuple(costs)


def as_number(text: str) -> float:
    """The number in a text; NaN where it holds none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def worth_matrix(truth: Ints, labelset: LabelSet, aim: str, costs: tuple[Cost, ...] = ()) -> Floats:
    """(K, K) what an answer (column) to an image of a class (row) adds to the aim.

    Summed over N images it is macro recall, accuracy, or mean cost times −1.

    Parameters
    ----------
    truth : (N,) class indices.

    Raises
    ------
    UsageError : a cost names an unknown class.

    Examples
    --------
    >>> worth_matrix(np.array([0, 0, 0, 1]), LabelSet(("calm", "fear")), "macro_recall").round(2).tolist()
    [[0.17, 0.0], [0.0, 0.5]]
    """
    classes, counts = len(labelset), np.bincount(truth, minlength=len(labelset))
    if aim == "macro_recall":
        return np.diag(1 / (np.maximum(counts, 1) * max(1, (counts > 0).sum())))
    if aim != "cost":
        return np.eye(classes) / max(1, len(truth))
    matrix = 1.0 - np.eye(classes)
    for label, answer, cost in costs:
        matrix[labelset.index(label, place="--costs"), labelset.index(answer, place="--costs")] = cost
    return -matrix / max(1, len(truth))


def raised(
    proposal: Proposal, truth: Ints, base: Ints, least: Floats, worth: Floats, weights: Floats | None = None
) -> tuple[Floats, float, float]:
    """Thresholds at or above certified ones that serve the aim best; +inf where no override serves it.

    Scores are log-odds of the suggestion against the classifier's answer. So overriding pays where the score exceeds
    the break-even, the log of what a false override loses over what a right one wins: for macro recall the log of how
    much larger the suggested class is. Scores that contain the log-weight of the suggested class pay from the
    log-weight of the classifier's answer on. All break-evens are moved by one number only where that is better on these
    images by more than `ERRORS` standard errors. Where even the best choice helps nothing, the thresholds are +inf.

    Parameters
    ----------
    proposal : of N calibration images. truth, base : (N,) labels and the classifier's answers.
    least : (K,) the lowest certified thresholds, by the classifier's answer.
    worth : (K, K) of the aim, see `worth_matrix`.
    weights : (K,) class weights whose logs the scores contain; None for none.

    Returns
    -------
    thresholds : (K,). before, after : the worth of the answers of the classifier, and of the corrected one.

    Notes
    -----
    The break-even is the decision of least expected cost (C. Elkan, *The foundations of cost-sensitive learning*, IJCAI
    2001), with the classes that are neither answer nor suggestion left out.

    Examples
    --------
    >>> given = Proposal(None, np.array([4.0, 3.0, -2.0]), np.array([1, 1, 1]))
    >>> truth, base = np.array([1, 1, 0]), np.array([0, 0, 0])
    >>> worth = worth_matrix(truth, LabelSet(("calm", "fear")), "accuracy")
    >>> raised(given, truth, base, np.full(2, -np.inf), worth)[0]
    array([0., 0.])
    """
    answered = np.where(proposal.suggested == NO_LABEL, np.where(base == truth, NO_LABEL, truth), proposal.suggested)
    before = worth[truth, base]
    after = np.where(answered == NO_LABEL, worth.min(), worth[truth, answered])  # an abstention where it was right
    changes = (proposal.suggested != base) & (proposal.score > least[base])
    suggested = np.unique(proposal.suggested[changes])
    offsets = break_even(worth, suggested) if weights is None else np.log(weights)
    above, change = (proposal.score - offsets[base])[changes], (after - before)[changes]
    move, gained = _move(above, change)
    thresholds = np.maximum(least, offsets + move)
    start = float(before.sum())
    return thresholds, start, start + gained


def break_even(worth: Floats, suggested: Ints) -> Floats:
    """(K,) the scores from which on an override pays, by the classifier's answer; the highest of several suggestions.

    Parameters
    ----------
    worth : of `worth_matrix`. suggested : class indices; −1, an abstention, pays where the answer is rather wrong.
    """
    right = np.diag(worth)
    offsets = np.zeros((len(right), max(1, len(suggested))))
    for column, target in enumerate(suggested.tolist()):
        if target != NO_LABEL:
            loss, win = right - worth[:, target], right[target] - worth[target]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(np.maximum(loss, 0)) - np.log(np.maximum(win, 0))
            offsets[:, column] = np.clip(np.nan_to_num(ratio, nan=0.0), -MOST, MOST)
    return np.asarray(offsets.max(1))


def aim_weights(labels: Ints, count: int, aim: str, power: float = 0.0) -> Floats | None:
    """(K,) what a right answer of each class is worth for an aim; None where all count alike, 1 for an absent class.

    Parameters
    ----------
    labels : (N,) class indices. count : K. aim : one of AIMS.
    power : exponent of the class weights (1/n)^power that scores contain already.

    Examples
    --------
    >>> aim_weights(np.array([0, 0, 0, 1]), 3, "macro_recall").round(2).tolist()
    [0.67, 2.0, 1.0]
    """
    if aim != "macro_recall" or power >= 1:
        return None
    weights = class_weights(np.bincount(labels, minlength=count), 1 - power)
    return np.where(weights > 0, weights, 1.0)


def _move(above: Floats, change: Floats) -> tuple[float, float]:
    """By how much to move the break-evens, and the gain. 0 unless another number is better by `ERRORS` standard errors.

    Parameters
    ----------
    above : (M,) scores less their break-even. change : (M,) what each override adds to the aim.
    """
    order = np.argsort(-above, kind="stable")
    score, change = above[order], change[order]
    total, square = (np.concatenate([[0.0], np.cumsum(values)]) for values in (change, change**2))
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True)) + 1 if len(score) else np.empty(0, int)
    counts = np.concatenate([[0], ends])  # equal scores are overridden together
    plain = int((score > 0).sum())
    better = total[counts] - total[plain] - ERRORS * np.sqrt(np.abs(square[counts] - square[plain]))
    best = int(counts[better.argmax()]) if better.max() > ROUNDING else plain
    if total[best] <= ROUNDING:
        return np.inf, 0.0
    if best == plain:
        return 0.0, float(total[best])
    return (float(score[best - 1 : best + 1].mean()) if best < len(score) else -np.inf), float(total[best])
