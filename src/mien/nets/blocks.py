"""The block that every base begins with, computed with as little memory traffic as its mathematics allow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NARROW = 3  # as many channels as a picture has


def conv_block(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """Convolution 3×3 → batch norm → ReLU → max pool 2×2.

    The same numbers as the four layers give, up to rounding, in fewer passes over memory: batch norm is folded into the
    convolution wherever its statistics are known beforehand, and pixels are rectified after pooling
    (max(relu(x)) = relu(max(x))), when a quarter of them are left.

    Parameters
    ----------
    convolution, norm : layers of a model, in training or evaluation mode; running statistics are kept up to date.
    maps : (B, C, H, W).

    Returns
    -------
    (B, D, H // 2, W // 2).
    """
    if norm.training and maps.shape[1] <= NARROW and not maps.requires_grad:
        normalised = _folded(convolution, norm, maps, *_statistics(convolution, norm, maps))
    else:
        normalised = conv_norm(convolution, norm, maps)
    return _pooled(normalised).relu()


def _pooled(maps: Tensor) -> Tensor:
    """Max pooling 2×2; where no gradient is wanted without torch's record of the places, which costs more time."""
    if torch.is_grad_enabled():
        return functional.max_pool2d(maps, 2)
    height, width = (side // 2 * 2 for side in maps.shape[2:])
    rows = torch.maximum(maps[:, :, 0:height:2], maps[:, :, 1:height:2])
    return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


def conv_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """Convolution → batch norm, in one pass where the statistics are known (evaluation mode)."""
    if norm.training:
        normalised: Tensor = norm(convolution(maps))
        return normalised
    assert norm.running_mean is not None and norm.running_var is not None
    return _folded(convolution, norm, maps, norm.running_mean, norm.running_var)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """norm(convolution(maps)) for the given statistics of the convolution's output, as one convolution."""
    scale = norm.weight * (variance + norm.eps).rsqrt()
    shift = -mean if convolution.bias is None else convolution.bias - mean
    weight, bias = convolution.weight * scale[:, None, None, None], norm.bias + shift * scale
    # a copy, since with one input channel a product forgets the layout, and the convolution would take the slow one
    weight = weight.clone(memory_format=torch.channels_last)
    return functional.conv2d(maps, weight, bias, convolution.stride, convolution.padding)


def _statistics(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the convolution's output over a batch, from the 3×3 patches of its input alone.

    The convolution is linear: with μ and Σ the mean and covariance of the patches, its output has mean w·μ + b and
    variance wᵀΣw. For pictures Σ is 9×9 a colour, far cheaper than a pass over the output, forwards and backwards.
    """
    height, width = maps.shape[2:]
    with torch.autocast(maps.device.type, enabled=False):
        padded = functional.pad(maps.float(), (1, 1, 1, 1)).transpose(0, 1)  # (C, B, H + 2, W + 2)
        shifts = [(down, across) for down in range(3) for across in range(3)]
        views = [padded[:, :, down : down + height, across : across + width] for down, across in shifts]
        patches = torch.stack(views, 1).flatten(2).flatten(0, 1)  # (9·C, B·H·W), in the order of the weights
        count = patches.shape[1]
        centre = patches.mean(1)
        covariance = patches @ patches.T / count - centre[:, None] * centre
        weight = convolution.weight.flatten(1)
        mean = weight @ centre if convolution.bias is None else weight @ centre + convolution.bias
        variance = ((weight @ covariance) * weight).sum(1).clamp(min=0)
    _remember(norm, mean.detach(), variance.detach() * (count / max(count - 1, 1)))
    return mean, variance


@torch.no_grad()
def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)
    norm.num_batches_tracked.add_(1)
