"""Contact sheets: arrays that show sample pictures of each class."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.types import Dataset, Ints

COLUMNS = 12


def contact_sheet(dataset: Dataset, rows: Ints | None = None, columns: int = COLUMNS) -> NDArray[np.uint8]:
    """Arrange the first pictures of each class side by side, one row per class; empty cells are white.

    Parameters
    ----------
    dataset : decoded.
    rows : the rows to choose from; all by default.
    columns : maximum number of pictures per class.

    Returns
    -------
    (K·S, columns·S) or (K·S, columns·S, 3) uint8, for K classes and pictures of S×S pixels.
    """
    pictures = dataset.pictures
    size, classes = pictures.shape[1], len(dataset.labelset)
    choice = np.arange(len(dataset)) if rows is None else rows
    sheet = np.full((classes, columns, *pictures.shape[1:]), 255, dtype=np.uint8)
    for label in range(classes):
        chosen = choice[dataset.labels[choice] == label][:columns]
        sheet[label, : len(chosen)] = pictures[chosen]
    return sheet.swapaxes(1, 2).reshape(classes * size, columns * size, *pictures.shape[3:])


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """Encode an (H, W) grey or (H, W, 3) RGB picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()
