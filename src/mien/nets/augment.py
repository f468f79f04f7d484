"""Augmentation of batches of faces on the training device: affine motion, light, erasing, mixup, CutMix; resizing."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from mien.nets.settings import AugmentSettings


def augment(pictures: Tensor, settings: AugmentSettings, generator: Generator, size: float = 1.0) -> Tensor:
    """Apply random mirroring, affine motion, light changes and erasing to each picture.

    Parameters
    ----------
    pictures : (B, C, H, W) float in [0, 1].
    settings : largest changes and probabilities.
    generator : generator on the CPU, so that random numbers do not depend on the device.
    size : sides of the returned pictures, as a share of the given sides.

    Returns
    -------
    (B, C, H', W') augmented pictures.
    """
    count, colours, *sides = pictures.shape
    shape = [count, colours, *(round(side * size) for side in sides)]

    def uniform(largest: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1).mul_(largest)

    mirrored = torch.where(torch.rand(count, generator=generator) < settings.flip, -1.0, 1.0)
    angle, zoom = uniform(settings.rotate * math.pi / 180), 1 + uniform(settings.scale)
    across, down = 2 * uniform(settings.shift), 2 * uniform(settings.shift)
    motion = torch.stack(
        [
            torch.stack([angle.cos() * zoom * mirrored, -angle.sin() * zoom, across], 1),
            torch.stack([angle.sin() * zoom * mirrored, angle.cos() * zoom, down], 1),
        ],
        1,
    ).to(pictures.device)
    grid = functional.affine_grid(motion, shape, align_corners=False)
    moved = functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast, brightness = 1 + uniform(settings.light), uniform(settings.light) / 2
    centre = moved.mean((1, 2, 3), keepdim=True)
    lit = (moved - centre) * _column(contrast, moved) + centre + _column(brightness, moved)
    return _erase(lit, settings.erase, generator)


def mix(pictures: Tensor, targets: Tensor, settings: AugmentSettings, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix each picture and its target with another of the batch by mixup or CutMix (at random if both are set).

    Zhang et al., "mixup: Beyond empirical risk minimization" (2018); Yun et al., "CutMix" (2019). One share for the
    whole batch, drawn from Beta(a, a).

    Parameters
    ----------
    pictures : (B, C, H, W). targets : (B, K); rows add up to 1.

    Returns
    -------
    Mixed pictures and targets of the same shapes.
    """
    kinds = [name for name in ("mixup", "cutmix") if getattr(settings, name) > 0]
    if not kinds:
        return pictures, targets
    kind = kinds[int(torch.randint(len(kinds), (), generator=generator))]
    alpha = torch.full((2,), getattr(settings, kind))
    gammas = torch._standard_gamma(alpha, generator=generator).clamp(min=1e-6)
    share = float(gammas[0] / gammas.sum())
    other = torch.randperm(len(pictures), generator=generator)
    if kind == "mixup":
        mixed = torch.lerp(pictures[other], pictures, share)
    else:
        height, width = pictures.shape[2:]
        side = math.sqrt(1 - share)
        rows, columns = round(height * side), round(width * side)
        top = int(torch.randint(height - rows + 1, (), generator=generator))
        left = int(torch.randint(width - columns + 1, (), generator=generator))
        mixed = pictures.clone()
        box = (..., slice(top, top + rows), slice(left, left + columns))
        mixed[box] = pictures[other][box]
        share = 1 - rows * columns / (height * width)
    return mixed, torch.lerp(targets[other], targets, share)


def resized(pictures: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Resize (B, C, H, W) pictures to other sides, with anti-aliasing."""
    if pictures.shape[2:] == sides:
        return pictures
    return functional.interpolate(pictures, sides, mode="bilinear", align_corners=False, antialias=True)


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.device)[:, None, None, None]


def _erase(pictures: Tensor, largest: float, generator: Generator) -> Tensor:
    """Fill a rectangle with sides up to the share `largest` with grey, in half of the pictures."""
    if largest <= 0:
        return pictures
    count, _, height, width = pictures.shape
    draws = torch.rand(5, count, generator=generator).to(pictures.device)
    sides = draws[:2] * largest * (draws[4] < 0.5)
    start = draws[2:4] * (1 - sides)
    rows = torch.arange(height, device=pictures.device) / height
    columns = torch.arange(width, device=pictures.device) / width
    inside_rows = (rows >= start[0, :, None]) & (rows < (start[0] + sides[0])[:, None])
    inside_columns = (columns >= start[1, :, None]) & (columns < (start[1] + sides[1])[:, None])
    return pictures.masked_fill((inside_rows[:, None, :, None] & inside_columns[:, None, None, :]), 0.5)
