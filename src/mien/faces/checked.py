"""The contract of face detectors as a check."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.faces.boxes import overlap
from mien.faces.contract import Detections, Detector, Image
from mien.types import Floats

SURE, CLOSE = 0.5, 0.6
"""Confidence of a face that counts, and overlap of boxes that are taken for equal."""


def check_detector(detector: Any, image: Image) -> None:
    """A detector gives boxes in pixels of the image that it was given, twice alike, and changes nothing.

    Parameters
    ----------
    image : uint8 (H, W, 3) with one upright face that the detector finds, and some room around it.

    Raises
    ------
    AssertionError : with what is wrong.
    """
    assert isinstance(detector, Detector) and isinstance(detector.name, str), "a detector has a `name` and `detect`"
    height, width = image.shape[:2]
    before = image.copy()
    detections = _checked(detector, image)
    assert np.array_equal(image, before), "detect changes the image"
    again = detector.detect(image)
    assert np.array_equal(again.boxes, detections.boxes), "asking twice gives other boxes"
    box = _best(detections, "the image")
    left, top, right, bottom = box
    canvas = np.zeros((2 * height, 2 * width, 3), np.uint8)
    canvas[height // 2 : height // 2 + height, width // 3 : width // 3 + width] = image
    moved = np.array([width // 3, height // 2] * 2, np.float64)
    _same(detector, canvas, box + moved, "an image that is moved to the right and down")
    _same(detector, np.repeat(np.repeat(image, 2, 0), 2, 1), 2 * box, "an image that is twice as large")
    mirrored = np.array([width - right, top, width - left, bottom])
    _same(detector, image[:, ::-1], mirrored, "a mirror image, which is a view")
    empty = detector.detect(np.zeros_like(image))
    assert not (empty.confidences >= SURE).any(), "a black image has a face"
    for shape in ((1, 1, 3), (1, 40, 3), (40, 1, 3)):
        _checked(detector, np.full(shape, 128, np.uint8))


def _checked(detector: Any, image: Image) -> Detections:
    detections = detector.detect(image)
    assert isinstance(detections, Detections), "detect must return Detections"
    boxes, sure = detections.boxes, detections.confidences
    assert ((sure >= 0) & (sure <= 1)).all(), "confidences are from 0 to 1"
    assert (boxes[:, 2:] > boxes[:, :2]).all(), "boxes are left, top, right, bottom"
    if detections.landmarks is not None and len(boxes):
        points = detections.landmarks[sure >= SURE]
        margin = (boxes[:, 2:] - boxes[:, :2]).max() / 2
        low, high = boxes[sure >= SURE, None, :2] - margin, boxes[sure >= SURE, None, 2:] + margin
        assert ((points > low) & (points < high)).all(), "landmarks lie far outside their box"
        assert (points[:, 0, 0] < points[:, 1, 0]).all(), "the first landmark is the eye on the left of the image"
        assert (points[:, 0, 1] < points[:, 3, 1]).all(), "the fourth landmark is a mouth corner, below the eyes"
    return detections


def _best(detections: Detections, what: str) -> Floats:
    sure = detections.confidences
    assert len(detections) and sure.max() >= SURE, f"no face is detected in {what}"
    box: Floats = detections.boxes[int(np.argmax(sure))]
    return box


def _same(detector: Any, image: Image, expected: Floats, what: str) -> None:
    """Assert that the best face lies where it is expected."""
    box = _best(_checked(detector, image), what)
    share = overlap(box[None], expected[None])[0, 0]
    assert share >= CLOSE, f"{what} has its face at {box.round(1).tolist()}, not at {expected.round(1).tolist()}"
