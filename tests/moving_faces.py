"""Drawn faces in larger pictures, and videos of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.faces import FaceSettings, draw
from mien.faces.contract import Detections

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, SIDE = 320, 240, 96


@cache
def faces(size: int = SIDE) -> Pixels:
    """Some drawn faces in colour, each upright and in the middle of its picture."""
    pixels = draw(FaceSettings(n=6, size=size, seed=1, colour=True, occlusion=0, pose=0)).dataset.pixels
    assert pixels is not None
    return pixels


def scene(*places: tuple[int, int], size: int = SIDE, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A grey picture with drawn faces, each with its upper left corner (x, y) at a place."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for number, (x, y) in enumerate(places):
        picture[y : y + size, x : x + size] = faces(size)[number]
    return picture


def moving(count: int, step: int = 4) -> Iterator[Pixels]:
    """Frames of one face that moves to the right."""
    return (scene((10 + step * number, 60)) for number in range(count))


def write_video(
    path: Path,
    frames: Iterable[Pixels],
    *,
    codec: str = "mpeg4",
    rate: int = 10,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video file; `times` in milliseconds where frames are not evenly spaced."""
    import av

    with av.open(str(path), "w", options=options or {}) as out:
        stream: Any = None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = out.add_stream(codec, rate=rate)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt, stream.gop_size = "yuv420p", 5
                if times is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


class Red:
    """A detector of red squares: it stands for one that is exact, and needs no package."""

    name = "red squares"

    def __init__(self, *, landmarks: bool = False) -> None:
        self.landmarks = landmarks

    def detect(self, image: Pixels) -> Detections:
        from scipy.ndimage import find_objects, label

        numbered, _ = label((image[..., 0] > 180) & (image[..., 1] < 80))
        places = [place for place in find_objects(numbered) if place is not None]
        boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in places], np.float64).reshape(-1, 4)
        if not self.landmarks:
            return Detections(boxes, np.full(len(boxes), 0.9))
        shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]])
        points = boxes[:, None, :2] + shares * (boxes[:, None, 2:] - boxes[:, None, :2])
        return Detections(boxes, np.full(len(boxes), 0.9), points)


def red(*places: tuple[int, int], side: int = 20, width: int = 120, height: int = 80) -> Pixels:
    """A grey picture with red squares."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for x, y in places:
        picture[y : y + side, x : x + side] = (250, 20, 20)
    return picture
