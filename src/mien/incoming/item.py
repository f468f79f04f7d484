"""One picture on its way to an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.deep import Ranges
from mien.types import Problem

OK, NO_FACE, UNREADABLE = STATUSES = ("ok", "no_face", "unreadable")
"""What became of a picture: it has an answer, no face was detected in it, or it cannot be read."""


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes
    ----------
    number : its place among the faces of its picture, from left to right, from 1.
    box : left, top, right, bottom in pixels of the whole picture.
    confidence : of the detector, 0 to 1.
    track : the same face in other frames of a video has the same name; "" outside videos.
    """

    number: int
    box: tuple[float, float, float, float]
    confidence: float
    track: str = ""


@dataclass(frozen=True)
class Item:
    """One picture, one frame of a video, or one face of either.

    Attributes
    ----------
    id : name of its row, each once: a path, "ARCHIVE/NAME" of a file in an archive, "VIDEO#t=1.500" of a frame, and
        "…#face=2" of a face.
    file : name of the picture or the video that it comes from: the id without what follows "#".
    image : path of an image file, the content of one, or uint8 pixels (H, W) or (H, W, 3); None where there is none.
    seconds : time of a frame since the beginning of its video; None for pictures.
    face : the face that `image` is a crop of; None for whole pictures.
    status : one of STATUSES. problem : why it cannot be read.
    ranges : black and white of pictures of more than 8 bits; None where they follow from the picture alone.
    """

    id: str
    file: str
    image: Path | bytes | NDArray[np.uint8] | None
    seconds: float | None = None
    face: Face | None = None
    status: str = OK
    problem: Problem | None = None
    ranges: Ranges | None = None

    @property
    def group(self) -> str:
        """What counts as one unit in certificates and in the watch: a track of a video; "" where each picture does."""
        return f"{self.file}#{self.face.track}" if self.face is not None and self.face.track else ""

    @classmethod
    def of_file(cls, path: Path, ranges: Ranges | None = None) -> Item:
        """An image file, named by its path."""
        return cls(str(path), str(path), path, ranges=ranges)

    @classmethod
    def unreadable(cls, name: str, kind: str, cause: str, remedy: str) -> Item:
        """A picture of which it is known already that it cannot be read."""
        return cls(name, name, None, status=UNREADABLE, problem=Problem(kind, name, cause, remedy))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Item) and self.id == other.id

    __hash__ = object.__hash__
