"""Face detectors by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mien.errors import choice_error
from mien.faces.contract import Detector
from mien.faces.haar import Haar
from mien.faces.onnx_detector import OnnxDetector
from mien.faces.retina import Retina

DETECTORS: Mapping[str, Callable[[int], Detector]] = {"retina": Retina, "haar": Haar}
"""Name → what opens a detector for pictures scaled to a longer side."""


def open_detector(name: str, side: int) -> Detector:
    """Open a detector by its name, or by the path of an ONNX file.

    Parameters
    ----------
    side : longer side in pixels to which pictures are scaled; an ONNX file has its own size.

    Raises
    ------
    UsageError : there is no detector of that name. DataError : the ONNX file is no detector.
    MissingExtraError, BrokenPackageError : its package is missing, or is another.
    """
    if name in DETECTORS:
        return DETECTORS[name](side)
    path = Path(name)
    if path.suffix.lower() != ".onnx":
        raise choice_error("detector", name, [*DETECTORS, "PATH.onnx"], place="--faces")
    return OnnxDetector(path)
