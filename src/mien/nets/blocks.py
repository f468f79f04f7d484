"""Convolution blocks, with which every base classifier starts, computed with few passes over memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

NARROW = 3
"""Most channels of a picture; maps of layers have more."""


class ConvBlocks(nn.Module):
    """Base of the networks with a stack of blocks, each of them a convolution 3×3, batch norm, ReLU and pooling."""

    def add_blocks(self, *channels: int) -> None:
        """Create the blocks between each two successive numbers of channels."""
        pairs = list(pairwise(channels))
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _, outputs in pairs)

    def block(self, number: int, maps: Tensor) -> Tensor:
        """Apply one block to maps (B, C, H, W)."""
        convolution, norm = self.convolutions[number], self.norms[number]
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        return conv_block(convolution, norm, maps)


def cell_means(maps: Tensor, grid: int) -> Tensor:
    """Average (B, C, H, W) maps over a grid of grid × grid equal cells, which may overlap by a row or column."""
    sides = [int(side) for side in maps.shape[2:]]
    if torch.onnx.is_in_onnx_export() and any(
        side % grid for side in sides
    ):  # ONNX has equal cells without overlap only
        rows, columns = (_cell_shares(side, grid) for side in sides)
        return rows @ maps @ columns.T
    return functional.adaptive_avg_pool2d(maps, grid)


def _cell_shares(side: int, grid: int) -> Tensor:
    """(g, side) share of each position in each cell; cells are those of torch's adaptive pooling."""
    shares = np.zeros((grid, side), np.float32)
    for cell in range(grid):
        start, end = cell * side // grid, -(-(cell + 1) * side // grid)
        shares[cell, start:end] = 1 / (end - start)
    return torch.from_numpy(shares)


def conv_block(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """Apply convolution 3×3, batch norm, ReLU and max pooling 2×2.

    The result equals that of the four layers up to rounding. Batch norm is folded into the convolution wherever its
    statistics can be computed beforehand, and ReLU follows pooling (max(relu(x)) = relu(max(x))).

    Parameters
    ----------
    convolution, norm : layers of a model, in training or evaluation mode; running statistics are updated.
    maps : (B, C, H, W).

    Returns
    -------
    (B, D, H // 2, W // 2) maps.
    """
    if norm.training and maps.shape[1] <= NARROW and not maps.requires_grad:
        normalised = _folded(convolution, norm, maps, *_statistics(convolution, norm, maps))
    else:
        normalised = conv_norm(convolution, norm, maps)
    return _pooled(normalised).relu()


def _pooled(maps: Tensor) -> Tensor:
    """Max pooling 2×2; without gradients by comparisons, which avoid the cost of storing the positions."""
    if torch.is_grad_enabled():
        return functional.max_pool2d(maps, 2)
    height, width = (side // 2 * 2 for side in maps.shape[2:])
    rows = torch.maximum(maps[:, :, 0:height:2], maps[:, :, 1:height:2])
    return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


def conv_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """Apply convolution and batch norm, in one pass in evaluation mode."""
    if norm.training:
        normalised: Tensor = norm(convolution(maps))
        return normalised
    assert norm.running_mean is not None and norm.running_var is not None
    return _folded(convolution, norm, maps, norm.running_mean, norm.running_var)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Compute norm(convolution(maps)) as one convolution, for given statistics of the convolution's output."""
    scale = norm.weight * (variance + norm.eps).rsqrt()
    shift = -mean if convolution.bias is None else convolution.bias - mean
    weight, bias = convolution.weight * scale[:, None, None, None], norm.bias + shift * scale
    # a copy restores the layout, which the product loses with one input channel, and so avoids a slow kernel
    weight = weight.clone(memory_format=torch.channels_last)
    return functional.conv2d(maps, weight, bias, convolution.stride, convolution.padding)


def _statistics(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the convolution's output over a batch, computed from the 3×3 patches of its input.

    The convolution is linear: with μ and Σ the mean and covariance of the patches, its output has mean w·μ + b and
    variance wᵀΣw. For pictures Σ is small (9×9 per colour), so this is cheaper than passes over the output.
    """
    height, width = maps.shape[2:]
    with torch.autocast(maps.device.type, enabled=False):
        padded = functional.pad(maps.float(), (1, 1, 1, 1)).transpose(0, 1)  # (C, B, H + 2, W + 2)
        shifts = [(row, column) for row in range(3) for column in range(3)]
        views = [padded[:, :, row : row + height, column : column + width] for row, column in shifts]
        patches = torch.stack(views, 1).flatten(2).flatten(0, 1)  # (9·C, B·H·W), in the order of the weights
        count = patches.shape[1]
        centre = patches.mean(1)
        covariance = patches @ patches.T / count - centre[:, None] * centre
        weight = convolution.weight.flatten(1)
        mean = weight @ centre if convolution.bias is None else weight @ centre + convolution.bias
        variance = ((weight @ covariance) * weight).sum(1).clamp(min=0)
    _update_running(norm, mean.detach(), variance.detach() * (count / max(count - 1, 1)))
    return mean, variance


@torch.no_grad()
def _update_running(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)
    norm.num_batches_tracked.add_(1)
