"""Estimators of scikit-learn as classifiers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from mien.classifiers.contract import Batch
from mien.classifiers.inputs import as_batch
from mien.classifiers.sklearn import EstimatorClassifier
from mien.errors import AlignmentError, DataError, NotFittedError, UsageError
from mien.testing import check_classifier

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(5),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_it_keeps_the_contract(estimator: LogisticRegression) -> None:
    check_classifier(EstimatorClassifier(estimator.fit(X, Y)), Batch(X[::10]))


def test_named_columns_are_found_in_any_order() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    found = EstimatorClassifier(LogisticRegression(max_iter=500).fit(table, Y))
    check_classifier(found, Batch(X[::10]))
    turned = as_batch(found.card, table[list("dcba")])
    assert np.array_equal(turned.data, X)
    with pytest.raises(DataError, match="no column 'a'"):
        as_batch(found.card, table[["b", "c", "d"]])


def test_the_identity_survives_a_copy_and_changes_with_the_estimator() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    ids = [
        EstimatorClassifier(one).card.id
        for one in (forest, pickle.loads(pickle.dumps(forest)), RandomForestClassifier(5, random_state=1).fit(X, Y))  # noqa: S301
    ]
    assert ids[0] == ids[1] != ids[2]


def test_what_is_no_classifier_is_refused() -> None:
    with pytest.raises(NotFittedError):
        EstimatorClassifier(LogisticRegression())
    with pytest.raises(UsageError, match="CalibratedClassifierCV"):
        EstimatorClassifier(LinearSVC().fit(X, Y))
    with pytest.raises(AlignmentError, match="3 columns"):
        as_batch(EstimatorClassifier(LogisticRegression(max_iter=500).fit(X, Y)).card, X[:, :3])
