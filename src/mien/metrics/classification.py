"""Measures of a classifier: accuracy, recall, precision, F1 and ROC AUC, per class and as means over classes.

Labels are class indices 0 … K−1; the answer −1 (abstained) is never right. An undefined rate (0/0) is NaN and is left
out of means, unlike in libraries that count it as 0.
"""

from __future__ import annotations

import numpy as np

from mien.metrics.ranking import auroc
from mien.types import NO_LABEL, Bools, Floats, Ints, Rates, as_classes, as_counts, as_labels, as_numbers


def confusion_matrix(truth: Ints, answer: Ints, K: int) -> Ints:
    """Count pictures per label (row) and answer (column), as (K, K); abstentions are in no column.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), K=2)
    array([[1, 1],
           [0, 1]])
    """
    truth, answer, K = _checked(truth, answer, K, "confusion_matrix")
    given = answer >= 0
    return np.bincount(truth[given] * K + answer[given], minlength=K * K).reshape(K, K)


def recall(truth: Ints, answer: Ints, K: int) -> Rates:
    """Recall per class: right answers out of the pictures with that label."""
    truth, answer, K = _checked(truth, answer, K, "recall")
    return Rates(_right(truth, answer, K), np.bincount(truth, minlength=K))


def precision(truth: Ints, answer: Ints, K: int) -> Rates:
    """Precision per class: right answers out of all answers of that class."""
    return Rates(_right(truth, answer, K), confusion_matrix(truth, answer, K).sum(0))


def f1(truth: Ints, answer: Ints, K: int) -> Rates:
    """F1 per class, 2·right / (pictures + answers of the class): the harmonic mean of precision and recall."""
    truth, answer, K = _checked(truth, answer, K, "f1")
    answered = confusion_matrix(truth, answer, K).sum(0)
    return Rates(2 * _right(truth, answer, K), np.bincount(truth, minlength=K) + answered)


def macro_recall(truth: Ints, answer: Ints, K: int) -> float:
    """Mean recall over the classes that have pictures (balanced accuracy).

    >>> macro_recall(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), K=3)
    0.5
    """
    return recall(truth, answer, K).mean()


COMMON = 100
"""Fewest pictures in the data with which a class counts in means over classes."""


def common_classes(counts: Ints) -> Bools:
    """(K,) mask of the classes with 100 pictures or more, over which means are taken.

    Where fewer than two classes have as many, it marks every class that has pictures.

    >>> common_classes(np.array([7000, 300, 21])).tolist()
    [True, True, False]
    """
    counts = as_counts(counts, "common_classes", ndim=1)
    enough: Bools = counts >= COMMON
    return enough if enough.sum() > 1 else counts > 0


def accuracy(truth: Ints, answer: Ints) -> float:
    """Share of right answers, NaN without pictures."""
    truth = as_labels(truth, "accuracy: truth")
    answer = as_labels(answer, "accuracy: answer", rows=len(truth), least=NO_LABEL)
    return float((truth == answer).mean()) if len(truth) else float("nan")


def macro_auroc(truth: Ints, probs: Floats) -> float:
    """Mean one-vs-rest ROC AUC of (N, K) probabilities over the classes that have pictures."""
    probs = as_numbers(probs, "macro_auroc: probs", ndim=2)
    truth = as_labels(truth, "macro_auroc: truth", probs.shape[1], rows=len(probs))
    areas = np.array([auroc(probs[:, c], truth == c) for c in range(probs.shape[1])])
    defined = areas[~np.isnan(areas)]
    return float(defined.mean()) if len(defined) else float("nan")


def _checked(truth: Ints, answer: Ints, K: int, place: str) -> tuple[Ints, Ints, int]:
    K, truth = as_classes(K, f"{place}: K"), as_labels(truth, f"{place}: truth", K)
    return truth, as_labels(answer, f"{place}: answer", K, rows=len(truth), least=NO_LABEL), K


def _right(truth: Ints, answer: Ints, K: int) -> Ints:
    return np.diagonal(confusion_matrix(truth, answer, K))
