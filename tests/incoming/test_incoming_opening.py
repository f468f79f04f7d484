"""Pictures from all places as one stream."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packed import as_folder, as_tar, as_zip, deep_png, png

from mien.data.deep import Ranges
from mien.errors import DataError, UsageError
from mien.events import Event
from mien.incoming import opening
from mien.incoming.item import Item
from mien.types import Problem

CONTENT = {"a.png": png(1), "b/c.png": png(2), "b/d.png": png(3)}


def open_(*places: Path) -> opening.Source:
    return opening.open_items(places, lambda problem: None)


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_places_of_all_kinds_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = as_folder(tmp_path / "photos", CONTENT)
    archive, tar = as_zip(tmp_path / "z.zip", CONTENT), as_tar(tmp_path / "t.tar", CONTENT)
    type_in(monkeypatch, f"{folder / 'a.png'}\n{tmp_path / 'gone.png'}\n".encode())
    source = open_(archive, folder / "b", Path("-"), folder, tar, folder / "*.png")
    assert [item.id for item in source.items] == [
        *(f"{archive}/{name}" for name in CONTENT), *(str(folder / name) for name in ("b/c.png", "b/d.png", "a.png")),
        str(tmp_path / "gone.png"), *(f"{tar}/{name}" for name in CONTENT),
    ]  # fmt: skip
    assert source.total is None


def test_the_total_is_known_where_it_is_cheap(tmp_path: Path) -> None:
    folder, archive = as_folder(tmp_path / "photos", CONTENT), as_zip(tmp_path / "z.zip", CONTENT)
    assert (
        open_(folder).total == 3 and open_(archive).total == 3 and open_(folder, archive, folder / "a.png").total == 6
    )
    assert open_(folder, as_tar(tmp_path / "t.tar", CONTENT)).total is None


names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)


@settings(max_examples=25)
@given(names, names)
def test_every_way_gives_the_same_pictures(
    tmp_path_factory: pytest.TempPathFactory, folders: list[str], files: list[str]
) -> None:
    tmp_path = tmp_path_factory.mktemp("ways")
    content = {f"{folder}/{name}.png": png(10 * len(folder) + ord(name) - 97) for folder in folders for name in files}
    root = as_folder(tmp_path / "photos", content)
    expected = {name: content[name] for name in sorted(content)}
    ways = (
        open_(root), open_(as_zip(tmp_path / "z.zip", expected)), open_(as_tar(tmp_path / "t.tgz", expected, "w:gz")),
        open_(root / "**" / "*.png"),
    )  # fmt: skip
    for source in ways:
        read = [item.image.read_bytes() if isinstance(item.image, Path) else item.image for item in source.items]
        assert read == list(expected.values())


def test_files_of_more_than_8_bits_share_a_range_and_others_have_their_own(tmp_path: Path) -> None:
    dark, bright = deep_png(range(0, 800, 100)), deep_png(range(0, 4000, 500))
    folder = as_folder(tmp_path / "photos", {"a.png": dark, "b.png": bright})
    source = open_(folder, as_zip(tmp_path / "z.zip", {"a.png": dark}))
    items = list(source.items)
    assert source.ranges.integers == (0, 4095) and "4095 for white" in source.findings[0][1]
    assert [item.ranges for item in items] == [Ranges((0, 4095)), Ranges((0, 4095)), None]


def test_bad_places(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="named twice"):
        open_(Path("-"), Path("-"))
    with pytest.raises(DataError, match="no picture in this folder"):
        open_(tmp_path)
    with pytest.raises(DataError, match="no file matches"):
        open_(tmp_path / "*.png")


def test_counting_and_what_is_left_out_are_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "STEP", 2)
    folder = as_folder(tmp_path / "photos", {**CONTENT, "x.psd": b"8BPS\0\1"})
    archive = as_zip(tmp_path / "z.zip", {**CONTENT, "x.psd": b"8BPS\0\1"})
    events, problems = list[Event](), list[Problem]()
    source = opening.open_items([folder, archive], problems.append, events.append)
    assert [event.count for event in events] == [2] and [problem.place for problem in problems] == [str(folder)]
    assert len(list(source.items)) == 6 and [problem.place for problem in problems] == [str(folder), str(archive)]


@pytest.mark.parametrize("name", ["photos", "z.zip", "t.tar"])
def test_one_picture_is_held_at_a_time(tmp_path: Path, name: str) -> None:
    """However many there are: the Items that are alive are counted."""
    content = {f"{number:03d}.png": png(number % 256) for number in range(300)}
    make = {"photos": as_folder, "z.zip": as_zip, "t.tar": as_tar}[name]
    source = open_(make(tmp_path / name, content))
    most, count = 0, 0
    for item in source.items:
        count += 1
        if count % 50 == 0:
            alive = (each for each in gc.get_objects() if type(each) is Item)
            most = max(most, sum(each.id.startswith(str(tmp_path)) for each in alive))
        del item
    assert count == 300 and most <= 3


def test_a_place_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read before it is asked for."""

    def forever() -> Iterator[Item]:
        yield Item("frame", "camera", None)
        raise AssertionError("the second was read")

    kind = opening.Kind(lambda place: str(place) == "camera:0", lambda place, note: opening.Part(forever))
    monkeypatch.setattr(opening, "KINDS", (kind, *opening.KINDS))
    source = open_(Path("camera:0"))
    assert next(source.items).id == "frame" and source.total is None
