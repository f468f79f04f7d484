"""A fitted scikit-learn estimator as a classifier. Its columns are the features that a corrector learns on."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, ClassifierCard, Layer, TableSpec
from mien.errors import NotFittedError, UsageError
from mien.outside import import_optional
from mien.types import FeatureRequest, Outputs, digest

INPUTS = "inputs"
"""Name of the vector that holds the estimator's own columns."""


class EstimatorClassifier:
    """A fitted estimator with `predict_proba`, or a pipeline that ends in one.

    Its answer is the class of the highest probability, which for some estimators is not always that of `predict`.

    Parameters
    ----------
    estimator : it is not changed.

    Raises
    ------
    NotFittedError : it was not fitted. UsageError : it gives no probabilities.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0]], ["calm", "fear"])
    >>> classifier = EstimatorClassifier(model)
    >>> classifier.card.classes
    ('calm', 'fear')
    >>> classifier.outputs(Batch(np.array([[0.9]]))).predicted
    array([1])
    """

    def __init__(self, estimator: Any) -> None:
        name = type(estimator).__name__
        if not hasattr(estimator, "predict_proba"):
            remedy = "give one that does, or wrap it: CalibratedClassifierCV(FrozenEstimator(estimator))"
            raise UsageError("gives no probabilities", place=name, remedy=remedy)
        if not hasattr(estimator, "classes_"):
            raise NotFittedError("was not fitted", place=name, remedy="call its fit(X, y) first")
        self.estimator = estimator

    @cached_property
    def card(self) -> ClassifierCard:
        """The id is a digest of all that the estimator holds."""
        names = tuple(map(str, getattr(self.estimator, "feature_names_in_", ())))
        spec = TableSpec(getattr(self.estimator, "n_features_in_", len(names)), names)
        classes = tuple(map(str, self.labels.tolist()))
        layer = Layer(INPUTS, (spec.width,), "vector")
        return ClassifierCard(digest("estimator", joblib.hash(self.estimator), classes, names), classes, inputs=spec,
                              layers=(layer,))  # fmt: skip

    @property
    def labels(self) -> NDArray[Any]:
        """(K,) the classes as the estimator has them: text or numbers."""
        return np.asarray(self.estimator.classes_)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """Probabilities, and the columns as the vector "inputs"."""
        batch.checked(self.card, request)
        empty = np.empty((0, len(self.labels)))
        probs = self.estimator.predict_proba(self._table(batch.data)) if len(batch) else empty
        vectors = {INPUTS: batch.data} if request.matches(INPUTS) else {}
        return Outputs(batch.ids, np.asarray(probs), None, vectors)  # type: ignore[arg-type]

    def _table(self, data: NDArray[Any]) -> Any:
        """The columns with their names, where the estimator learnt names."""
        columns = self.card.inputs.columns if isinstance(self.card.inputs, TableSpec) else ()
        if not columns:
            return data
        pandas = import_optional("pandas", "pandas", "foreign")  # an estimator with named columns was fitted with it
        return pandas.DataFrame(data, columns=list(columns))
