"""Items become batches: the same pixels from files, from bytes and from arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mien.classifiers.pictures import RUN, RUN_BYTES, gathered, of_files, read_item, read_run, runs
from mien.data.deep import Ranges
from mien.data.picture import ImageSettings
from mien.incoming.item import NO_FACE, UNREADABLE, Item

SETTINGS = ImageSettings(16)
PIXELS = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32)


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_files_bytes_and_pixels_are_read_alike(tmp_path: Path) -> None:
    grey = (PIXELS // 4).astype(np.uint8)
    path = save(tmp_path / "a.png", grey)
    read = [read_item(Item("a", "a", image), SETTINGS) for image in (path, path.read_bytes(), grey)]
    assert all(part.item.image is None and not part.problems for part in read)
    for part in read:
        assert part.pixels is not None and np.array_equal(part.pixels, read[0].pixels)  # type: ignore[arg-type]


def test_ranges_are_those_of_the_item_or_of_the_picture_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", PIXELS)  # up to 1023: 10 bits
    own = read_item(Item("a", "a", path.read_bytes()), SETTINGS).pixels
    shared = read_item(Item.of_file(path, Ranges((0, 4095))), SETTINGS).pixels
    assert own is not None and shared is not None and own.max() > 240 and shared.max() < 70


def test_what_cannot_be_read_keeps_its_place(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", np.zeros((8, 8), np.uint8))
    items = [
        Item("text", "text", b"no picture"), Item.of_file(good), Item.of_file(tmp_path / "gone.png"),
        Item.unreadable("cut.zip", "broken archive", "is cut", "fetch it again"),
        Item("empty", "empty", None, status=NO_FACE),
    ]  # fmt: skip
    rows = gathered(read_run(items, SETTINGS), SETTINGS)
    assert rows.batch.ids.tolist() == [str(good)] and rows.rows.tolist() == [1] and rows.batch.data.shape == (1, 16, 16)
    assert [item.status for item in rows.items] == [UNREADABLE, "ok", UNREADABLE, UNREADABLE, NO_FACE]
    causes = [item.problem.cause if item.problem else "" for item in rows.items]
    assert "no known picture format" in causes[0] and "does not exist" in causes[2] and causes[3] == "is cut"
    assert [problem.place for problem in rows.problems] == ["text", str(tmp_path / "gone.png"), "cut.zip"]
    assert all(item.image is None for item in rows.items)


def test_nothing_at_all() -> None:
    assert gathered([], SETTINGS).batch.data.shape == (0, 16, 16) and list(runs([])) == []


@given(st.lists(st.sampled_from([0, 10, RUN_BYTES // 2, RUN_BYTES]), max_size=100))
def test_runs_are_bounded_and_keep_the_order(sizes: list[int]) -> None:
    items = [Item(str(row), "", bytes(size)) for row, size in enumerate(sizes)]
    divided = list(runs(items))
    assert [item.id for run in divided for item in run] == [item.id for item in items]
    for run in divided:
        assert 0 < len(run) <= RUN and sum(len(item.image) for item in run[:-1]) < RUN_BYTES  # type: ignore[arg-type]


def test_runs_of_files_go_by_their_sizes(tmp_path: Path) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(bytes(RUN_BYTES))
    small.write_bytes(b"x")
    paths = [small, large, tmp_path / "gone", small]
    assert [len(run) for run in runs(of_files(paths, Ranges()))] == [2, 2]
