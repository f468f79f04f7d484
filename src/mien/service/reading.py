"""Pictures of clients in the form that the classifier reads: whole, or the crops of their faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data.opening import ranges_of_one, too_large
from mien.data.picture import DecodedImage, ImageSettings, decoded_image, read_image, read_upright
from mien.errors import DataError
from mien.faces.finder import FaceFinder
from mien.incoming.item import Face

Picture = bytes | NDArray[np.uint8]
"""The content of an image file, or uint8 pixels (H, W) or (H, W, 3)."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What the classifier reads of a picture; without a face, that is all of it."""

    pixels: NDArray[np.uint8]
    face: Face | None = None


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures for a classifier.

    Attributes
    ----------
    images : the form that the classifier reads. max_pixels : of a picture.
    finder : of faces; None where pictures are answered for as they are.
    """

    images: ImageSettings
    max_pixels: int
    finder: FaceFinder | None = None

    def read(self, image: Picture) -> list[Crop] | DataError:
        """What the classifier reads of a picture: nothing where a face is sought and none is there."""
        if isinstance(image, np.ndarray) and image.shape[0] * image.shape[1] > self.max_pixels:
            kind, cause, remedy = too_large(f"{image.shape[1]}×{image.shape[0]}", self.max_pixels)
            return DataError(cause, place=kind, remedy=remedy)
        if self.finder is None:
            decoded = self._decoded(image)
            if decoded.pixels is not None:
                return [Crop(decoded.pixels)]
            kind, cause, remedy = decoded.faults[0]
            return DataError(cause, place=kind, remedy=remedy)
        if not isinstance(image, np.ndarray):
            ranges = ranges_of_one(image, self.max_pixels)
            upright, faults = read_upright(image, ranges, limit=self.max_pixels)
            if upright is None:
                kind, cause, remedy = faults[-1]
                return DataError(cause, place=kind, remedy=remedy)
            image = np.asarray(upright.image)
        return [Crop(self._as_read(pixels), face) for face, pixels in self.finder.find(image)]

    def _decoded(self, image: Picture) -> DecodedImage:
        if isinstance(image, np.ndarray):
            return decoded_image(Image.fromarray(image), self.images, hashed=False)
        ranges = ranges_of_one(image, self.max_pixels)
        return read_image(image, self.images, ranges, hashed=False, limit=self.max_pixels)

    def _as_read(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        resized = decoded_image(Image.fromarray(pixels), self.images, hashed=False).pixels
        assert resized is not None
        return resized
