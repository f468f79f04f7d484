"""Two simple convolutional networks for comparison: one convolution, and three with dropout."""

from __future__ import annotations

from torch import Tensor, nn

from mien.nets.blocks import ConvBlocks, cell_means, conv_block
from mien.nets.network import Network

WIDTH = 128
GRID = 6
"""Side of the grid of positions that enters the dense layers, for pictures of any size.

The hidden layer has batch norm; without it nearly all units die at the common learning rate.
"""


class OneConv(Network):
    """Network of one convolution block and a hidden layer, as in an introductory tutorial.

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
        maps = conv_block(self.convolution, self.norm, self.normalised(pictures))
        hidden = self.hidden_norm(self.hidden(on_grid(maps))).relu()
        return {"conv1": maps, "hidden": hidden, "logits": self.masked(self.logits(hidden))}


class ThreeConv(ConvBlocks, Network):
    """Network of three convolution blocks with dropout and a hidden layer: `Attention` without LSTM and attention.

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
        self.add_blocks(colours, 32, 64, WIDTH)
        self.thin = nn.Dropout(0.25)
        self.hidden, self.hidden_norm = nn.Linear(WIDTH * GRID**2, WIDTH), nn.BatchNorm1d(WIDTH)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(WIDTH, classes)

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        first = self.block(0, self.normalised(pictures))
        return {"conv1": first, "conv2": self.block(1, self.thin(first))}

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        maps = self.block(2, self.thin(maps))
        hidden = self.hidden_norm(self.hidden(self.thin(on_grid(maps)))).relu()
        return {"conv3": maps, "hidden": hidden, "logits": self.masked(self.logits(self.dropout(hidden)))}


def on_grid(maps: Tensor) -> Tensor:
    """Average (B, C, H, W) maps over a grid of GRID × GRID cells and flatten them to (B, C·GRID²)."""
    if maps.shape[2:] == (GRID, GRID):
        return maps.flatten(1)
    return cell_means(maps.float(), GRID).flatten(1).to(maps.dtype)
