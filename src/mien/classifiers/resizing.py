"""Images of one size in another, by matrix products: the same numbers in NumPy and in an ONNX graph."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey (ITU-R BT.601), as Pillow has them."""


@lru_cache(maxsize=64)
def resampling(source: int, target: int) -> Floats:
    """(target, source) weights by which a row of pixels gets another length: linear interpolation.

    Where it gets shorter, each new pixel is a weighted mean of all that it covers (a triangle filter), so that nothing
    is skipped. Pillow's BILINEAR has the same weights, and rounds to whole numbers between the two directions.

    Examples
    --------
    >>> resampling(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    >>> resampling(4, 2).sum(1).tolist()
    [1.0, 1.0]
    """
    scale = source / target
    reach = max(scale, 1.0)
    centres = (np.arange(target) + 0.5) * scale - 0.5
    weights = np.maximum(1 - np.abs(np.arange(source) - centres[:, None]) / reach, 0)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    weights.setflags(write=False)  # shared by all callers
    return np.asarray(weights)


def resized(images: NDArray[np.uint8], size: int, *, colour: bool) -> Floats:
    """Images of another size, in colour or grey.

    Parameters
    ----------
    images : (N, S, S) grey or (N, S, S, 3) RGB, uint8.
    size : side of the new ones.

    Returns
    -------
    (N, size, size, C) float32 from 0 to 255, not rounded; C is 3 in colour, else 1.

    Examples
    --------
    >>> resized(np.full((1, 2, 2), 7, np.uint8), 3, colour=True).shape
    (1, 3, 3, 3)
    """
    values: Floats = images.astype(np.float32)
    values = values[..., None] if values.ndim == 3 else values
    if not colour and values.shape[3] == 3:
        values = values @ np.array(LUMA, np.float32)[:, None]
    weights = resampling(images.shape[1], size)
    channels = np.moveaxis(values, 3, 1)  # (N, C, S, S)
    channels = weights @ channels @ weights.T
    values = np.moveaxis(channels, 1, 3)
    return np.repeat(values, 3, axis=3) if colour and values.shape[3] == 1 else values
