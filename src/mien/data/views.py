"""Pictures for people to look at: those of the files themselves, upright and in colour."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from mien.data.picture import whole_picture
from mien.types import Dataset

LOSSLESS = 256 * 256
"""Pixels up to which a picture is encoded as PNG; above, as JPEG."""
QUALITY = 90


def view(data: Dataset, row: int, side: int = 0) -> Image.Image:
    """A picture as it is on disk, upright, grey or RGB; the decoded pixels where it has no file that can be read.

    Parameters
    ----------
    side : the longer side, in pixels, to which larger pictures are scaled down; 0 for the whole picture.
    """
    path = str(data.paths[row])
    found = whole_picture(Path(path), side) if path else None
    if found is None:
        found = Image.fromarray(np.ascontiguousarray(data.pictures[row]))
        if side:
            found.thumbnail((side, side), Image.Resampling.LANCZOS)
    return found


def encoded(image: Image.Image, lossless: int = LOSSLESS) -> tuple[bytes, str]:
    """The content of a picture file, and its media type: PNG for small pictures, JPEG for others.

    Parameters
    ----------
    lossless : number of pixels up to which it is PNG.

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
    """A picture as a data URI, for pages and tasks that load nothing; `lossless` as for `encoded`."""
    content, kind = encoded(image, lossless)
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
