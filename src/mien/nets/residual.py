"""A small residual network with attention pooling: the most accurate of the base classifiers."""

from __future__ import annotations

from torch import Tensor, nn

from mien.nets.blocks import conv_block, conv_norm
from mien.nets.network import Network

CHANNELS = (32, 64, 128, 256)
HEADS = 4
WIDTH = 128


class Residual(Network):
    """Network of a convolution block, three residual blocks, attention pooling and a small head; 1.3 M parameters.

    The blocks are the basic blocks of He et al., "Deep residual learning for image recognition" (2016, figure 5), each
    with a channel gate (Hu et al., "Squeeze-and-excitation networks", 2018). Pooling is a mean over positions, weighted
    by a learnt attention for each of four groups of channels.

    Examples
    --------
    >>> import torch
    >>> model = Residual(classes=7, colours=1)
    >>> model(torch.zeros(2, 1, 48, 48)).shape
    torch.Size([2, 7])
    """

    any_size = True
    layers = ("conv1", "block1", "block2", "block3", "pooled", "hidden", "logits")
    adapter_layer = "block2"
    below = ("convolution", "norm", "blocks.0", "blocks.1")

    def __init__(self, classes: int, colours: int = 1, known: tuple[bool, ...] | None = None) -> None:
        super().__init__(classes, colours, known)
        self.convolution = nn.Conv2d(colours, CHANNELS[0], 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS[0])
        strides = (1, 2, 2)
        self.blocks = nn.ModuleList(map(Block, CHANNELS[:-1], CHANNELS[1:], strides))
        self.scores = nn.Conv2d(CHANNELS[-1], HEADS, 1)
        self.hidden = nn.Linear(CHANNELS[-1], WIDTH)
        self.dropout = nn.Dropout(0.3)
        self.logits = nn.Linear(WIDTH, classes)

    def lower_layers(self, pictures: Tensor) -> dict[str, Tensor]:
        first = conv_block(self.convolution, self.norm, self.normalised(pictures))
        second = self.blocks[0](first)
        return {"conv1": first, "block1": second, "block2": self.blocks[1](second)}

    def upper_layers(self, maps: Tensor) -> dict[str, Tensor]:
        maps = self.blocks[2](maps)
        pooled = self._pool(maps)
        hidden = self.hidden(self.dropout(pooled)).relu()
        logits = self.masked(self.logits(self.dropout(hidden)))
        return {"block3": maps, "pooled": pooled, "hidden": hidden, "logits": logits}

    def _pool(self, maps: Tensor) -> Tensor:
        """Pool (B, D, H, W) to (B, D); each head pools its group of channels."""
        weights = self.scores(maps).flatten(2).float().softmax(2)  # (B, heads, H·W)
        values = maps.flatten(2).unflatten(1, (HEADS, -1))  # (B, heads, D / heads, H·W)
        return (values @ weights[..., None].to(values.dtype)).flatten(1)


class Block(nn.Module):
    """Residual block of two convolutions 3×3 with batch norm and a channel gate."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(outputs)
        self.squeeze = nn.Linear(outputs, outputs // 8)
        self.excite = nn.Linear(outputs // 8, outputs)
        nn.init.zeros_(self.second_norm.weight)  # starts as the shortcut alone (Goyal et al., 2017, section 5.1)

    def forward(self, maps: Tensor) -> Tensor:
        changed = conv_norm(self.first, self.first_norm, maps).relu()
        changed = conv_norm(self.second, self.second_norm, changed)
        gate = self.excite(self.squeeze(changed.mean((2, 3))).relu()).sigmoid()
        return (changed * gate[:, :, None, None] + conv_norm(self.shortcut, self.shortcut_norm, maps)).relu()
