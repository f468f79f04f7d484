"""What training makes small: cross entropy, and two losses that wrong labels mislead less."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mien.errors import choice_error
from mien.models.settings import LOSSES

Q = 0.7
"""Of generalised cross entropy: towards 0 it is cross entropy, at 1 the mean absolute error (Zhang & Sabuncu's own)."""
STRENGTH, MEMORY = 3.0, 0.7
"""Of early-learning regularisation, as in its paper's CIFAR-10."""
LEAST = 1e-4


def soft_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Weighted cross entropy −Σ w_c t_c log p_c / Σ w_c t_c over a batch; classes with logit −∞ take no part.

    Parameters
    ----------
    logits : (B, K). targets : (B, K), rows add up to 1. weights : (K,). smoothing : share spread over known classes.
    """
    shares = _shares(logits, targets, weights, smoothing)
    return -(shares * _log_probs(logits)).sum() / shares.sum()


class Loss(ABC):
    """A loss of logits (B, K) against soft targets (B, K).

    Parameters
    ----------
    weights : (K,) of the classes. smoothing : share of each target spread over the known classes.
    count : training pictures, for a loss that remembers something of each.
    """

    def __init__(self, weights: Tensor, smoothing: float, count: int) -> None:
        self.weights, self.smoothing = weights, smoothing

    @abstractmethod
    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        """A number; `rows` (B,) are those of the training pictures."""

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on; changed in place."""
        return {}


class CrossEntropy(Loss):
    """See :func:`soft_cross_entropy`."""

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        return soft_cross_entropy(logits, targets, self.weights, self.smoothing)


class GeneralisedCrossEntropy(Loss):
    """Σ w_c t_c (1 − p_c^q) / q: pictures that fit badly pull less than with cross entropy.

    Z. Zhang & M. Sabuncu, *Generalized cross entropy loss for training deep neural networks with noisy labels*,
    NeurIPS 2018, equation 6.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        shares = _shares(logits, targets, self.weights, self.smoothing)
        return (shares * -torch.expm1(Q * _log_probs(logits)) / Q).sum() / shares.sum()


class EarlyLearning(Loss):
    """Cross entropy, and a pull towards what was answered in earlier epochs, before wrong labels were learnt by heart.

    S. Liu, J. Niles-Weed, N. Razavian, C. Fernandez-Granda, *Early-learning regularization prevents memorization of
    noisy labels*, NeurIPS 2020, equation 6: + λ log(1 − ⟨p, t⟩), t the running mean of p over the epochs.
    """

    def __init__(self, weights: Tensor, smoothing: float, count: int) -> None:
        super().__init__(weights, smoothing, count)
        self.memory = torch.zeros(count, len(weights), device=weights.device)

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        probs = logits.softmax(1).clamp(LEAST, 1 - LEAST)
        with torch.no_grad():
            shares = probs / probs.sum(1, keepdim=True)
            self.memory[rows] = MEMORY * self.memory[rows] + (1 - MEMORY) * shares
        agreed = (probs * self.memory[rows]).sum(1).clamp(max=1 - LEAST)
        return soft_cross_entropy(logits, targets, self.weights, self.smoothing) + STRENGTH * (1 - agreed).log().mean()

    def state(self) -> dict[str, Tensor]:
        return {"memory": self.memory}


KINDS: dict[str, type[Loss]] = dict(zip(LOSSES, (CrossEntropy, GeneralisedCrossEntropy, EarlyLearning), strict=True))


def find(name: str) -> type[Loss]:
    """The loss called `name`.

    >>> find("gce").__name__
    'GeneralisedCrossEntropy'
    """
    if name not in KINDS:
        raise choice_error("loss", name, KINDS, place="--loss")
    return KINDS[name]


def _shares(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """(B, K) smoothed targets times the weights of their classes."""
    known = torch.isfinite(logits[0])
    return ((1 - smoothing) * targets + smoothing * known / known.sum()) * weights


def _log_probs(logits: Tensor) -> Tensor:
    """(B, K); 0 for classes that are not known."""
    return logits.log_softmax(1).masked_fill(~torch.isfinite(logits[0]), 0.0)
