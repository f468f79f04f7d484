"""What every base classifier is: a torch module with named layers, that knows which classes it was trained on."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Base of the base classifiers. A subclass gives `layers` and `activations`; the rest follows.

    To support adapters, set `adapter_layer`, and give `lower_layers` and `upper_layers` in place of `activations`.

    Parameters
    ----------
    classes : K, the number of classes.
    colours : 1 (grey) or 3.
    known : K booleans; the logit of a class that is not known is −∞.

    Attributes
    ----------
    layers : names of the activations, the logits last.
    precision : what it was trained in, and answers in where the hardware is quick at it.
    flip_tta : whether it is read out as the mean over a picture and its mirror image.
    any_size : whether it takes pictures of any size; if so, training shows it small ones first.
    adapts : an early map, for adapters; "" for none.
    largest_rate : peak of the learning rate that it bears, if that is less than the settings ask for.
    below : the modules up to that layer, which a copy of the rest does without.
    """

    layers: ClassVar[tuple[str, ...]]
    any_size: ClassVar[bool] = False
    adapter_layer: ClassVar[str] = ""
    largest_rate: ClassVar[float] = 1.0
    below: ClassVar[tuple[str, ...]] = ()
    precision: torch.dtype = torch.float32
    flip_tta: bool = False
    known: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, classes: int, colours: int, known: tuple[bool, ...] | None = None) -> None:
        super().__init__()
        self.register_buffer("known", torch.tensor(known or (True,) * classes))
        # pixel mean and spread of the training part, so that a saved model carries its own normalisation
        self.register_buffer("mean", torch.zeros(colours, 1, 1))
        self.register_buffer("spread", torch.ones(colours, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] → (B, K) logits."""
        return self.activations(pictures)["logits"]

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        """(B, C, H, W) in [0, 1] → every layer, as a map (B, D, H', W') or a vector (B, D); "logits" is the last."""
        found = self.lower_layers(pictures)
        return {**found, **self.upper_layers(found[self.adapter_layer])}

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        """The activations up to the layer `adapter_layer`, itself among them."""
        raise NotImplementedError

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        """The activations above the layer `adapter_layer`, from its map (B, D, H, W)."""
        raise NotImplementedError

    def measure(self, pictures: Tensor) -> None:
        """Take the normalisation from training pictures (B, C, H, W)."""
        self.mean.copy_(pictures.mean((0, 2, 3))[:, None, None])
        self.spread.copy_(pictures.std((0, 2, 3))[:, None, None] + 1e-3)

    def initialise(self, pictures: Tensor) -> None:
        """Choose first weights by some of the training pictures; by default they stay as torch drew them."""

    def normalised(self, pictures: Tensor) -> Tensor:
        """Pictures with the training part's mean 0 and spread 1."""
        return (pictures - self.mean) / self.spread

    def masked(self, logits: Tensor) -> Tensor:
        """Logits with −∞ for the classes that are not known."""
        return logits.masked_fill(~self.known, -torch.inf)
