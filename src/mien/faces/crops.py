"""Crops of faces in the form that a classifier was trained on.

Where the eyes, the nose and the mouth lie in a crop is measured on pictures that the classifier was trained on. A face
is then turned, scaled and moved so that its landmarks lie there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.faces.contract import LANDMARKS, Detector, as_colour
from mien.faces.fitting import opencv
from mien.types import Floats

FEWEST = 20
"""Fewest faces that a crop is measured on."""
SURE = 0.6
"""Confidence from which on a face counts when a crop is measured."""
FINEST = 16
"""Most samples along a side that are averaged to one pixel of a crop."""


@dataclass(frozen=True, eq=False)
class Crop:
    """A square around a face, given by where the face lies in it.

    Attributes
    ----------
    landmarks : (5, 2) places of LANDMARKS as shares of the crop's side, from its upper left corner.
    box : (4,) left, top, right, bottom of the detector's box, as such shares: for detectors without landmarks.
    """

    landmarks: Floats
    box: Floats

    @classmethod
    def like(cls, pictures: Iterable[NDArray[np.uint8]], detector: Detector, *, place: str = "--crop") -> Crop:
        """The crop of pictures that show one face each: medians of where the detector reports it.

        Parameters
        ----------
        pictures : uint8 (H, W) or (H, W, 3), such as those that a classifier was trained on.
        place : where they come from, for messages.

        Raises
        ------
        DataError : faces were detected in fewer than 20 pictures.
        """
        boxes, landmarks = [], []
        for picture in pictures:
            detections = detector.detect(as_colour(picture))
            if not len(detections) or detections.confidences.max() < SURE:
                continue
            row, size = int(np.argmax(detections.confidences)), np.array(picture.shape[1::-1], np.float64)
            boxes.append(detections.boxes[row] / np.tile(size, 2))
            if detections.landmarks is not None:
                landmarks.append(detections.landmarks[row] / size)
        if len(boxes) < FEWEST:
            cause = f"faces are detected in {len(boxes)} of the pictures, and {FEWEST} are required"
            raise DataError(cause, place=place, remedy="give pictures with one face each, like those of the training")
        points = np.median(landmarks, 0) if landmarks else FER2013.landmarks
        return cls(points, np.median(boxes, 0))

    def cut(self, image: NDArray[np.uint8], box: Floats, landmarks: Floats | None, size: int) -> NDArray[np.uint8]:
        """The crop around a face, (size, size) or (size, size, 3) as the image has it.

        Each pixel is the mean of as many samples as it covers of the image. Beyond the edge of the image, its nearest
        pixel is repeated.

        Parameters
        ----------
        image : uint8 (H, W) or (H, W, 3). box : (4,), and landmarks : (5, 2) or None, in its pixels.
        """
        cv2 = opencv()
        matrix = self.transform(box, landmarks) * size
        scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        finer = int(np.clip(round(1 / scale), 1, FINEST))
        matrix = matrix * finer
        matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # OpenCV counts from the centre of the first pixel
        side = (size * finer, size * finer)
        fine = cv2.warpAffine(image, matrix, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        crop: NDArray[np.uint8] = fine if finer == 1 else cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
        return crop

    def transform(self, box: Floats, landmarks: Floats | None) -> Floats:
        """The similarity (2, 3) from pixels of an image to shares of the crop's side.

        Parameters
        ----------
        box : (4,). landmarks : (5, 2); where they are None, the box is only scaled and moved.
        """
        if landmarks is not None:
            return similarity(landmarks, self.landmarks)
        scale = np.sqrt(_area(self.box) / _area(box))
        offset = _centre(self.box) - scale * _centre(box)
        return np.column_stack([scale * np.eye(2), offset])


def similarity(points: Floats, targets: Floats) -> Floats:
    """The rotation, scale and shift (2, 3) that brings points nearest to targets, by least squares.

    Source: Umeyama, *Least-squares estimation of transformation parameters between two point patterns*, IEEE TPAMI
    1991, in two dimensions and without reflection. Points that are all the same are only shifted.

    Parameters
    ----------
    points, targets : (N, 2).

    Examples
    --------
    >>> corners = np.array([[0.0, 0], [1, 0], [1, 1]])
    >>> turned = np.array([[3.0, 5], [3, 7], [1, 7]])  # by a quarter, twice as large
    >>> similarity(corners, turned).round(6) + 0.0
    array([[ 0., -2.,  3.],
           [ 2.,  0.,  5.]])
    """
    start, end = points - points.mean(0), targets - targets.mean(0)
    spread = float((start**2).sum())
    along = float((start * end).sum()) / spread if spread else 1.0
    across = float((start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]).sum()) / spread if spread else 0.0
    turn = np.array([[along, -across], [across, along]])
    return np.column_stack([turn, targets.mean(0) - turn @ points.mean(0)])


def _area(box: Floats) -> float:
    return float(max((box[2] - box[0]) * (box[3] - box[1]), 1e-12))


def _centre(box: Floats) -> Floats:
    centre: Floats = (box[:2] + box[2:]) / 2
    return centre


FER2013 = Crop(
    np.array([[0.313, 0.378], [0.685, 0.377], [0.500, 0.601], [0.353, 0.759], [0.655, 0.756]]),
    np.array([0.105, 0.047, 0.894, 1.016]),
)
"""The crop of FER2013: medians over 1,989 training pictures, by `python -m benchmarks.serving.crops`."""
assert FER2013.landmarks.shape == (len(LANDMARKS), 2)
