"""Pictures and frames become their faces."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from moving_faces import Red, red
from PIL import Image

from mien.faces.crops import FER2013
from mien.faces.finder import FaceFinder
from mien.faces.stage import faces_of
from mien.incoming.item import Item

pytest.importorskip("cv2")
FINDER = FaceFinder(Red(), FER2013, 24)


def png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_has_a_row_for_each_face_and_one_without_any(tmp_path: Path) -> None:
    (tmp_path / "two.png").write_bytes(png(red((80, 10), (10, 20))))
    (tmp_path / "text.png").write_text("no picture")
    items = [
        Item.of_file(tmp_path / "two.png"),
        Item("none", "none", png(red())),
        Item.of_file(tmp_path / "text.png"),
        Item.unreadable("gone", "missing", "is not there", "fetch it"),
        Item("array", "array", red((5, 5))),
    ]
    rows = list(faces_of(items, FINDER))
    two = str(tmp_path / "two.png")
    assert [row.id for row in rows] == [
        f"{two}#face=1", f"{two}#face=2", "none", str(tmp_path / "text.png"), "gone", "array#face=1",
    ]  # fmt: skip
    assert [row.status for row in rows] == ["ok", "ok", "no_face", "unreadable", "unreadable", "ok"]
    assert rows[0].face and rows[0].face.box == (10, 20, 30, 40) and rows[0].face.track == "" == rows[0].group
    assert all((row.image is None) == (row.status != "ok") for row in rows)
    assert rows[3].problem and "no known picture format" in rows[3].problem.cause
    crop = rows[0].image
    assert isinstance(crop, np.ndarray) and crop.shape == (24, 24, 3) and crop[12, 12, 0] > 200


def test_grey_pictures_stay_grey() -> None:
    class Bright(Red):
        def detect(self, image: np.ndarray):  # type: ignore[no-untyped-def]
            return super().detect(image * np.array([1, 0, 0], np.uint8))

    grey = red((10, 20))[..., 0]
    [row] = faces_of([Item("a", "a", grey)], FaceFinder(Bright(), FER2013, 24))
    assert isinstance(row.image, np.ndarray) and row.image.shape == (24, 24)


def frames(video: str, count: int) -> Iterator[Item]:
    for number in range(count):
        seconds = number / 10
        yield Item(f"{video}#t={seconds:.3f}", video, red((5 + 4 * number, 10), (90, 50)), seconds=seconds)


def test_faces_of_a_video_have_tracks_which_are_groups() -> None:
    rows = [row for video in ("a", "b") for row in faces_of(frames(video, 6), FINDER)]
    assert [row.face.track for row in rows if row.face] == ["track1", "track2"] * 12
    assert rows[0].group == "a#track1" and rows[-1].group == "b#track2"
    assert rows[3].id == "a#t=0.100#face=2" and rows[3].seconds == 0.1


def test_tracks_begin_again_with_each_video() -> None:
    rows = list(faces_of([*frames("a", 3), *frames("b", 3)], FINDER))
    assert {row.group for row in rows} == {"a#track1", "a#track2", "b#track1", "b#track2"}


@pytest.mark.parametrize("workers", [1, 3])
def test_few_frames_are_taken_at_a_time(workers: int) -> None:
    """So memory does not grow: at most twice as many as workers, and one."""
    taken = 0

    def counted() -> Iterator[Item]:
        nonlocal taken
        for item in frames("a", 20):
            taken += 1
            yield item

    rows = faces_of(counted(), FINDER, workers)
    for number in range(10):
        next(rows), next(rows)
        assert taken <= number + 1 + 2 * workers
    rows.close()  # type: ignore[attr-defined]


def test_a_live_frame_is_answered_before_the_next_is_taken() -> None:
    taken = []

    def noted() -> Iterator[Item]:
        for item in frames("a", 4):
            taken.append(item.id)
            yield item

    rows = faces_of(noted(), FINDER, 1, live=True)
    first = next(rows)
    assert first.file == "a" and len(taken) == 1
    rows.close()  # type: ignore[attr-defined]


def test_workers_do_not_matter() -> None:
    runs = [[(row.id, row.group) for row in faces_of(frames("a", 10), FINDER, workers)] for workers in (1, 2, 4)]
    assert runs[0] == runs[1] == runs[2]
