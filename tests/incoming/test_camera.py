"""A camera, of which a list of frames takes the place."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from mien.errors import DataError
from mien.incoming.camera import Camera, is_camera


class Fake:
    """A camera whose frames have their number as colours; it waits until it may give the next one."""

    def __init__(self, count: int, *, opened: bool = True) -> None:
        self.count, self.opened, self.number = count, opened, 0
        self.allowed = threading.Semaphore(0)
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def read(self) -> tuple[bool, Any]:
        self.allowed.acquire()
        self.number += 1
        if self.number > self.count:
            return False, None
        return True, np.full((4, 6, 3), (self.number, 0, 200), np.uint8)  # blue, green, red

    def release(self) -> None:
        self.released = True


class Clock:
    """Seconds that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(camera: Camera, fake: Fake, count: int) -> None:
    """Let the camera see some frames, and wait until it has."""
    for _ in range(count):
        before = fake.number
        fake.allowed.release()
        with camera._changed:
            assert camera._changed.wait_for(lambda before=before: fake.number > before and camera._newest, 10)  # type: ignore[misc]


def test_late_frames_are_dropped() -> None:
    fake, clock = Fake(10), Clock()
    camera = Camera("camera:0", fake, clock)
    fake.allowed.release()
    items = camera.items()
    first = next(items)
    assert first.id == "camera:0#t=0.000" and isinstance(first.image, np.ndarray)
    assert first.image[0, 0].tolist() == [200, 0, 1]  # red first
    clock.now = 1.5
    for number in (2, 3, 4):
        fake.allowed.release()
        with camera._changed:
            assert camera._changed.wait_for(
                lambda number=number: camera._newest is not None and camera._newest[1][0, 0, 2] == number,
                10,  # type: ignore[misc]
            )
    second = next(items)
    assert second.seconds == 1.5 and isinstance(second.image, np.ndarray) and second.image[0, 0, 2] == 4
    camera.stop()
    fake.allowed.release()
    assert list(items) == [] or fake.released
    assert fake.released


def test_names_are_unique_at_one_time() -> None:
    fake, clock = Fake(3), Clock()
    camera = Camera("camera:1", fake, clock)
    items, names = camera.items(), []
    for _ in range(3):
        fake.allowed.release()
        names.append(next(items).id)
    assert names == [f"camera:1#t=0.00{number}" for number in range(3)]
    fake.allowed.release()
    items.close()  # type: ignore[attr-defined]


def test_frames_that_come_too_soon_are_dropped() -> None:
    fake, clock = Fake(10), Clock()
    camera = Camera("camera:0", fake, clock)
    fake.allowed.release()
    items = camera.items(every=1.0)
    assert next(items).seconds == 0
    clock.now = 0.5
    shown(camera, fake, 1)
    clock.now = 1.25
    fake.allowed.release()
    assert next(items).seconds == 1.25
    fake.allowed.release()
    items.close()  # type: ignore[attr-defined]


def test_a_camera_that_fails_ends_with_the_reason() -> None:
    fake = Fake(1)
    camera = Camera("camera:0", fake, Clock())
    fake.allowed.release(2)
    rows = list(camera.items())
    assert rows[-1].problem and "no more frames" in rows[-1].problem.cause and fake.released
    assert [row.status for row in rows] in (["ok", "unreadable"], ["unreadable"])


def test_a_camera_that_cannot_be_opened() -> None:
    with pytest.raises(DataError, match="camera:7"):
        Camera("camera:7", Fake(0, opened=False))


@pytest.mark.skipif(not hasattr(os, "kill"), reason="this system has no signals")
def test_a_camera_that_is_not_there() -> None:
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    with pytest.raises(DataError, match="camera:987: the camera cannot be opened"):
        Camera.open("camera:987")


def test_ctrl_c_stops_it_and_the_frames_end() -> None:
    fake = Fake(100)
    camera = Camera("camera:0", fake, Clock())
    before = signal.getsignal(signal.SIGINT)
    with camera.stopped_by_ctrl_c():
        items = camera.items()
        fake.allowed.release()
        next(items)
        os.kill(os.getpid(), signal.SIGINT)
        fake.allowed.release()
        assert len(list(items)) <= 1
        assert signal.getsignal(signal.SIGINT) is before  # a second Ctrl-C interrupts as always
    assert signal.getsignal(signal.SIGINT) is before and fake.released


def test_places() -> None:
    assert is_camera("camera:0") and not is_camera("camera:") and not is_camera("http://camera:0")
