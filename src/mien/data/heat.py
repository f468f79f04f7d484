"""A heat map over a picture, in colours that people with any colour vision read, and in print.

The colours lie on a line through OKLab, from dark violet over red and orange to light yellow. Equal steps of heat are
equal distances there, and lightness only rises. OKLab: B. Ottosson, *A perceptual color space for image processing*,
2020, https://bottosson.github.io/posts/oklab/.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion, zoom

from mien.types import Bools, Floats

TOP = 0.2
"""Share of a map that counts as its hottest part."""
SIDE = 256
"""Side in pixels of the picture with its map, at least."""
STOPS = ((0.30, 0.09, -0.13), (0.50, 0.17, -0.03), (0.66, 0.17, 0.11), (0.82, 0.05, 0.16), (0.95, -0.03, 0.12))
"""OKLab lightness, green–red and blue–yellow of colours on the line."""
FAINTEST = 0.15
"""Share of the largest heat below which no line is drawn, since the colour is hardly visible there."""
STRONGEST = 0.78
"""Opacity of the hottest colour."""
_TO_CONES = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
                      [1, -0.0894841775, -1.2914855480]])  # fmt: skip
_TO_RGB = np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                    [-0.0041960863, -0.7034186147, 1.7076147010]])  # fmt: skip


def hottest(heat: Floats, share: float = TOP) -> Bools:
    """The part of a map, by default a fifth of its pixels, that is hottest.

    >>> hottest(np.arange(10.0).reshape(2, 5)).sum(1).tolist()
    [0, 2]
    """
    mask = np.zeros(heat.size, bool)
    mask[np.argsort(-heat, axis=None, kind="stable")[: round(share * heat.size)]] = True
    return mask.reshape(heat.shape)


@cache
def heat_colours(count: int = 256) -> NDArray[np.uint8]:
    """(count, 3) sRGB colours from cold to hot, at equal distances in OKLab.

    >>> heat_colours(3).tolist()[0] < heat_colours(3).tolist()[2]
    True
    """
    from scipy.interpolate import PchipInterpolator

    stops = np.array(STOPS)
    line = PchipInterpolator(np.linspace(0, 1, len(stops)), stops)(np.linspace(0, 1, 4096))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.linspace(0, length[-1], count)
    colours = np.stack([np.interp(even, length, column) for column in line.T], 1)
    linear = np.clip((colours @ _TO_CONES.T) ** 3 @ _TO_RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded), np.uint8)


def heat_map_image(pixels: NDArray[np.uint8], heat: Floats, side: int = SIDE) -> Image.Image:
    """A picture in grey under its heat map, with a line around the hottest fifth, where it shows.

    Where heat is 0 or below, the picture alone shows. The hottest place has the last colour, whatever its heat.

    Parameters
    ----------
    pixels : (S, S) or (S, S, 3) uint8. heat : (S, S) finite. side : in pixels, of the result where S is smaller.

    Examples
    --------
    >>> heat_map_image(np.zeros((48, 48), np.uint8), np.eye(48)).size
    (256, 256)
    """
    size = max(side, len(pixels))
    grey = Image.fromarray(pixels).convert("L").resize((size, size), Image.Resampling.BICUBIC)
    rising = np.clip(zoom(heat.astype(np.float64), size / len(heat), order=1, grid_mode=True, mode="nearest"), 0, None)
    share = rising / max(rising.max(), np.finfo(np.float32).tiny)
    colours = heat_colours()[np.rint(255 * share).astype(int)]
    opacity = (STRONGEST * np.minimum(1, 1.6 * share))[..., None]
    mixed = (1 - opacity) * np.asarray(grey, np.float64)[..., None] + opacity * colours
    return Image.fromarray(_outlined(np.rint(mixed).astype(np.uint8), hottest(rising) & (share > FAINTEST)))


def _outlined(image: NDArray[np.uint8], mask: Bools) -> NDArray[np.uint8]:
    """A white line with dark edges along the border of a mask, readable on any ground."""
    width = max(1, len(image) // 128)
    inner = binary_erosion(mask, iterations=width, border_value=1)
    image = image.copy()
    image[binary_erosion(inner, iterations=width, border_value=1) ^ inner] = 20
    image[~mask & ~binary_erosion(~mask, iterations=width, border_value=1)] = 20
    image[mask & ~inner] = 255
    return image
