"""Linear probes on whitened features of all taps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from mien.correctors.contract import State, fitted, positives, target_class
from mien.features import Whitening, stack
from mien.types import Bools, Floats, Ints, Outputs, Proposal

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)


class Logistic:
    """L2 logistic regression, class against the rest; the penalty is chosen by three-fold AUROC.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    taps : patterns of the features to learn on.
    components : whitened components kept.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 3
    >>> features = {"hidden": rng.normal(size=(60, 8)) + 3 * (labels == 2)[:, None]}
    >>> known = np.array([True, True, False])
    >>> outputs = Outputs(np.arange(60).astype(str), np.full((60, 3), 0.5) * known, known, features)
    >>> proposal = Logistic().fit(outputs, labels).propose(outputs)
    >>> bool(proposal.score[labels == 2].min() > np.median(proposal.score))
    True
    """

    name = "logistic"

    def __init__(self, target: int | None = None, taps: Sequence[str] = ("*",), components: int = 256) -> None:
        self.target, self.taps, self.components = target, tuple(taps), components
        self._whitening: Whitening | None = None
        self._weights: Floats | None = None

    def fit(self, outputs: Outputs, labels: Ints) -> Self:
        """Learn from (N,) true labels; DataError without pictures of both kinds."""
        self.target = target_class(outputs, self.target)
        wanted = positives(outputs, labels, self.target)
        features = stack(outputs, self.taps)
        self._whitening = Whitening.fit(features, self.components)
        vectors = self._whitening.apply(features)
        model = _logistic(_best_strength(vectors, wanted)).fit(vectors, wanted)
        self._weights = np.append(model.coef_[0], model.intercept_[0])
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class against the rest."""
        weights = fitted(self._weights, self.name)
        vectors = fitted(self._whitening, self.name).apply(stack(outputs, self.taps))
        score = vectors @ weights[:-1] + weights[-1]
        return Proposal(outputs.ids, score, np.full(len(outputs), self.target))

    def state(self) -> dict[str, NDArray[Any]]:
        whitening = fitted(self._whitening, self.name)
        return {
            "mean": whitening.mean,
            "spread": whitening.spread,
            "basis": whitening.basis,
            "weights": fitted(self._weights, self.name),
            "target": np.array(self.target),
            "taps": np.array(self.taps),
        }

    def restore(self, state: State) -> Self:
        self._whitening = Whitening(state["mean"], state["spread"], state["basis"])
        self._weights, self.target = state["weights"], int(state["target"])
        self.taps = tuple(str(tap) for tap in state["taps"])
        return self


def _logistic(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300)


def _best_strength(vectors: Floats, wanted: Bools) -> float:
    """Inverse penalty with the best mean AUROC over three folds; the strongest penalty where folds are impossible."""
    if min(wanted.sum(), (~wanted).sum()) < 6:
        return STRENGTHS[0]
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(vectors, wanted))

    def quality(strength: float) -> float:
        areas = []
        for learn, judge in folds:
            model = _logistic(strength).fit(vectors[learn], wanted[learn])
            areas.append(roc_auc_score(wanted[judge], model.decision_function(vectors[judge])))
        return float(np.mean(areas))

    return max(STRENGTHS, key=quality)
