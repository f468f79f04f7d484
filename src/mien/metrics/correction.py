"""Measures of a correction: answers of the classifier f (base) and of the corrected system h (final), per class.

Labels are class indices 0 … K−1; `final` may be −1 where h abstains. An undefined rate (0/0) is NaN. docs/method.md
has the definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mien.errors import AlignmentError
from mien.types import NO_LABEL, Bools, Floats, Ints, Rates, Scores, as_classes, as_labels, as_numbers


def scores(truth: Ints, base: Ints, final: Ints, K: int) -> Scores:
    """Compute recall, Retention, Harm, Gain and false positive rate per class of f and h, with their counts.

    Parameters
    ----------
    truth, base, final : (N,) int: the label, f's answer, h's answer.
    K : number of classes.

    Raises
    ------
    AlignmentError
        The arrays differ in length, or a label is not a class.

    Examples
    --------
    >>> result = scores(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([0, 1, 1, 0]), K=2)
    >>> result.gain.values, result.harm.values
    (array([nan, 0.5]), array([0.5, nan]))
    """
    K = as_classes(K, "scores: K")
    truth = as_labels(truth, "scores: truth", K)
    base = as_labels(base, "scores: base", K, rows=len(truth))
    final = as_labels(final, "scores: final", K, rows=len(truth), least=NO_LABEL)
    support = _per_class(truth, np.ones(len(truth), dtype=bool), K)
    others = support.sum() - support
    right_f, right_h = base == truth, final == truth
    n_right_f = _per_class(truth, right_f, K)
    kept = _per_class(truth, right_f & right_h, K)
    return Scores(
        support=support,
        recall_before=Rates(n_right_f, support),
        recall_after=Rates(_per_class(truth, right_h, K), support),
        retention=Rates(kept, n_right_f),
        harm=Rates(n_right_f - kept, n_right_f),
        gain=Rates(_per_class(truth, right_h & ~right_f, K), support - n_right_f),
        fpr_f=Rates(_per_class(base, ~right_f, K), others),
        fpr_h=Rates(_per_class(final, ~right_h & (final >= 0), K), others),
    )


@dataclass(frozen=True)
class Exchange:
    """What each class took and gave in a correction.

    Attributes
    ----------
    taken : (K,) answers that became this class; `won`, those of them that are right.
    given : (K,) answers of this class that became another; `lost`, those of them that had been right.
    """

    taken: Ints
    won: Ints
    given: Ints
    lost: Ints


def exchange(truth: Ints, base: Ints, final: Ints, K: int) -> Exchange:
    """Count the answers that each class took and gave.

    Parameters
    ----------
    truth, base, final : (N,) int: the label, f's answer, h's answer. K : number of classes.

    Examples
    --------
    >>> moved = exchange(np.array([1, 1, 0]), np.array([0, 0, 0]), np.array([1, 0, 1]), K=2)
    >>> moved.taken.tolist(), moved.won.tolist(), moved.given.tolist(), moved.lost.tolist()
    ([0, 2], [0, 1], [2, 0], [1, 0])
    """
    moved = final != base
    return Exchange(
        taken=_per_class(final, moved & (final >= 0), K),
        won=_per_class(final, moved & (final == truth), K),
        given=_per_class(base, moved, K),
        lost=_per_class(base, moved & (base == truth), K),
    )


def relative_gain(result: Scores, epsilon: float = 0.0) -> Floats:
    """(K,) R = TPR_h / (TPR_f + ε), the ratio of the recalls after and before correction; NaN at a zero denominator.

    >>> result = scores(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0, 0, 1]), K=2)
    >>> relative_gain(result)
    array([ 2., nan])
    """
    return _ratio(result.recall_after.values, result.recall_before.values + epsilon)


def recovered_recall(recall_after: Floats, recall_full: Floats) -> Floats:
    """P, the recovered share: recall of h over recall of a model trained on all classes, on the same pictures.

    >>> recovered_recall(np.array([0.51, 0.2]), np.array([0.78, 0.0]))
    array([0.65384615,        nan])
    """
    after, full = (
        as_numbers(values, "recovered_recall", ndim=None, finite=False).astype(float)
        for values in (recall_after, recall_full)
    )
    if after.shape != full.shape:
        cause = f"recalls have shapes {after.shape} and {full.shape}"
        raise AlignmentError(cause, place="recovered_recall", remedy="give the recalls of the same classes")
    return _ratio(after, full)


def retention_matrix(truth: Ints, answers: Mapping[int, tuple[Ints, Ints]], K: int) -> Rates:
    """(K, K) Retention of label c (row) under the corrector of class i (column).

    Parameters
    ----------
    truth : (N,) int, the labels.
    answers : left-out class i → (base, final), each (N,): f without class i, and its corrected system.
    K : number of classes.

    Returns
    -------
    Rates
        Totals are 0 (undefined) on the diagonal and in columns without a corrector.
    """
    return _matrix(truth, answers, K, "retention")


def harm_matrix(truth: Ints, answers: Mapping[int, tuple[Ints, Ints]], K: int) -> Rates:
    """(K, K) Harm of label c (row) by the corrector of class i (column) = 1 − Retention; see `retention_matrix`."""
    return _matrix(truth, answers, K, "harm")


def column_means(rates: Rates, weights: Floats | None = None) -> Floats:
    """(C,) mean of each column of a (K, C) matrix over its defined cells; `weights` (K,) are renormalised over them.

    >>> column_means(Rates(np.array([[0, 1], [1, 0]]), np.array([[0, 4], [2, 0]])))
    array([0.5 , 0.25])
    """
    if rates.hits.ndim != 2:
        cause = f"rates have shape {rates.hits.shape}"
        raise AlignmentError(cause, place="column_means", remedy="give rates of shape (K, C)")
    columns = zip(rates.hits.T, rates.totals.T, strict=True)
    return np.array([Rates(hits, totals).mean(weights) for hits, totals in columns])


def _matrix(truth: Ints, answers: Mapping[int, tuple[Ints, Ints]], K: int, name: str) -> Rates:
    K = as_classes(K, f"{name}_matrix: K")
    hits, totals = np.zeros((2, K, K), dtype=np.int64)
    for i, (base, final) in answers.items():
        as_labels([i], f"{name}_matrix: answers", K)
        column: Rates = getattr(scores(truth, base, final, K), name)
        others = np.arange(K) != i
        hits[others, i], totals[others, i] = column.hits[others], column.totals[others]
    return Rates(hits, totals)


def _per_class(labels: Ints, chosen: Bools, K: int) -> Ints:
    """(K,) how many of the chosen pictures have each label."""
    return np.bincount(labels[chosen], minlength=K)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    out: Floats = np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)
    return out
