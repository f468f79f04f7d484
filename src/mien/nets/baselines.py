"""The plain convolutional networks that others are compared with: one convolution, and three with dropout."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from mien.nets.blocks import conv_block
from mien.nets.network import Network

WIDTH = 128
GRID = 6
"""Positions a side that are left for the dense layers, whatever the size of the pictures.

The hidden layer has batch norm: at the common learning rate nearly all of its units would die without.
"""


class OneConv(Network):
    """One convolution block and a hidden layer: what a first tutorial builds.

    Parameters
    ----------
    classes, colours, known : see :class:`mien.nets.network.Classifier`.

    Examples
    --------
    >>> import torch
    >>> OneConv(classes=7, colours=1)(torch.zeros(2, 1, 48, 48)).shape
    torch.Size([2, 7])
    """

    any_size = True
    layers = ("conv1", "hidden", "logits")

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.convolution, self.norm = nn.Conv2d(colours, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.hidden, self.hidden_norm = nn.Linear(32 * GRID**2, WIDTH), nn.BatchNorm1d(WIDTH)
        self.logits = nn.Linear(WIDTH, classes)

    def activations(self, pictures: Tensor) -> dict[str, Tensor]:
        found = {"conv1": conv_block(self.convolution, self.norm, self.normalised(pictures))}
        found["hidden"] = self.hidden_norm(self.hidden(on_grid(found["conv1"]))).relu()
        return {**found, "logits": self.masked(self.logits(found["hidden"]))}


class ThreeConv(Network):
    """Three convolution blocks with dropout, and a hidden layer: `attention` without LSTM and attention.

    Parameters
    ----------
    classes, colours, known : see :class:`mien.nets.network.Classifier`.

    Examples
    --------
    >>> import torch
    >>> ThreeConv(classes=7, colours=1)(torch.zeros(2, 1, 48, 48)).shape
    torch.Size([2, 7])
    """

    any_size = True
    layers = ("conv1", "conv2", "conv3", "hidden", "logits")
    adapter_layer = "conv2"
    below = ("convolutions.0", "norms.0", "convolutions.1", "norms.1")

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        pairs = list(pairwise((colours, 32, 64, WIDTH)))
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _, outputs in pairs)
        self.thin = nn.Dropout(0.25)
        self.hidden, self.hidden_norm = nn.Linear(WIDTH * GRID**2, WIDTH), nn.BatchNorm1d(WIDTH)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(WIDTH, classes)

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        first = self._block(0, self.normalised(pictures))
        return {"conv1": first, "conv2": self._block(1, self.thin(first))}

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        found = {"conv3": self._block(2, self.thin(maps))}
        found["hidden"] = self.hidden_norm(self.hidden(self.thin(on_grid(found["conv3"])))).relu()
        return {**found, "logits": self.masked(self.logits(self.dropout(found["hidden"])))}

    def _block(self, number: int, maps: Tensor) -> Tensor:
        convolution, norm = self.convolutions[number], self.norms[number]
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        return conv_block(convolution, norm, maps)


def on_grid(maps: Tensor) -> Tensor:
    """(B, C, H, W) → (B, C·GRID²)."""
    if maps.shape[2:] == (GRID, GRID):
        return maps.flatten(1)
    return functional.adaptive_avg_pool2d(maps.float(), GRID).flatten(1).to(maps.dtype)
