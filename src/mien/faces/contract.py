"""What a face detector is: whatever turns an image into boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError
from mien.types import Floats, Ints

Image = NDArray[np.uint8]
"""(H, W, 3) RGB."""
LANDMARKS = ("eye on the left", "eye on the right", "nose", "mouth corner on the left", "mouth corner on the right")
"""Order of a detector's landmarks; left and right are those of the image, of a face that is upright."""


def as_colour(image: Image) -> Image:
    """An image as uint8 (H, W, 3); grey (H, W) is repeated.

    >>> as_colour(np.zeros((4, 6), np.uint8)).shape
    (4, 6, 3)
    """
    return np.repeat(image[:, :, None], 3, 2) if image.ndim == 2 else image


@dataclass(frozen=True, eq=False)
class Detections:
    """Faces that a detector reports for one image.

    Attributes
    ----------
    boxes : (N, 4) left, top, right, bottom in pixels of the image; a box may stand out beyond its edge.
    confidences : (N,) from 0 to 1.
    landmarks : (N, 5, 2) x, y in pixels, in the order of LANDMARKS; None where the detector gives none.

    Raises
    ------
    AlignmentError : the arrays do not match.
    """

    boxes: Floats
    confidences: Floats
    landmarks: Floats | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        shapes = {"boxes": (self.boxes, (count, 4)), "confidences": (self.confidences, (count,))}
        if self.landmarks is not None:
            shapes["landmarks"] = (self.landmarks, (count, len(LANDMARKS), 2))
        for name, (array, shape) in shapes.items():
            if array.shape != shape or not np.isfinite(array).all():
                cause = f"of shape {array.shape}, or not finite, where {shape} is required"
                raise AlignmentError(cause, place=name, remedy="give an entry for each face, and finite numbers")

    @classmethod
    def none(cls, *, landmarks: bool = False) -> Detections:
        """Detections without a face.

        >>> len(Detections.none())
        0
        """
        return cls(np.empty((0, 4)), np.empty(0), np.empty((0, len(LANDMARKS), 2)) if landmarks else None)

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: Ints) -> Detections:
        """The faces in these rows, in their order."""
        landmarks = None if self.landmarks is None else self.landmarks[rows]
        return Detections(self.boxes[rows], self.confidences[rows], landmarks)

    def scaled(self, factor: float) -> Detections:
        """The detections in pixels of an image that is `factor` times as large."""
        landmarks = None if self.landmarks is None else self.landmarks * factor
        return Detections(self.boxes * factor, self.confidences, landmarks)


@runtime_checkable
class Detector(Protocol):
    """A face detector; `mien.testing.check_detector` holds one against this contract.

    Attributes
    ----------
    name : of the detector and its version, for records.
    """

    name: str

    def detect(self, image: Image) -> Detections:
        """The faces in an image.

        Parameters
        ----------
        image : uint8 (H, W, 3) RGB, of any size; it is not changed.
        """
        ...
