"""Images in the size that a detector reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.faces.contract import Image
from mien.outside import import_optional


def opencv() -> Any:
    """The package cv2."""
    return import_optional("cv2", "opencv-python", "faces")


def fitted(image: Image, side: int, multiple: int = 1) -> tuple[Image, float]:
    """An image scaled so that its longer side has `side` pixels, with black rows and columns up to a multiple.

    Returns
    -------
    the image, whose upper left part shows the original; and the factor from its pixels to those of the original.
    """
    height, width = image.shape[:2]
    factor = max(height, width) / side
    size = max(1, round(width / factor)), max(1, round(height / factor))
    if size != (width, height):
        cv2 = opencv()
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR)
    whole = tuple(-(-length // multiple) * multiple for length in image.shape[:2])
    if whole == image.shape[:2]:
        return image, factor
    padded = np.zeros((*whole, 3), np.uint8)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded, factor
