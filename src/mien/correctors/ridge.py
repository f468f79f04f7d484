"""Ridge regression onto one-hot codes, with cheap leave-one-out predictions: the last step of several correctors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mien.types import Floats, Ints

PENALTIES = np.logspace(-4, 2, 13)
"""λ as a share of the mean eigenvalue."""


@dataclass(frozen=True)
class Spectrum:
    """Centred vectors on the axes of their covariance, with which ridge regression for any penalty is cheap.

    Attributes
    ----------
    mean : (M,). rotated : (N, M) vectors on the axes.
    axes : (M, M), a column an axis. values : (M,) sums of squares along them.
    """

    mean: Floats
    rotated: Floats
    axes: Floats
    values: Floats

    @classmethod
    def of(cls, vectors: Floats) -> Self:
        mean = vectors.mean(0)
        centred = (vectors - mean).astype(np.float64)
        values, axes = np.linalg.eigh(centred.T @ centred)
        return cls(mean, centred @ axes, axes, np.maximum(values, 0))

    def weights(self, answers: Floats, penalty: float) -> Floats:
        """(M, C) on the axes, for (N, C) answers."""
        return np.asarray((self.rotated.T @ (answers - answers.mean(0))) / (self.values + penalty)[:, None])

    def left_out(self, answers: Floats, penalty: float) -> Floats:
        """(N, C) answers to each row by a regression on the others, without another fit: the residual over one minus
        the row's leverage (Allen's PRESS, Technometrics 1974)."""
        residual = answers - answers.mean(0) - self.rotated @ self.weights(answers, penalty)
        leverage = self.rotated**2 @ (1 / (self.values + penalty)) + 1 / len(self.rotated)
        return np.asarray(answers - residual / np.maximum(1 - leverage, 1e-6)[:, None])


@dataclass(frozen=True)
class Ridge:
    """log p(code | h) = log softmax(temperature · (h·W + b)).

    Attributes
    ----------
    weights : (M, C). intercept : (C,).
    temperature : factor before the softmax, fitted to leave-one-out predictions.
    """

    weights: Floats
    intercept: Floats
    temperature: float

    @classmethod
    def fit(cls, vectors: Floats, codes: Ints) -> Self:
        """Least squares onto one-hot codes, with the penalty of least squared error on left-out rows.

        Parameters
        ----------
        vectors : (N, M). codes : (N,) 0 … C−1.
        """
        answers, spectrum = np.eye(codes.max() + 1)[codes], Spectrum.of(vectors)
        penalties = PENALTIES * max(spectrum.values.mean(), 1e-12)
        penalty = min(penalties, key=lambda value: float(((spectrum.left_out(answers, value) - answers) ** 2).sum()))
        weights = spectrum.axes @ spectrum.weights(answers, penalty)
        temperature = _temperature(spectrum.left_out(answers, penalty), codes)
        return cls(weights, answers.mean(0) - spectrum.mean @ weights, temperature)

    def log_probs(self, vectors: Floats) -> Floats:
        """(N, M) → (N, C)."""
        return np.asarray(log_softmax(self.temperature * (vectors @ self.weights + self.intercept), axis=1))


def _temperature(answers: Floats, codes: Ints) -> float:
    """Factor with the least cross-entropy of the softmax of leave-one-out predictions (N, C)."""
    rows = np.arange(len(codes))

    def loss(log_factor: float) -> float:
        return -float(log_softmax(np.exp(log_factor) * answers, axis=1)[rows, codes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 5), method="bounded").x))
