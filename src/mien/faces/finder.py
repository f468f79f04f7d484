"""Faces of an image: detected, chosen, numbered from left to right, and cropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.files import images_in
from mien.data.picture import full_image
from mien.errors import DataError, UsageError
from mien.faces.contract import Detections, Detector, as_colour
from mien.faces.crops import FER2013, Crop
from mien.faces.registry import open_detector
from mien.faces.settings import FinderSettings
from mien.incoming.item import Face

MOST_PICTURES = 500
"""Pictures that a crop is measured on, evenly spread over the folder."""
NAMED_CROPS = {"fer2013": FER2013}


@dataclass(frozen=True)
class FaceFinder:
    """Finds the faces of an image, and cuts the crops that a classifier reads.

    Attributes
    ----------
    detector : of `mien.faces.contract`. crop : what the classifier was trained on.
    size : side of the crops in pixels: that of the classifier's input, so that pixels are resampled once.
    confidence, smallest : see `FinderSettings`.
    """

    detector: Detector
    crop: Crop
    size: int
    confidence: float = 0.5
    smallest: int = 16

    @classmethod
    def open(cls, settings: FinderSettings, size: int) -> FaceFinder:
        """The finder that settings describe; see `open_detector` and `crop_named` for what they raise."""
        if settings.faces is None:
            raise UsageError("no detector is named", place="--faces", remedy="write --faces retina")
        detector = open_detector(settings.faces, settings.detection_side)
        crop = crop_named(settings.crop, detector)
        return cls(detector, crop, size, settings.face_confidence, settings.face_size)

    def find(self, image: NDArray[np.uint8]) -> list[tuple[Face, NDArray[np.uint8]]]:
        """The faces of an image with their crops, from left to right.

        Parameters
        ----------
        image : uint8 (H, W) or (H, W, 3).
        """
        detections = self._chosen(self.detector.detect(as_colour(image)))
        faces = []
        for row, box in enumerate(detections.boxes):
            landmarks = None if detections.landmarks is None else detections.landmarks[row]
            left, top, right, bottom = box.tolist()
            face = Face(row + 1, (left, top, right, bottom), float(detections.confidences[row]))
            faces.append((face, self.crop.cut(image, box, landmarks, self.size)))
        return faces

    def _chosen(self, detections: Detections) -> Detections:
        """The faces that are sure and large enough, from left to right."""
        boxes = detections.boxes
        sides = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf)
        rows = np.flatnonzero((detections.confidences >= self.confidence) & (sides >= self.smallest))
        return detections.take(rows[np.lexsort((boxes[rows, 1], boxes[rows, 0]))])


def crop_named(name: str, detector: Detector) -> Crop:
    """A crop by its name, or measured on the pictures of a folder.

    Raises
    ------
    DataError : it is neither a name nor a folder with pictures of faces.
    """
    if name in NAMED_CROPS:
        crops: Mapping[str, Crop] = getattr(detector, "crops", NAMED_CROPS)
        return crops[name]
    folder = Path(name)
    if not folder.is_dir():
        remedy = f"give {' or '.join(NAMED_CROPS)}, or a folder of pictures that the classifier was trained on"
        raise DataError("is no crop that is known, and no folder", place=f"--crop {name}", remedy=remedy)
    paths, _ = images_in(folder)
    chosen = [
        paths[row] for row in np.unique(np.linspace(0, len(paths) - 1, min(len(paths), MOST_PICTURES)).astype(int))
    ]
    images = (full_image(path) for path in chosen)
    return Crop.like((np.asarray(image) for image in images if image is not None), detector, place=f"--crop {name}")
