"""Novelty scores: how much a picture differs from the fitted ones. They need no labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from mien.correctors import NOVELTY_SCORES
from mien.correctors.base import BaseCorrector
from mien.correctors.contract import State, Target, check_fitted, target_class
from mien.errors import DataError, choice_error
from mien.features import Embedding
from mien.types import NO_LABEL, FeatureRequest, Floats, Outputs, Proposal, SoftLabels, as_numbers

NEIGHBOURS = 10
LEAST = 1e-12

Arrays = dict[str, NDArray[Any]]


class Novelty(BaseCorrector):
    """A novelty score as corrector, for when nobody has labelled a picture of the new class yet.

    Parameters
    ----------
    target : the class to suggest; by default the one that the classifier was not trained on, or none (−1) where there
        is none: then the corrected system abstains.
    method : the score.
        "msp" : the largest probability is small (Hendrycks & Gimpel, 2017).
        "energy" : the logits are small, −log Σ exp (Liu et al., 2020); falls back to "gen" if there are no logits.
        "gen" : generalised entropy of the probabilities, γ = 0.1 (Liu et al., 2023).
        "mahalanobis" : far from the mean of every answer, in the covariance within answers (Lee et al., 2018).
        "relative" : "mahalanobis" less the distance from the mean of all (Ren et al., 2021).
        "knn" : far from the 10th nearest picture, on the unit sphere (Sun et al., 2022).
        "vim" : long outside the space of the principal axes, beside the logits (Wang et al., 2022).
    components : principal axes of the features looked at.

    Notes
    -----
    `fit` uses the outputs of f, and no labels. The score has mean 0 and standard deviation 1 over the fitted pictures;
    without labels it cannot be a log-odds.
    """

    name = "novelty"
    needs_pictures = False
    method_: str | None = None
    embedding_: Embedding | None = None
    learnt_: Arrays | None = None

    def __init__(self, target: int | None = None, method: str = "energy", components: int = 128) -> None:
        self.target, self.method, self.components = target, method, components

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=("logits", "means") if (self.method_ or self.method) in _OF_OUTPUTS else ("*",))

    def _padding(self) -> Target:
        padding = super()._padding()
        return None if padding == [NO_LABEL] else padding

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        if self.method not in NOVELTY_SCORES:
            raise choice_error("method", self.method, NOVELTY_SCORES, place=self.name)
        nothing = self.target == NO_LABEL or (self.target is None and outputs.known.all())
        self.target_ = NO_LABEL if nothing else target_class(outputs, self.target)
        if not len(outputs):
            raise DataError("there is no picture", place=f"{self.name}.fit", remedy="give some that are usual")
        self.method_ = "gen" if self.method == "energy" and "logits" not in outputs.vectors else self.method
        whiten = 0.0 if self.method_ in ("vim", "knn") else 1.0
        least = 0 if self.method_ in _OF_OUTPUTS else 1
        self.embedding_ = Embedding.fit(outputs, ("*",), self.components, whiten, least=least)
        vectors = self.embedding_.apply(outputs)
        self.learnt_ = _LEARN[self.method_](vectors, outputs) if self.method_ in _LEARN else {}
        raw = self._raw(outputs)
        scale = raw.std() if raw.std() > 1e-12 * np.abs(raw).max() else 1.0  # below it, rounding alone
        self.learnt_ |= {"centre": np.array(raw.mean()), "scale": np.array(scale)}
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by novelty, in standard deviations above the mean of the fitted images."""
        learnt = check_fitted(self.learnt_, self.name)
        score = (self._raw(outputs) - learnt["centre"]) / learnt["scale"]
        return Proposal(outputs.ids, score, np.full(len(outputs), self.target_))

    def state(self) -> Arrays:
        learnt, embedding = check_fitted(self.learnt_, self.name), check_fitted(self.embedding_, self.name)
        return {**embedding.state(), **learnt, "target": np.array(self.target_), "method": np.array(self.method_)}

    def restore(self, state: State) -> Self:
        self.target_, self.method_ = int(state["target"]), str(state["method"])
        names = ("centre", "scale", *_ARRAYS.get(self.method_, ()))
        self.embedding_, self.learnt_ = Embedding.from_state(state), {name: state[name] for name in names}
        return self

    def _raw(self, outputs: Outputs) -> Floats:
        learnt, embedding = check_fitted(self.learnt_, self.name), check_fitted(self.embedding_, self.name)
        if self.method_ == "energy" and "logits" not in outputs.vectors:
            cause = "no feature is called logits, which the corrector was fitted on"
            raise DataError(cause, place="Outputs.vectors", remedy="give the logits, or fit it with method='gen'")
        if self.method_ in _OF_OUTPUTS:
            return _OF_OUTPUTS[self.method_](outputs)
        vectors = embedding.apply(outputs).astype(np.float64)
        if self.method_ == "knn":
            search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(learnt["usual"]))).fit(learnt["usual"])
            return np.asarray(search.kneighbors(_on_sphere(vectors))[0][:, -1])
        if self.method_ == "vim":
            outside = np.linalg.norm(vectors - vectors @ learnt["inside"] @ learnt["inside"].T, axis=1)
            return np.asarray(learnt["weight"] * outside + energy(outputs))
        distance = _mahalanobis(vectors, learnt["means"], learnt["precision"]).min(1)
        if self.method_ == "relative":
            distance = distance - _mahalanobis(vectors, learnt["mean_of_all"][None], learnt["precision_of_all"])[:, 0]
        return np.asarray(distance)


def msp(outputs: Outputs) -> Floats:
    """(N,) −log of the largest probability."""
    return np.asarray(-np.log(np.maximum(outputs.probs.max(1), LEAST)), np.float64)


def energy(outputs: Outputs) -> Floats:
    """(N,) −log Σ exp of the logits, or of the means of Gaussian logits; without logits, of log p, which is 0."""
    logits = outputs.vectors.get("logits", np.log(np.maximum(outputs.probs[:, outputs.known], LEAST)))
    if "means" in outputs.vectors and outputs.vectors["means"].shape[1:] == outputs.known.shape:
        logits = outputs.vectors["means"][:, outputs.known]
    logits = as_numbers(logits, "Outputs.vectors[logits]", ndim=2)
    return np.asarray(-logsumexp(logits.astype(np.float64), axis=1))


def gen(outputs: Outputs, gamma: float = 0.1) -> Floats:
    """(N,) Σ p^γ (1 − p)^γ over the known classes."""
    p = outputs.probs[:, outputs.known].astype(np.float64)
    return np.asarray((p**gamma * np.maximum(1 - p, 0) ** gamma).sum(1))


def _gaussians(vectors: Floats, outputs: Outputs) -> Arrays:
    answers = np.unique(outputs.predicted, return_inverse=True)[1]
    means = np.stack([vectors[answers == answer].mean(0) for answer in range(answers.max() + 1)])
    within, _ = ledoit_wolf(vectors - means[answers], assume_centered=True)
    mean = vectors.mean(0)
    around, _ = ledoit_wolf(vectors - mean, assume_centered=True)
    return {
        "means": means,
        "precision": np.linalg.inv(within),
        "mean_of_all": mean,
        "precision_of_all": np.linalg.inv(around),
    }


def _subspace(vectors: Floats, outputs: Outputs) -> Arrays:
    """The first half of the axes, and the weight that scales the length outside them to the logits."""
    inside = np.eye(vectors.shape[1])[:, : max(1, vectors.shape[1] // 2)]
    outside = np.linalg.norm(vectors - vectors @ inside @ inside.T, axis=1)
    size = np.abs(energy(outputs)).mean() or 1.0
    return {"inside": inside, "weight": np.array(size / max(outside.mean(), LEAST))}


def _on_sphere(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), LEAST))


def _mahalanobis(vectors: Floats, centres: Floats, precision: Floats) -> Floats:
    """(N, C) squared Mahalanobis distances."""
    around = vectors[:, None] - centres
    return np.asarray(np.einsum("ncd,de,nce->nc", around, precision, around, optimize=True))


_OF_OUTPUTS = {"msp": msp, "energy": energy, "gen": gen}
_GAUSSIANS = ("means", "precision", "mean_of_all", "precision_of_all")
_ARRAYS = {"relative": _GAUSSIANS, "mahalanobis": _GAUSSIANS, "knn": ("usual",), "vim": ("inside", "weight")}
_LEARN: dict[str, Callable[[Floats, Outputs], Arrays]] = {
    "relative": _gaussians,
    "mahalanobis": _gaussians,
    "knn": lambda vectors, outputs: {"usual": _on_sphere(vectors)},
    "vim": _subspace,
}
