"""Loss functions: cross entropy, losses robust to label noise, and losses for unbalanced classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from mien.errors import choice_error
from mien.nets.settings import WEIGHT_TARGETS

Q = 0.7
"""q of generalised cross entropy, as in its paper; 0 is cross entropy, 1 the mean absolute error."""
STRENGTH, MEMORY = 3.0, 0.7
"""λ and β of early-learning regularisation, as in its paper for CIFAR-10."""
EPS = 1e-4
FOCUS = 2.0
"""γ of the focal loss, the best value in its paper."""
MARGIN = 2.0
"""Margin of the rarest class in LDAM, in logits; its paper uses 0.5 for cosines scaled by 30."""
F1_DECAY = 0.95
"""Decay per batch of the running sums of the soft F1."""


@dataclass(eq=False)
class Loss(ABC):
    """Base class of losses of logits (B, K) against soft targets (B, K); classes with logit −∞ are left out.

    Attributes
    ----------
    weights : (K,) class weights, changed in place during training.
    smoothing : share of each target that is spread over all known classes (label smoothing).
    counts : (K,) training pictures of each class.
    pictures : number of training pictures, for losses with a state per picture.
    weight_target : what the weights multiply: "shares", the smoothed targets, or "pictures", the targets before.
    """

    weights: Tensor
    smoothing: float
    counts: Tensor
    pictures: int
    weight_target: str = WEIGHT_TARGETS[0]

    def __post_init__(self) -> None:  # noqa: B027 -- most losses have no state
        """Create the tensors of `state`."""

    @abstractmethod
    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        """Compute the loss of a batch; `rows` (B,) are the rows of its pictures in the training part."""

    def state(self) -> dict[str, Tensor]:
        """Return tensors that the loss updates in place, to be saved in checkpoints."""
        return {}

    def cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the weighted cross entropy −Σ w_c t_c log p_c / Σ w_c t_c over a batch."""
        shares = self.shares(logits, targets)
        return -(shares * _log_probs(logits)).sum() / shares.sum()

    def shares(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Multiply (B, K) targets by class weights and smooth them.

        "shares" also multiplies the share that smoothing gives to rare classes. With weights N/n and another class 70
        times as frequent, the loss of a picture of that class is then least where the rare class is predicted.
        """
        known = torch.isfinite(logits[0])
        even = known / known.sum()
        if self.weight_target == "shares":
            return ((1 - self.smoothing) * targets + self.smoothing * even) * self.weights
        weighted = targets * self.weights
        return (1 - self.smoothing) * weighted + self.smoothing * even * weighted.sum(1, keepdim=True)


class CrossEntropy(Loss):
    """Weighted cross entropy with label smoothing."""

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        return self.cross_entropy(logits, targets)


class GeneralisedCrossEntropy(Loss):
    """Generalised cross entropy Σ w_c t_c (1 − p_c^q) / q, with smaller gradients for badly fitted pictures.

    Z. Zhang & M. Sabuncu, *Generalized cross entropy loss for training deep neural networks with noisy labels*,
    NeurIPS 2018, equation 6.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        shares = self.shares(logits, targets)
        return (shares * -torch.expm1(Q * _log_probs(logits)) / Q).sum() / shares.sum()


class EarlyLearning(Loss):
    """Cross entropy with a penalty on deviations from earlier predictions, made before wrong labels are memorised.

    S. Liu, J. Niles-Weed, N. Razavian, C. Fernandez-Granda, *Early-learning regularization prevents memorization of
    noisy labels*, NeurIPS 2020, equation 6: + λ log(1 − ⟨p, t⟩), with t the running mean of p over the epochs.
    """

    def __post_init__(self) -> None:
        self.memory = torch.zeros(self.pictures, len(self.weights), device=self.weights.device)

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        probs = logits.softmax(1).clamp(EPS, 1 - EPS)
        with torch.no_grad():
            shares = probs / probs.sum(1, keepdim=True)
            self.memory[rows] = MEMORY * self.memory[rows] + (1 - MEMORY) * shares
        agreed = (probs * self.memory[rows]).sum(1).clamp(max=1 - EPS)
        return self.cross_entropy(logits, targets) + STRENGTH * (1 - agreed).log().mean()

    def state(self) -> dict[str, Tensor]:
        return {"memory": self.memory}


class Focal(Loss):
    """Focal loss Σ w_c t_c (1 − p_c)^γ (−log p_c), which gives well-fitted pictures a small weight.

    T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, *Focal loss for dense object detection*, ICCV 2017, equation 5.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        shares, log_probs = self.shares(logits, targets), _log_probs(logits)
        hard = (-torch.expm1(log_probs)).clamp(min=EPS) ** FOCUS  # avoids an undefined derivative at p = 1
        return -(shares * hard * log_probs).sum() / shares.sum()


class LogitAdjusted(Loss):
    """Cross entropy of logits plus the log frequency of each class, so that the logits alone are unbiased.

    A. K. Menon et al., *Long-tail learning via logit adjustment*, ICLR 2021, equation 10, τ = 1. Predictions use the
    logits alone. Since targets are smoothed, the frequencies are smoothed alike.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        known = torch.isfinite(logits[0])
        shares = (1 - self.smoothing) * self.counts / self.counts.sum() + self.smoothing * known / known.sum()
        return self.cross_entropy(logits + shares.clamp(min=EPS**2).log(), targets)


class LDAM(Loss):
    """Label-distribution-aware margin loss: cross entropy with a margin proportional to n_c^(−1/4) for each class.

    K. Cao, C. Wei, A. Gaidon, N. Arechiga, T. Ma, *Learning imbalanced datasets with label-distribution-aware margin
    loss*, NeurIPS 2019, equations 11 and 13. Its deferred re-weighting is a setting of the training.
    """

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        margins = torch.where(self.counts > 0, self.counts.clamp(min=1) ** -0.25, 0.0)
        margins = margins * MARGIN / margins.max()
        return self.cross_entropy(logits - margins * targets, targets)


class SoftF1(Loss):
    """Soft macro F1, 1 − mean over the classes of 2·Σ p t / (Σ p + Σ t), with probabilities in place of answers.

    A batch of 32 pictures may contain none of a rare class. The sums are therefore running sums over batches, which
    decay by F1_DECAY; the gradient is that of the current batch.
    """

    def __post_init__(self) -> None:
        self.sums = torch.zeros(2, len(self.weights), device=self.weights.device)

    def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
        probs, present = logits.softmax(1), self.counts > 0
        current = torch.stack([2 * (probs * targets).sum(0), (probs + targets).sum(0)])
        overlap, total = F1_DECAY * self.sums + current
        with torch.no_grad():
            self.sums.copy_(torch.stack([overlap, total]))
        return 1 - (overlap / total.clamp(min=EPS))[present].mean()

    def state(self) -> dict[str, Tensor]:
        return {"sums": self.sums}


KINDS: dict[str, type[Loss]] = {
    "cross-entropy": CrossEntropy,
    "gce": GeneralisedCrossEntropy,
    "elr": EarlyLearning,
    "focal": Focal,
    "logit-adjusted": LogitAdjusted,
    "ldam": LDAM,
    "soft-f1": SoftF1,
}


def get_loss(name: str) -> type[Loss]:
    """Return the class of the loss called `name`.

    >>> get_loss("gce").__name__
    'GeneralisedCrossEntropy'
    """
    if name not in KINDS:
        raise choice_error("loss", name, KINDS, place="--loss")
    return KINDS[name]


def _log_probs(logits: Tensor) -> Tensor:
    """(B, K) log-probabilities; 0 for classes with logit −∞."""
    return logits.log_softmax(1).masked_fill(~torch.isfinite(logits[0]), 0.0)
