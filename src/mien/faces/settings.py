"""Settings of the detection of faces."""

from __future__ import annotations

from dataclasses import dataclass

from mien.settings import setting, validate


@dataclass(frozen=True)
class FinderSettings:
    """Which faces are found, and how they are cropped."""

    faces: str | None = setting(None, "find faces, and answer for each: retina, haar, or the path of an ONNX detector")
    crop: str = setting("fer2013", "crop that the classifier was trained on: fer2013, or a folder of such pictures")
    face_confidence: float = setting(0.5, "least confidence of the detector in a face", within=(0, 1))
    face_size: int = setting(16, "pixels that the shorter side of a face's box has at least", within=(1, 10_000))
    detection_side: int = setting(
        640, "longer side in pixels to which pictures are scaled to find faces", within=(64, 4096)
    )

    def __post_init__(self) -> None:
        validate(self)
