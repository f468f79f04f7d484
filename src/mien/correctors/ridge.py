"""Ridge regression onto one-hot codes, with leave-one-out answers for nothing: the last step of several correctors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mien.types import Floats, Ints

PENALTIES = np.logspace(-4, 2, 13)
"""λ as a share of the mean eigenvalue."""


@dataclass(frozen=True)
class Ridge:
    """log p(code | h) = log softmax(temperature · (h·W + b)).

    Attributes
    ----------
    weights : (M, C). intercept : (C,).
    temperature : makes probabilities of the regression's answers, chosen on left-out ones.
    """

    weights: Floats
    intercept: Floats
    temperature: float

    @classmethod
    def fit(cls, vectors: Floats, codes: Ints) -> Ridge:
        """Least squares with the penalty of least squared error on left-out rows.

        Each row is left out in turn without another fit: the residual over one minus the row's leverage (Allen's PRESS,
        Technometrics 1974).

        Parameters
        ----------
        vectors : (N, M). codes : (N,) 0 … C−1.
        """
        answers = np.eye(codes.max() + 1)[codes]
        mean, middle = vectors.mean(0), answers.mean(0)
        centred, wanted = (vectors - mean).astype(np.float64), answers - middle
        values, axes = np.linalg.eigh(centred.T @ centred)
        values = np.maximum(values, 0)
        rotated = centred @ axes  # (N, M)
        projected, squares = rotated.T @ wanted, rotated**2

        def left_out(penalty: float) -> Floats:
            shrunk = 1 / (values + penalty)
            residual = wanted - rotated @ (shrunk[:, None] * projected)
            leverage = squares @ shrunk + 1 / len(vectors)
            return np.asarray(wanted - residual / np.maximum(1 - leverage, 1e-6)[:, None])

        scale = max(values.mean(), 1e-12)
        penalty = min(PENALTIES * scale, key=lambda penalty: float(((left_out(penalty) - wanted) ** 2).sum()))
        weights = axes @ (projected / (values + penalty)[:, None])
        return cls(weights, middle - mean @ weights, _temperature(left_out(penalty) + middle, codes))

    def log_probs(self, vectors: Floats) -> Floats:
        """(N, M) → (N, C)."""
        return np.asarray(log_softmax(self.temperature * (vectors @ self.weights + self.intercept), axis=1))


def _temperature(answers: Floats, codes: Ints) -> float:
    """The factor under which softmax fits the codes best; answers of rows that were left out."""
    rows = np.arange(len(codes))

    def loss(log_factor: float) -> float:
        return -float(log_softmax(np.exp(log_factor) * answers, axis=1)[rows, codes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
