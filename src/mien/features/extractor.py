"""Features of pictures alone, for classifiers without layers: histograms of oriented gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.outside import import_optional
from mien.types import Floats
from mien.types.containers import as_pixels

CELLS = 6
ORIENTATIONS = 8


def describe(pixels: NDArray[np.uint8], *, mirrored: bool = True) -> dict[str, Floats]:
    """Features of pictures alone: put them into `Outputs.vectors` where a classifier gives probabilities only.

    Histograms of oriented gradients (Dalal & Triggs, *Histograms of oriented gradients for human detection*, 2005) in
    6×6 cells, normalised in blocks of 2×2: aligned faces have their features in the same cells.

    Parameters
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8, at least 12 pixels a side.
    mirrored : whether to take the mean over a picture and its mirror image.

    Returns
    -------
    {"hog": (N, 800) float32}.

    Raises
    ------
    MissingExtraError : without the package scikit-image.

    Examples
    --------
    >>> describe(np.zeros((2, 48, 48), np.uint8))["hog"].shape
    (2, 800)
    """
    hog = import_optional("skimage.feature", "scikit-image", "foreign").hog
    pixels = as_pixels(pixels, "describe: pixels", side=2 * CELLS)
    grey = pixels if pixels.ndim == 3 else np.round(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    cell = tuple(max(2, side // CELLS) for side in grey.shape[1:])

    def histograms(picture: NDArray[np.uint8]) -> Floats:
        cut = picture[: cell[0] * CELLS, : cell[1] * CELLS]
        return np.asarray(hog(cut, ORIENTATIONS, cell, (2, 2)), np.float32)

    vectors = np.empty((len(grey), (CELLS - 1) ** 2 * 4 * ORIENTATIONS), np.float32)
    for row, picture in enumerate(grey):
        straight = histograms(picture)
        vectors[row] = (straight + histograms(picture[:, ::-1])) / 2 if mirrored else straight
    return {"hog": vectors}
