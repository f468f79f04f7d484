"""Linear probes on whitened features of all layers: L2 logistic regression, and shrinkage LDA."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from mien.correctors.contract import Labels, as_outputs, check_fitted
from mien.correctors.on_vectors import Arrays, OnVectors
from mien.types import Floats, Ints, Outputs, SoftLabels

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)


class Linear(OnVectors):
    """Base of the correctors whose log-odds are linear in the features. A subclass gives `_weights`."""

    def _weights(self, learnt: Arrays) -> Floats:
        """(S, M + 1) weights of the logits of the codes; the last column is the constant."""
        raise NotImplementedError

    def _vector_log_probs(self, vectors: Floats, learnt: Arrays) -> Floats:
        weights = self._weights(learnt)
        return np.asarray(log_softmax(vectors @ weights[:, :-1].T + weights[:, -1], axis=1))

    def _log_probs(self, outputs: Outputs) -> Floats:
        weights = self._weights(check_fitted(self.learnt_, self.name))
        embedding = check_fitted(self.embedding_, self.name)
        # faster than computing the vectors
        return np.asarray(log_softmax(embedding.project(outputs, weights[:, :-1].T) + weights[:, -1], axis=1))


class Logistic(Linear):
    """L2 logistic regression; the penalty is chosen by three folds.

    Examples
    --------
    >>> from mien.types import Outputs
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
    learns = ("weights",)

    def _learn_vectors(self, vectors: Floats, codes: Ints) -> Arrays:
        model = _logistic(_best_strength(vectors, codes, self.random_state)).fit(vectors, codes)
        weights = np.column_stack([model.coef_, model.intercept_])  # (C, M + 1), or (1, M + 1) for two codes
        return {"weights": weights[0] if len(weights) == 1 else weights}

    def _weights(self, learnt: Arrays) -> Floats:
        weights = np.atleast_2d(learnt["weights"])
        return np.vstack([np.zeros_like(weights), weights]) if len(weights) == 1 else weights


class LDA(Linear):
    """Linear discriminant analysis: a mean for each code, one covariance for all, shrunk.

    It stores sums, so that `add` can take more pictures: streaming LDA (Hayes & Kanan, *Lifelong machine learning with
    deep streaming linear discriminant analysis*, 2020).
    """

    name = "lda"
    learns = ("means", "counts", "scatter")

    def add(self, outputs: Outputs | Floats, labels: Labels, features: Any = None) -> Self:
        """Learn from more images, one or many, as if they had been among the first ones.

        The axes stay as they were. Scores change, so τ must be certified again.
        """
        whole = as_outputs(outputs, features, self._padding())
        indices = SoftLabels.of(labels, len(whole.known), rows=len(whole)).indices
        vectors = check_fitted(self.embedding_, self.name).apply(whole).astype(np.float64)
        codes = self._encoding().encode(whole, indices, self.target_)
        for code in np.unique(codes).tolist():
            learnt = self._with_code(code)
            place = int(np.searchsorted(np.asarray(self._encoding().codes), code))
            self.learnt_ = {**learnt, **_with_more(learnt, place, vectors[codes == code])}
        return self

    def _with_code(self, code: int) -> Arrays:
        """What was learnt, with a place for a code that may not have occurred."""
        learnt, encoding = check_fitted(self.learnt_, self.name), self._encoding()
        present = np.asarray(encoding.codes)
        if code in present:
            return learnt
        place, blank = int(np.searchsorted(present, code)), {"means": 0.0, "counts": 0}
        self.encoding_ = replace(encoding, codes=np.insert(present, place, code))
        return {**learnt, **{name: np.insert(learnt[name], place, value, axis=0) for name, value in blank.items()}}

    def _learn_vectors(self, vectors: Floats, codes: Ints) -> Arrays:
        vectors, counts = vectors.astype(np.float64), np.bincount(codes)
        means = np.stack([vectors[codes == code].mean(0) for code in range(len(counts))])
        around = vectors - means[codes]
        return {"means": means, "counts": counts, "scatter": around.T @ around}

    def _weights(self, learnt: Arrays) -> Floats:
        means, counts = learnt["means"], learnt["counts"]
        weights = np.linalg.solve(self._covariance(learnt["scatter"], counts.sum()), means.T).T
        constants = self._log_shares(counts) - (weights * means).sum(1) / 2
        return np.column_stack([weights, constants])

    def _log_shares(self, counts: Ints) -> Floats:
        """(S,) logs of how frequent the codes are."""
        return np.asarray(np.log(counts / counts.sum()))

    def _covariance(self, scatter: Floats, count: int) -> Floats:
        """Covariance with oracle approximating shrinkage (Chen, Wiesel, Eldar & Hero, IEEE Trans. Signal Processing
        2010, eq. 23) towards a multiple of the identity, which is computed from sums alone."""
        width, within = len(scatter), scatter / count
        square, round_one = (within**2).mean(), np.trace(within) / width
        surplus = (count + 1) * (square - round_one**2 / width)
        share = 1.0 if surplus <= 0 else min(1.0, (square + round_one**2) / surplus)
        return np.asarray((1 - share) * within + share * max(round_one, 1e-12) * np.eye(width))


def _with_more(learnt: Arrays, place: int, vectors: Floats) -> Arrays:
    """Counts, means, scatter with more vectors of one code (Chan, Golub & LeVeque, The American Statistician 1983)."""
    means, counts, more = learnt["means"].copy(), learnt["counts"].copy(), len(vectors)
    mean, before = vectors.mean(0), int(counts[place])
    apart, around = mean - means[place], vectors - mean
    counts[place] = before + more
    means[place] += apart * more / counts[place]
    scatter = learnt["scatter"] + around.T @ around + np.outer(apart, apart) * before * more / counts[place]
    return {"means": means, "counts": counts, "scatter": scatter}


def _logistic(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300)


def _best_strength(vectors: Floats, codes: Ints, seed: int) -> float:
    """Inverse penalty with the best mean AUROC over three folds; the strongest penalty where folds are impossible."""
    least = np.unique(codes, return_counts=True)[1].min()
    if least < 6:
        return STRENGTHS[0]
    folds = list(StratifiedKFold(3, shuffle=True, random_state=seed).split(vectors, codes))

    def quality(strength: float) -> float:
        areas = []
        for fitted, held in folds:
            probs = _logistic(strength).fit(vectors[fitted], codes[fitted]).predict_proba(vectors[held])
            areas.append(roc_auc_score(codes[held], probs[:, 1] if probs.shape[1] == 2 else probs, multi_class="ovr"))
        return float(np.mean(areas))

    return max(STRENGTHS, key=quality)
