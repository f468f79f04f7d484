"""Frames of video files with their times, one after another; sound is ignored.

A file is recognised by its content, and only the reader of that format is used. So a playlist that calls itself a video
opens no other file and no network address.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.opening import LIMIT, too_large
from mien.data.signatures import first_bytes, format_of
from mien.incoming.item import Item
from mien.outside import import_optional, words

SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".vob", ".webm", ".wmv",
})  # fmt: skip
KIND = "broken video"
FETCH = "fetch it again, or convert it: ffmpeg -i OLD NEW.mp4"
READERS = (
    (b"\x1aE\xdf\xa3", "matroska"), (b"FLV\x01", "flv"), (b"\0\0\x01\xba", "mpeg"), (b"\0\0\x01\xb3", "mpegvideo"),
    (b"0&\xb2u\x8ef\xcf\x11", "asf"), (b"OggS", "ogg"),
)  # fmt: skip
"""First bytes of a file → PyAV's name of the reader."""
PACKET = 188
"""Bytes between two signs 0x47 of an MPEG transport stream."""
FINE = 500
"""Frames a second above which times have six decimals, else three."""
SHORT = 1.0
"""Seconds by which a video may end before its stated end."""


def reader_of(first: bytes) -> str:
    """PyAV's name of the reader for a file with these first bytes; "" if it is no video.

    >>> reader_of(b"\\0\\0\\0\\x20ftypisom"), reader_of(b"#EXTM3U")
    ('mov', '')
    """
    if first[:4] == b"RIFF":
        return "avi" if first[8:12] == b"AVI " else ""
    if first[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov" if format_of(first) in ("video", "") else ""
    if first[:1] == b"G" and first[PACKET : PACKET + 1] == b"G":
        return "mpegts"
    if first[4:5] == b"G" and first[PACKET + 8 : PACKET + 9] == b"G":
        return "mpegts"  # with a time before each packet, as of cameras
    return next((reader for start, reader in READERS if first.startswith(start)), "")


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its content, or by its extension if its content is nothing else that is known."""
    try:
        first = first_bytes(path)
    except (OSError, ValueError):  # opening it reports the fault
        first = b""
    if reader_of(first):
        return True
    return path.suffix.lower() in SUFFIXES and format_of(first) in ("video", "") and not path.is_dir()


def items_in(path: Path, every: float = 0.0) -> Iterator[Item]:
    """Iterate over the frames of a video; only some of them are in memory at a time.

    A video that cannot be read to its end gives the frames that can be read, and one Item more, which says why.

    Parameters
    ----------
    every : of each so many seconds, the first frame; 0 for all frames.

    Raises
    ------
    MissingExtraError : the package av is not installed.
    """
    av = import_optional("av", "av", "video")
    name = str(path)
    try:
        reader = reader_of(first_bytes(path))
        if not reader:
            size = os.stat(path).st_size  # noqa: PTH116 -- of a pipe, too
            cause = "its content has no known video format" if size else "has 0 bytes"
            yield Item.unreadable(name, KIND, cause, FETCH)
            return
        with path.open("rb") as file, closing(av.open(file, format=reader, metadata_errors="replace")) as container:
            yield from _Frames(container, name).items(every)
    except Exception as error:  # a video is untrusted, and its readers raise anything
        cause = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {_words(error)}"
        yield Item.unreadable(name, KIND, cause, FETCH)
    finally:
        gc.collect()  # PyAV's objects refer to one another, and hold more memory than Python can count


def count_in(path: Path, every: float = 0.0) -> int | None:
    """The expected number of frames that `items_in` gives; None where the file does not state it."""
    av = import_optional("av", "av", "video")
    try:
        reader = reader_of(first_bytes(path))
        if not reader:
            return None
        with path.open("rb") as file, closing(av.open(file, format=reader)) as container:
            stream = container.streams.video[0]
            seconds, rate = _stated_seconds(stream, container), float(stream.average_rate or 0)
            return (int(seconds / every) + 1 if every else int(stream.frames or seconds * rate)) or None
    except Exception:  # reading it reports the fault
        return None


class _Frames:
    """The frames of an open video.

    Attributes
    ----------
    faults : packets and frames that cannot be decoded. fault : the first of them, in words.
    end : seconds of the last frame.
    """

    def __init__(self, container: Any, name: str) -> None:
        self.container, self.name = container, name
        self.faults, self.fault, self.end = 0, "", 0.0

    def items(self, every: float) -> Iterator[Item]:
        """The frames as Items; behind them what is wrong."""
        streams = [stream for stream in self.container.streams.video if not _is_cover(stream)]
        if not streams:
            yield Item.unreadable(self.name, KIND, "has no moving pictures, or is cut before them", FETCH)
            return
        stream = streams[0]
        if stream.codec_context is None:
            yield Item.unreadable(self.name, KIND, "is coded in a way that is not known here", FETCH)
            return
        if stream.width * stream.height > LIMIT:
            yield Item.unreadable(self.name, *too_large(f"its frames of {stream.width} × {stream.height}"))
            return
        stream.thread_type = "AUTO"
        clock = _Clock(stream)
        due, count = 0.0, 0
        for frame in self._decoded(stream):
            count += 1
            seconds, label = clock.read(frame)
            self.end = seconds
            if seconds + clock.step / 2 < due:
                continue
            due = every * (int((seconds + clock.step / 2) / every) + 1) if every else 0.0
            yield Item(f"{self.name}#t={label}", self.name, _pixels(frame), seconds=seconds)
        cause = self._cause(stream, count)
        if cause:
            yield Item.unreadable(self.name, KIND, cause, FETCH)

    def _decoded(self, stream: Any) -> Iterator[Any]:
        """The frames that can be decoded, until the end or until no more can be read."""
        packets = self.container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
            except Exception as error:  # a damaged file makes PyAV raise its own errors and others
                self._note(_words(error))
                return
            try:
                frames = packet.decode()
            except Exception as error:  # as above
                self._note(_words(error))
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._note("a frame is damaged")
                else:
                    yield frame

    def _note(self, fault: str) -> None:
        self.faults += 1
        self.fault = self.fault or fault

    def _cause(self, stream: Any, count: int) -> str:
        """What is wrong with the video after all; "" if nothing is."""
        if not count:
            return f"no frame can be decoded: {self.fault}" if self.fault else "has no frame"
        if self.faults:
            return f"is damaged in {self.faults} places: {self.fault}"
        stated = _stated_seconds(stream, self.container)
        if stated and self.end < stated - max(SHORT, 0.02 * stated):
            return f"ends after {self.end:.1f} of {stated:.1f} seconds"
        return ""


class _Clock:
    """Times of frames since the first one: each is later than the one before, so that each name is there once."""

    def __init__(self, stream: Any) -> None:
        self.base = stream.time_base or Fraction(1, 1000)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        self.step = 1 / rate
        self.decimals = 6 if rate > FINE else 3
        self.first: int | None = None
        self.ticks = -1

    def read(self, frame: Any) -> tuple[float, str]:
        """Seconds of the next frame, and how its name has them; without a time, one step after the frame before."""
        unit = 10**self.decimals
        if frame.pts is None:
            ticks = self.ticks + round(self.step * unit) if self.ticks >= 0 else 0
        else:
            self.first = frame.pts if self.first is None else self.first
            ticks = round((frame.pts - self.first) * self.base * unit)
        self.ticks = max(ticks, self.ticks + 1)
        return self.ticks / unit, f"{self.ticks / unit:.{self.decimals}f}"


def _words(error: Any) -> str:
    return getattr(error, "strerror", "") or words(error)


def _is_cover(stream: Any) -> bool:
    """Whether a stream is the cover picture of a piece of music."""
    disposition = getattr(stream, "disposition", 0)
    return bool(int(disposition) & 0x400) if disposition else False


def _stated_seconds(stream: Any, container: Any) -> float:
    """Length that the file states; 0 if it states none."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(container.duration) / 1e6 if container.duration else 0.0


def _pixels(frame: Any) -> NDArray[np.uint8]:
    """(H, W, 3) of a frame, turned by its display matrix."""
    pixels: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    turn = _turn(frame)
    return pixels if turn is None else np.ascontiguousarray(_turned(pixels, turn))


def _turn(frame: Any) -> NDArray[np.int64] | None:
    """(2, 2) display matrix of a frame as whole numbers; None if it is shown as it is stored."""
    for entry in frame.side_data:
        if getattr(entry.type, "name", "") == "DISPLAYMATRIX":
            values = np.frombuffer(bytes(entry), "<i4", 9).reshape(3, 3)
            matrix = np.rint(values[:2, :2] / 65536).astype(np.int64)
            return None if np.array_equal(matrix, np.eye(2)) or abs(np.linalg.det(matrix)) != 1 else matrix
    return None


def _turned(pixels: NDArray[np.uint8], matrix: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pixels under a display matrix [[a, b], [c, d]], which maps (x, y) to (ax + cy, bx + dy)."""
    (a, b), (c, d) = matrix.tolist()
    if a == d == 0:
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b  # after the exchange, signs of the new x and y
    return pixels[:: d or 1, :: a or 1]
