"""A base classifier with Gaussian logits: a mean and a variance for each class and picture."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.nets.attention import WIDTH, Attention

SAMPLES = 128
"""Samples of the logits; Valdenegro-Toro & Mori (2022) advise more than 100."""
MIN_SCALE = 1e-3
IMPOSSIBLE = -1e4
"""Logit with probability 0 whose derivatives are finite."""


class Sampling(Attention):
    """`Attention` with normally distributed logits, whose mean and variance it learns for each class and picture.

    Its probabilities are the mean softmax of samples, p = mean over n of softmax(μ + σ·ε_n) with ε_n ~ N(0, 1), and its
    logit is log p. The usual loss is then that of Gaussian logits, and pictures on which annotators disagree can get a
    large σ (Kendall & Gal, *What uncertainties do we need in Bayesian deep learning for computer vision?*, NeurIPS
    2017, section 3.3). Samples are drawn in every training step; predictions use fixed ones.

    Notes
    -----
    The layers "means" and "variances" are (B, K); they are 0 and 1 for classes without training data.

    Examples
    --------
    >>> model = Sampling(classes=7, colours=1).eval()
    >>> layers = model.activations(torch.zeros(2, 1, 48, 48))
    >>> layers["variances"].shape, bool(layers["logits"].exp().sum(1).allclose(torch.ones(2)))
    (torch.Size([2, 7]), True)
    """

    layers: ClassVar[tuple[str, ...]] = (*Attention.layers[:-1], "means", "variances", "logits")
    noise: Tensor

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.scales = nn.Linear(WIDTH, classes)
        nn.init.zeros_(self.scales.weight)
        nn.init.constant_(self.scales.bias, -1.0)
        # drawn class by class, so that a copy with more classes gives the same outputs for these
        noise = np.random.default_rng(0).standard_normal((classes, SAMPLES), np.float32)
        self.register_buffer("noise", torch.from_numpy(noise.T.copy())[:, None], persistent=False)

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        upper = super().upper_layers(maps)
        means = upper["logits"].float().masked_fill(~self.known, IMPOSSIBLE)
        scales = functional.softplus(self.scales(self.dropout(upper["hidden"])).float()) + MIN_SCALE
        noise = torch.randn(SAMPLES, *means.shape, device=means.device) if self.training else self.noise
        log_probs = (means + scales * noise).log_softmax(2).logsumexp(0) - math.log(SAMPLES)
        return {
            **upper,
            "means": means.masked_fill(~self.known, 0.0),
            "variances": scales.square().masked_fill(~self.known, 1.0),
            "logits": self.masked(log_probs),
        }
