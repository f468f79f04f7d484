"""Pictures for display: read from the original files, upright and in colour."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from mien.data.picture import full_image
from mien.types import Dataset

LOSSLESS = 256 * 256
"""Pixels up to which a picture is encoded as PNG; above, as JPEG."""
QUALITY = 90


def view(data: Dataset, row: int, side: int = 0) -> Image.Image:
    """Read the picture of a row from its file, upright, grey or RGB; the decoded pixels if no file can be read.

    Parameters
    ----------
    side : length of the longer side in pixels to which larger pictures are scaled down; 0 for the full size.
    """
    path = str(data.paths[row])
    image = full_image(Path(path), side) if path else None
    if image is None:
        image = Image.fromarray(np.ascontiguousarray(data.pictures[row]))
        if side:
            image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def encoded(image: Image.Image, lossless: int = LOSSLESS) -> tuple[bytes, str]:
    """Encode a picture as PNG if it is small, else as JPEG; returns the bytes and their media type.

    Parameters
    ----------
    lossless : number of pixels up to which PNG is used.

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
