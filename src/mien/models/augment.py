"""Augmentation of whole batches, on the device that trains. Small, as faces allow: no distortion."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from mien.models.settings import AugmentSettings


def augment(pictures: Tensor, settings: AugmentSettings, generator: Generator) -> Tensor:
    """Random mirror, affine motion, light and erasing.

    Parameters
    ----------
    pictures : (B, C, H, W) float in [0, 1].
    generator : on the processor, so that the draws do not depend on the device.

    Returns
    -------
    (B, C, H, W), changed pictures.
    """
    count = len(pictures)

    def uniform(largest: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1).mul_(largest)

    mirrored = torch.where(torch.rand(count, generator=generator) < settings.flip, -1.0, 1.0)
    angle, size = uniform(settings.rotate * math.pi / 180), 1 + uniform(settings.scale)
    across, down = 2 * uniform(settings.shift), 2 * uniform(settings.shift)
    motion = torch.stack(
        [
            torch.stack([angle.cos() * size * mirrored, -angle.sin() * size, across], 1),
            torch.stack([angle.sin() * size * mirrored, angle.cos() * size, down], 1),
        ],
        1,
    ).to(pictures.device)
    grid = functional.affine_grid(motion, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    contrast, brightness = 1 + uniform(settings.light), uniform(settings.light) / 2
    centre = moved.mean((1, 2, 3), keepdim=True)
    lit = (moved - centre) * _column(contrast, moved) + centre + _column(brightness, moved)
    return _erase(lit, settings.erase, generator)


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.device)[:, None, None, None]


def _erase(pictures: Tensor, largest: float, generator: Generator) -> Tensor:
    """Half of the pictures lose a rectangle with sides up to `largest`, to grey."""
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
