"""Randomly changed copies of images, for correctors that learn on classifiers from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from mien.nets.augment import augment
from mien.nets.examples import to_tensor
from mien.nets.settings import AugmentSettings

BATCH = 256


def augmented_images(
    pixels: NDArray[np.uint8], count: int, settings: AugmentSettings, seed: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Yield all images changed at random, `count` times.

    Parameters
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8. settings : largest changes.

    Examples
    --------
    >>> [view.shape for view in augmented_images(np.zeros((2, 16, 16), np.uint8), 2, AugmentSettings())]
    [(2, 16, 16), (2, 16, 16)]
    """
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        changed = np.empty_like(pixels)
        for start in range(0, len(pixels), BATCH):
            part = augment(to_tensor(pixels[start : start + BATCH], torch.device("cpu")), settings, generator)
            whole = part.clamp(0, 1).mul(255).round().byte().numpy()
            changed[start : start + BATCH] = whole[:, 0] if pixels.ndim == 3 else whole.transpose(0, 2, 3, 1)
        yield changed
