"""What training makes small: cross entropy, losses that wrong labels mislead less, losses for unbalanced classes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mien.errors import choice_error
from mien.nets.settings import LOSSES, WEIGHT_TARGETS

Q = 0.7
"""Of generalised cross entropy: towards 0 it is cross entropy, at 1 the mean absolute error (Zhang & Sabuncu's own)."""
STRENGTH, MEMORY = 3.0, 0.7
"""Of early-learning regularisation, as in its paper's CIFAR-10."""
LEAST = 1e-4
FOCUS = 2.0
"""γ of the focal loss, its paper's best."""
MARGIN = 2.0
"""The rarest class's margin of LDAM, in logits. Its paper has 0.5, of cosines that are multiplied by 30."""
LASTING = 0.95
"""Share of what the soft F1 counted before that is left after a batch."""


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float, weight_target: str = WEIGHT_TARGETS[0]
) -> Tensor:
    """Weighted cross entropy −Σ w_c t_c log p_c / Σ w_c t_c over a batch; classes with logit −∞ take no part.

    Parameters
    ----------
    logits : (B, K). targets : (B, K), rows add up to 1. weights : (K,). smoothing : share spread over known classes.
    weight_target : "shares" multiplies the smoothed targets by the weights, "pictures" smooths the products.
    """
    shares = weighted_shares(logits, targets, weights, smoothing, weight_target)
    return -(shares * _log_probs(logits)).sum() / shares.sum()


def weighted_shares(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float, weight_target: str) -> Tensor:
    """(B, K) smoothed targets with the weights of their classes.

    With "shares" the little that smoothing gives a rare class is multiplied as well: at weights of N/n and 70 times as
    many pictures of another class, a sure picture of that one would best be answered with the rare class.
    """
    known = torch.isfinite(logits[0])
    even = known / known.sum()
    if weight_target == "shares":
        return ((1 - smoothing) * targets + smoothing * even) * weights
    own = targets * weights
    return (1 - smoothing) * own + smoothing * even * own.sum(1, keepdim=True)


class Loss(ABC):
    """A loss of logits (B, K) against soft targets (B, K).

    Parameters
    ----------
    weights : (K,) of the classes, changed in place while training goes on.
    smoothing : share of each target spread over the known classes.
    counts : (K,) training pictures of each class.
    pictures : of all classes, for a loss that remembers something of each.
    weight_target : what the weights multiply, see :func:`soft_cross_entropy`.
    """

    def __init__(
        self, weights: Tensor, smoothing: float, counts: Tensor, pictures: int, weight_target: str = WEIGHT_TARGETS[0]
    ) -> None:
        self.weights, self.smoothing, self.counts, self.weight_target = weights, smoothing, counts, weight_target

    @abstractmethod
    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        """A number; `rows` (B,) are those of the training pictures."""

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on; changed in place."""
        return {}

    def cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        """See :func:`soft_cross_entropy`."""
        return soft_cross_entropy(logits, targets, self.weights, self.smoothing, self.weight_target)

    def shares(self, logits: Tensor, targets: Tensor) -> Tensor:
        """See :func:`weighted_shares`."""
        return weighted_shares(logits, targets, self.weights, self.smoothing, self.weight_target)


class CrossEntropy(Loss):
    """See :func:`soft_cross_entropy`."""

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        return self.cross_entropy(logits, targets)


class GeneralisedCrossEntropy(Loss):
    """Σ w_c t_c (1 − p_c^q) / q: pictures that fit badly pull less than with cross entropy.

    Z. Zhang & M. Sabuncu, *Generalized cross entropy loss for training deep neural networks with noisy labels*,
    NeurIPS 2018, equation 6.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        shares = self.shares(logits, targets)
        return (shares * -torch.expm1(Q * _log_probs(logits)) / Q).sum() / shares.sum()


class EarlyLearning(Loss):
    """Cross entropy, and a pull towards what was answered in earlier epochs, before wrong labels were learnt by heart.

    S. Liu, J. Niles-Weed, N. Razavian, C. Fernandez-Granda, *Early-learning regularization prevents memorization of
    noisy labels*, NeurIPS 2020, equation 6: + λ log(1 − ⟨p, t⟩), t the running mean of p over the epochs.
    """

    def __init__(
        self, weights: Tensor, smoothing: float, counts: Tensor, pictures: int, weight_target: str = WEIGHT_TARGETS[0]
    ) -> None:
        super().__init__(weights, smoothing, counts, pictures, weight_target)
        self.memory = torch.zeros(pictures, len(weights), device=weights.device)

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        probs = logits.softmax(1).clamp(LEAST, 1 - LEAST)
        with torch.no_grad():
            shares = probs / probs.sum(1, keepdim=True)
            self.memory[rows] = MEMORY * self.memory[rows] + (1 - MEMORY) * shares
        agreed = (probs * self.memory[rows]).sum(1).clamp(max=1 - LEAST)
        return self.cross_entropy(logits, targets) + STRENGTH * (1 - agreed).log().mean()

    def state(self) -> dict[str, Tensor]:
        return {"memory": self.memory}


class Focal(Loss):
    """Σ w_c t_c (1 − p_c)^γ (−log p_c): pictures that fit already count little.

    T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, *Focal loss for dense object detection*, ICCV 2017, equation 5.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        shares, log_probs = self.shares(logits, targets), _log_probs(logits)
        hard = (-torch.expm1(log_probs)).clamp(min=LEAST) ** FOCUS  # of p = 1 the root would have no derivative
        return -(shares * hard * log_probs).sum() / shares.sum()


class LogitAdjusted(Loss):
    """Cross entropy of logits to which the log of each class's share was added, so that they need not learn it.

    A. K. Menon et al., *Long-tail learning via logit adjustment*, ICLR 2021, equation 10, τ = 1. Answers are by the
    logits alone: those of classes that are equally frequent. What is learnt are smoothed targets, so the shares are
    smoothed alike.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        known = torch.isfinite(logits[0])
        shares = (1 - self.smoothing) * self.counts / self.counts.sum() + self.smoothing * known / known.sum()
        return self.cross_entropy(logits + shares.clamp(min=LEAST**2).log(), targets)


class LDAM(Loss):
    """Cross entropy in which a class must win by a margin, of n_c^(−1/4): the rarer the wider.

    K. Cao, C. Wei, A. Gaidon, N. Arechiga, T. Ma, *Learning imbalanced datasets with label-distribution-aware margin
    loss*, NeurIPS 2019, equations 11 and 13. Its deferred weights are `reweight_after` of the training's settings.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        margins = torch.where(self.counts > 0, self.counts.clamp(min=1) ** -0.25, 0.0)
        margins = margins * MARGIN / margins.max()
        return self.cross_entropy(logits - margins * targets, targets)


class SoftF1(Loss):
    """1 − mean over the classes of 2·Σ p t / (Σ p + Σ t): the macro F1 with chances in place of answers.

    A batch of 32 may hold no picture of a rare class, and would only teach that there is none. So the sums go on from
    earlier batches, which fade; the derivative is of the current batch.
    """

    def __init__(
        self, weights: Tensor, smoothing: float, counts: Tensor, pictures: int, weight_target: str = WEIGHT_TARGETS[0]
    ) -> None:
        super().__init__(weights, smoothing, counts, pictures, weight_target)
        self.sums = torch.zeros(2, len(weights), device=weights.device)

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        probs, there = logits.softmax(1), self.counts > 0
        now = torch.stack([2 * (probs * targets).sum(0), (probs + targets).sum(0)])
        twice, both = LASTING * self.sums + now
        with torch.no_grad():
            self.sums.copy_(torch.stack([twice, both]))
        return 1 - (twice / both.clamp(min=LEAST))[there].mean()

    def state(self) -> dict[str, Tensor]:
        return {"sums": self.sums}


KINDS: dict[str, type[Loss]] = dict(
    zip(
        LOSSES,
        (CrossEntropy, GeneralisedCrossEntropy, EarlyLearning, Focal, LogitAdjusted, LDAM, SoftF1),
        strict=True,
    )
)


def get_loss(name: str) -> type[Loss]:
    """The loss called `name`.

    >>> get_loss("gce").__name__
    'GeneralisedCrossEntropy'
    """
    if name not in KINDS:
        raise choice_error("loss", name, KINDS, place="--loss")
    return KINDS[name]


def _log_probs(logits: Tensor) -> Tensor:
    """(B, K); 0 for classes that are not known."""
    return logits.log_softmax(1).masked_fill(~torch.isfinite(logits[0]), 0.0)
