"""The pictures behind those that have their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DataError
from mien.incoming.answered import unanswered
from mien.incoming.item import Face, Item

FACES = {"a": 2, "b": 0, "c": 3, "d": 1}


def pictures(names: str = "abcd") -> Iterator[Item]:
    return (Item(name, name, None) for name in names)


def crops(items: Iterator[Item]) -> Iterator[Item]:
    """An Item for each face; a picture without any stays."""
    for item in items:
        yield from (Item(f"{item.id}#face={number}", item.id, None) for number in range(1, FACES[item.id] + 1))
        if not FACES[item.id]:
            yield item


ALL = [item.id for item in crops(pictures())]


@given(st.integers(0, len(ALL)))
def test_it_continues_within_a_picture(kept: int) -> None:
    assert [item.id for item in unanswered(pictures(), ALL[:kept], crops)] == ALL[kept:]


def test_pictures_that_are_done_with_are_not_looked_at_again() -> None:
    looked_at: list[str] = []

    def stage(items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            looked_at.append(item.id)
            yield from crops(iter([item]))

    assert [item.id for item in unanswered(pictures(), ALL[:4], stage)] == ALL[4:] and looked_at == ["c", "d"]


def frames() -> Iterator[Item]:
    """Two pictures, and two videos."""
    yield from pictures("ab")
    for video in ("v", "w"):
        yield from (Item(f"{video}#t={number}.000", video, None, seconds=float(number)) for number in range(3))
    yield Item("z", "z", None)


def tracked(items: Iterator[Item]) -> Iterator[Item]:
    """Two faces in each frame, with names that depend on all frames before."""
    count = 0
    for item in items:
        count += item.seconds is not None
        faces = (Face(number, (0, 0, 1, 1), 1.0, f"after{count}") for number in (1, 2))
        if item.seconds is None:
            yield item
        else:
            yield from (replace(item, id=f"{item.id}#face={face.number}", face=face) for face in faces)


@given(st.integers(0, 15))
def test_tracks_of_a_video_are_those_of_an_uninterrupted_call(kept: int) -> None:
    whole = [(item.id, item.face) for item in tracked(frames())]
    assert len(whole) == 15
    rest = unanswered(frames(), [name for name, _ in whole[:kept]], tracked)
    assert [(item.id, item.face) for item in rest] == whole[kept:]


@pytest.mark.parametrize("names", [["b"], ["a", "c"], ["a", "b", "c", "d", "e"], ["a", "a"]])
def test_other_pictures_are_refused(names: list[str]) -> None:
    with pytest.raises(DataError, match="have changed"):
        list(unanswered(pictures(), names))


def test_none_is_there() -> None:
    assert [item.id for item in unanswered(pictures(), [])] == list("abcd")
