"""The loss of the base classifiers."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Weighted cross entropy −Σ w_c t_c log p_c / Σ w_c t_c over a batch; classes with logit −∞ take no part.

    Parameters
    ----------
    logits : (B, K). targets : (B, K), rows add up to 1. weights : (K,). smoothing : share spread over known classes.
    """
    known = torch.isfinite(logits[0])
    targets = (1 - smoothing) * targets + smoothing * known / known.sum()
    shares = targets * weights
    log_probs = logits.log_softmax(1).masked_fill(~known, 0.0)
    return -(shares * log_probs).sum() / shares.sum()
