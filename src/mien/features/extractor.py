"""Features of pictures alone, for classifiers without layers: gradients in cells, or around points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.errors import choice_error
from mien.outside import import_optional
from mien.types import Floats
from mien.types.containers import as_pixels

CELLS = 6
SMALLEST = 2 * CELLS
"""Side in pixels of the smallest pictures that have features."""
ORIENTATIONS = 8
RINGS, HISTOGRAMS = 2, 6
"""Of DAISY: rings around each point, and histograms on a ring."""
KINDS = ("hog", "daisy")


def describe(pixels: NDArray[np.uint8], *, kind: str = "hog", mirrored: bool = True) -> dict[str, Floats]:
    """Features of pictures alone: put them into `Outputs.vectors` where a classifier gives probabilities only.

    Parameters
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8, at least 12 pixels a side.
    kind : "hog", histograms of oriented gradients (Dalal & Triggs, *Histograms of oriented gradients for human
        detection*, CVPR 2005) in 6×6 cells, normalised in blocks of 2×2: aligned faces have their features in the same
        cells. Or "daisy" (Tola, Lepetit & Fua, *DAISY: an efficient dense descriptor*, IEEE TPAMI 2010), histograms
        around a grid of points: stronger, and four times as slow.
    mirrored : whether to take the mean over a picture and its mirror image.

    Returns
    -------
    {kind: (N, D) float32}; D = 800 for "hog".

    Raises
    ------
    UsageError : no such kind. MissingExtraError : without the package scikit-image.

    Examples
    --------
    >>> describe(np.zeros((2, 48, 48), np.uint8))["hog"].shape
    (2, 800)
    """
    library = import_optional("skimage.feature", "scikit-image", "foreign")
    makers: dict[str, Callable[[NDArray[np.uint8]], Floats]] = {
        "hog": lambda picture: _hog(library.hog, picture),
        "daisy": lambda picture: _daisy(library.daisy, picture),
    }
    if kind not in makers:
        raise choice_error("kind of features", kind, KINDS, place="describe")
    pixels = as_pixels(pixels, "describe: pixels", side=SMALLEST)
    grey = pixels if pixels.ndim == 3 else np.round(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    vectors = [
        (makers[kind](picture) + makers[kind](picture[:, ::-1])) / 2 if mirrored else makers[kind](picture)
        for picture in grey
    ]
    if vectors:
        return {kind: np.stack(vectors).astype(np.float32)}
    return {kind: np.empty((0, len(makers[kind](np.zeros(grey.shape[1:], np.uint8)))), np.float32)}


def width(kind: str, side: int) -> int:
    """D, the number of features of pictures with this side.

    >>> width("hog", 48), width("daisy", 48)
    (800, 1664)
    """
    if kind == "hog":
        return (CELLS - 1) ** 2 * 4 * ORIENTATIONS
    step = max(2, side // CELLS)
    points = len(range(step, side - step, step))
    return int(points**2 * (RINGS * HISTOGRAMS + 1) * ORIENTATIONS)


def _hog(hog: Callable[..., Floats], picture: NDArray[np.uint8]) -> Floats:
    cell = tuple(max(2, side // CELLS) for side in picture.shape)
    cut = picture[: cell[0] * CELLS, : cell[1] * CELLS]
    return np.asarray(hog(cut, ORIENTATIONS, cell, (2, 2)), np.float32)


def _daisy(daisy: Callable[..., Floats], picture: NDArray[np.uint8]) -> Floats:
    step = max(2, min(picture.shape) // CELLS)
    points = daisy(picture, step=step, radius=step, rings=RINGS, histograms=HISTOGRAMS, orientations=ORIENTATIONS)
    return np.asarray(points, np.float32).ravel()
