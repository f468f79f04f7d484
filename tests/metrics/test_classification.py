"""Classification metrics agree with scikit-learn where it defines them, and are undefined where it guesses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from mien.errors import AlignmentError
from mien.metrics.classification import accuracy, confusion_matrix, f1, macro_auroc, macro_recall, precision, recall

K = 5
RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, K, 400)
PROBS = RNG.dirichlet(np.ones(K), 400) + 0.4 * np.eye(K)[TRUTH]
PROBS /= PROBS.sum(1, keepdims=True)
ANSWER = PROBS.argmax(1)


def test_they_agree_with_scikit_learn() -> None:
    expected = sk.precision_recall_fscore_support(TRUTH, ANSWER)
    for rates, values in zip((precision, recall, f1), expected, strict=False):
        assert np.allclose(rates(TRUTH, ANSWER, K).values, values)
    assert np.array_equal(confusion_matrix(TRUTH, ANSWER, K), sk.confusion_matrix(TRUTH, ANSWER))
    assert accuracy(TRUTH, ANSWER) == sk.accuracy_score(TRUTH, ANSWER)
    assert macro_recall(TRUTH, ANSWER, K) == pytest.approx(sk.balanced_accuracy_score(TRUTH, ANSWER))
    assert macro_auroc(TRUTH, PROBS) == pytest.approx(sk.roc_auc_score(TRUTH, PROBS, multi_class="ovr"))


def test_classes_without_pictures_are_undefined_and_left_out_of_means() -> None:
    truth, answer = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert np.array_equal(recall(truth, answer, 3).values, [0.5, 1, np.nan], equal_nan=True)
    assert np.array_equal(precision(truth, answer, 3).values, [1, 0.5, np.nan], equal_nan=True)
    assert np.isnan(f1(truth, answer, 3).values[2])
    assert macro_recall(truth, answer, 3) == 0.75
    assert macro_auroc(truth, np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0]])) == 1


def test_abstaining_is_right_nowhere_and_named_nowhere() -> None:
    truth, answer = np.array([0, 0, 1]), np.array([0, -1, -1])
    assert recall(truth, answer, 2).values.tolist() == [0.5, 0]
    assert precision(truth, answer, 2).totals.tolist() == [1, 0]
    assert confusion_matrix(truth, answer, 2).sum() == 1


def test_no_pictures_at_all() -> None:
    nothing = np.empty(0, dtype=int)
    assert np.isnan([accuracy(nothing, nothing), macro_recall(nothing, nothing, 2)]).all()
    assert np.isnan(macro_auroc(nothing, np.empty((0, 2))))


def test_labels_and_answers_must_match() -> None:
    with pytest.raises(AlignmentError):
        confusion_matrix(np.zeros(3, int), np.zeros(2, int), 2)
