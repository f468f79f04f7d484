"""Pictures for display: upright and in colour from the original files, and contact sheets of the decoded ones."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data.picture import full_image
from mien.types import Dataset, Ints

LOSSLESS = 256 * 256
"""Pixels up to which a picture is encoded as PNG; above, as JPEG."""
QUALITY = 90
COLUMNS = 12
"""Pictures per class in a contact sheet."""


def view(data: Dataset, row: int, side: int = 0) -> Image.Image:
    """Read the picture of a row from its file, upright, grey or RGB; the decoded pixels if no file can be read.

    Pictures whose longer side exceeds `side` pixels are scaled down to it; 0 keeps their size.
    """
    path = str(data.paths[row])
    image = full_image(Path(path), side) if path else None
    if image is None:
        image = Image.fromarray(np.ascontiguousarray(data.pictures[row]))
        if side:
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def encoded(image: Image.Image, lossless: int = LOSSLESS) -> tuple[bytes, str]:
    """Encode a picture as PNG if it has up to `lossless` pixels, else as JPEG; returns the bytes and their media type.

    >>> content, kind = encoded(Image.new("L", (8, 8)))
    >>> content[:4], kind
    (b'\\x89PNG', 'image/png')
    """
    file = io.BytesIO()
    if image.width * image.height <= lossless:
        image.save(file, "PNG")
        return file.getvalue(), "image/png"
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue(), "image/jpeg"


def data_uri(image: Image.Image, lossless: int = LOSSLESS) -> str:
    """Encode a picture as a data URI, for pages that load no files; `lossless` as for `encoded`."""
    content, kind = encoded(image, lossless)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def png_uri(content: bytes) -> str:
    """The content of a PNG file as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


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
