"""The base classifier with Gaussian logits: it states how unsure each of its logits is."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mien.nets.attention import WIDTH, Attention

SAMPLES = 128
"""Draws of the logits; Valdenegro-Toro & Mori (2022) advise more than 100."""
LEAST_SCALE = 1e-3
OUT_OF_REACH = -1e4
"""A logit that leaves no chance, and whose derivatives are numbers."""


class Sampling(Attention):
    """`Attention` whose logits are normal, with a mean and a variance for each class and picture.

    It answers by the mean softmax of samples: p = mean over n of softmax(μ + σ·ε_n), ε_n ~ N(0, 1), and the logit is
    log p. So the ordinary loss is the one for Gaussian logits, and a picture that annotators do not agree on may be
    answered with a large σ (Kendall & Gal, *What uncertainties do we need in Bayesian deep learning for computer
    vision?*, NeurIPS 2017, section 3.3). In training the samples are drawn anew; answers use one fixed draw.

    Parameters
    ----------
    classes, colours, known : see :class:`mien.nets.network.Classifier`.

    Notes
    -----
    The layers "means" and "variances" are (B, K) of the logits, 0 and 1 for classes that are not known.

    Examples
    --------
    >>> model = Sampling(classes=7, colours=1).eval()
    >>> found = model.activations(torch.zeros(2, 1, 48, 48))
    >>> found["variances"].shape, bool(found["logits"].exp().sum(1).allclose(torch.ones(2)))
    (torch.Size([2, 7]), True)
    """

    layers: ClassVar[tuple[str, ...]] = (*Attention.layers[:-1], "means", "variances", "logits")
    noise: Tensor

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.scales = nn.Linear(WIDTH, classes)
        nn.init.zeros_(self.scales.weight)
        nn.init.constant_(self.scales.bias, -1.0)
        # class by class, so that a wider copy of the classifier answers the same
        drawn = np.random.default_rng(0).standard_normal((classes, SAMPLES), np.float32)
        self.register_buffer("noise", torch.from_numpy(drawn.T.copy())[:, None], persistent=False)

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        found = super().upper_layers(maps)
        means = found["logits"].float().masked_fill(~self.known, OUT_OF_REACH)
        scales = functional.softplus(self.scales(self.dropout(found["hidden"])).float()) + LEAST_SCALE
        noise = torch.randn(SAMPLES, *means.shape, device=means.device) if self.training else self.noise
        log_probs = (means + scales * noise).log_softmax(2).logsumexp(0) - math.log(SAMPLES)
        return {
            **found,
            "means": means.masked_fill(~self.known, 0.0),
            "variances": scales.square().masked_fill(~self.known, 1.0),
            "logits": self.masked(log_probs),
        }
