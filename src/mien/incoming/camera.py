"""Frames of a camera as they come: late frames are dropped, so that answers are about what is there now."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.incoming.item import Item
from mien.outside import import_optional

PLACE = re.compile(r"camera:(\d+)")
REMEDY = "connect it, close other programs that use it, or give another number, as camera:1"
WAIT = 0.5
"""Seconds between two looks whether the camera was stopped."""


class Capture(Protocol):
    """What OpenCV's VideoCapture has of methods."""

    def isOpened(self) -> bool: ...  # noqa: N802 -- OpenCV's name

    def read(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


def is_camera(place: str) -> bool:
    """Whether a place is a camera.

    >>> is_camera("camera:0"), is_camera("camera.mp4")
    (True, False)
    """
    return PLACE.fullmatch(place) is not None


def items_in(place: str, every: float = 0.0) -> Iterator[Item]:
    """Iterate over the frames of a camera until Ctrl-C, see `Camera.items`.

    Raises
    ------
    DataError : it cannot be opened. MissingExtraError : the package opencv-python is not installed.
    """
    camera = Camera.open(place)
    with camera.stopped_by_ctrl_c():
        yield from camera.items(every)


class Camera:
    """The frames of a camera until it is stopped.

    Parameters
    ----------
    place : its name in rows, such as camera:0.
    capture : gives frames in OpenCV's order of colours, blue first. clock : seconds that only grow.

    Raises
    ------
    DataError : it cannot be opened.
    """

    def __init__(self, place: str, capture: Capture, clock: Callable[[], float] = time.monotonic) -> None:
        if not capture.isOpened():
            raise DataError("the camera cannot be opened", place=place, remedy=REMEDY)
        self.place, self._capture, self._clock = place, capture, clock
        self._newest: tuple[float, NDArray[np.uint8]] | None = None
        self._changed, self._stopped, self._failed = threading.Condition(), False, False

    @classmethod
    def open(cls, place: str) -> Camera:
        """The camera of a place such as camera:0."""
        match = PLACE.fullmatch(place)
        if match is None:
            raise DataError("is no camera", place=place, remedy="write camera:0")
        cv2 = import_optional("cv2", "opencv-python", "faces")
        quiet = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # its place depends on the version
        quiet(0)  # it prints what it tries; the error below says enough
        return cls(place, cv2.VideoCapture(int(match[1])))

    def stop(self) -> None:
        """End the frames, from any thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @contextmanager
    def stopped_by_ctrl_c(self) -> Iterator[None]:
        """Let the first Ctrl-C stop the camera, so that the rows of its last frames are still written.

        A second Ctrl-C interrupts the programme, as always. Only the main thread can be stopped so.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def stop(number: int, frame: object) -> None:
            signal.signal(signal.SIGINT, before)
            self.stop()

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def items(self, every: float = 0.0) -> Iterator[Item]:
        """Iterate over the newest frame each time that one is asked for; frames in between are dropped.

        Where the camera fails, a row that cannot be read ends the frames.

        Parameters
        ----------
        every : least seconds between two frames.
        """
        reader = threading.Thread(target=self._read, name=self.place, daemon=True)
        reader.start()
        ticks, due = -1, 0.0
        try:
            while (newest := self._next(due)) is not None:
                seconds, pixels = newest
                ticks = max(round(seconds * 1000), ticks + 1)
                due = seconds + every
                yield Item(f"{self.place}#t={ticks / 1000:.3f}", self.place, pixels, seconds=ticks / 1000)
            if self._failed:
                yield Item.unreadable(self.place, "camera failed", "gives no more frames", REMEDY)
        finally:
            self.stop()
            reader.join()
            self._capture.release()

    def _read(self) -> None:
        """Keep the newest frame, until stopped or until the camera fails."""
        began = self._clock()
        while not self._stopped:
            succeeded, pixels = self._capture.read()
            with self._changed:
                if succeeded:
                    self._newest = self._clock() - began, np.ascontiguousarray(pixels[..., ::-1])
                else:
                    self._failed = self._stopped = True
                self._changed.notify_all()

    def _next(self, due: float) -> tuple[float, NDArray[np.uint8]] | None:
        """Wait for a frame that is as late as `due`; None once stopped."""
        with self._changed:
            while True:
                newest = self._newest
                if newest is not None and newest[0] >= due:
                    self._newest = None
                    return newest
                if self._stopped:
                    return None
                self._changed.wait(WAIT)
