"""OpenCV's detector with Haar features, whose weights come with OpenCV below 5."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import BrokenPackageError
from mien.faces.contract import Detections, Image
from mien.faces.crops import FER2013
from mien.faces.fitting import fitted, opencv

FILE = "haarcascade_frontalface_default.xml"
SIDE, SMALLEST_SIDE = 640, 128
STEP, NEIGHBOURS, SMALLEST_FACE = 1.1, 5, 20
"""Ratio of neighbouring window sizes, agreeing windows, and pixels of the smallest window."""
CROPS = {"fer2013": replace(FER2013, box=np.array([0.078, 0.070, 0.922, 0.906]))}
"""Its boxes are of another kind: medians over 1,109 training pictures, by `python -m benchmarks.serving.crops`."""
HALF_SURE = 2.0
"""Weight of the last stage at which the confidence is one half."""


class Haar:
    """Viola and Jones's cascade, as OpenCV below 5 brings it: boxes of frontal faces, without landmarks.

    Source: Viola & Jones, *Rapid object detection using a boosted cascade of simple features*, CVPR 2001.

    Parameters
    ----------
    side : longer side to which larger images are scaled.

    Raises
    ------
    BrokenPackageError : the installed OpenCV has no cascades.
    """

    crops = CROPS

    def __init__(self, side: int = SIDE) -> None:
        cv2 = opencv()
        self.side, self.name = side, f"haar of opencv {cv2.__version__} side={side}"
        folder = getattr(getattr(cv2, "data", None), "haarcascades", "")
        self._file = Path(folder, FILE)
        if not (hasattr(cv2, "CascadeClassifier") and folder and self._file.is_file()):
            raise BrokenPackageError(
                f"version {cv2.__version__} has no Haar cascades",
                place="opencv-python",
                remedy="pip install 'opencv-python<5', or use --faces retina",
            )
        self._own = threading.local()

    def detect(self, image: Image) -> Detections:
        """The faces in an image, the most confident first."""
        cv2 = opencv()
        side = int(np.clip(max(image.shape[:2]), SMALLEST_SIDE, self.side))
        pixels, factor = fitted(image, side)
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        corners, _, weights = self._cascade().detectMultiScale3(
            grey, STEP, NEIGHBOURS, minSize=(SMALLEST_FACE, SMALLEST_FACE), outputRejectLevels=True
        )
        if not len(corners):
            return Detections.none()
        weights = np.clip(np.asarray(weights, np.float64).reshape(-1), 0, None)
        boxes = np.asarray(corners, np.float64) * factor
        boxes[:, 2:] += boxes[:, :2]
        detections = Detections(boxes, weights / (weights + HALF_SURE))
        return detections.take(np.argsort(-detections.confidences, kind="stable"))

    def _cascade(self) -> Any:
        """The cascade of the calling thread."""
        if not hasattr(self._own, "cascade"):
            self._own.cascade = opencv().CascadeClassifier(str(self._file))
        return self._own.cascade
