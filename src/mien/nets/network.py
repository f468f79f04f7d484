"""Base class of the base classifiers: a torch module with named layers and a mask of the classes it was trained on."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Base class of the base classifiers; a subclass defines `layers` and `activations`, and has these parameters.

    To support adapters, set `adapter_layer` and `below`, and implement `lower_layers` and `upper_layers` in place of
    `activations`.

    Parameters
    ----------
    classes : number of classes K.
    colours : 1 (grey) or 3.
    known : K booleans, whether the network is trained on each class; the logits of other classes are −∞.

    Attributes
    ----------
    layers : names of the activations; the logits are last.
    any_size : whether it accepts pictures of any size; training then starts with smaller pictures.
    adapter_layer : name of an early map on which adapters can be trained; "" for none.
    below : names of the modules up to `adapter_layer`, which an adapter's copy leaves out.
    largest_rate : upper bound of the peak learning rate.
    precision : numerical precision of training, also used for predictions on hardware that supports it.
    flip_tta : whether outputs are means over a picture and its mirror image.
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
        # buffers, so that the normalisation is saved with the weights
        self.register_buffer("mean", torch.zeros(colours, 1, 1))
        self.register_buffer("spread", torch.ones(colours, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute (B, K) logits of (B, C, H, W) pictures in [0, 1]."""
        return self.activations(pictures)["logits"]

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        """Compute every layer of (B, C, H, W) pictures in [0, 1], as maps (B, D, H', W') or vectors (B, D)."""
        lower = self.lower_layers(pictures)
        return {**lower, **self.upper_layers(lower[self.adapter_layer])}

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        """Compute the layers up to and including `adapter_layer`."""
        raise NotImplementedError

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        """Compute the layers above `adapter_layer` from its maps (B, D, H, W)."""
        raise NotImplementedError

    def measure(self, pictures: Tensor) -> None:
        """Set the normalisation to mean and standard deviation of training pictures (B, C, H, W)."""
        self.mean.copy_(pictures.mean((0, 2, 3))[:, None, None])
        self.spread.copy_(pictures.std((0, 2, 3))[:, None, None] + 1e-3)

    def initialise(self, pictures: Tensor) -> None:
        """Initialise weights from some training pictures; by default torch's initial weights are kept."""

    def normalised(self, pictures: Tensor) -> Tensor:
        """Normalise pictures to mean 0 and standard deviation 1 of the training part."""
        return (pictures - self.mean) / self.spread

    def masked(self, logits: Tensor) -> Tensor:
        """Set the logits of classes without training data to −∞."""
        return logits.masked_fill(~self.known, -torch.inf)
