"""Lists of paths on standard input."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.incoming import lists
from mien.incoming.item import OK, UNREADABLE

paths = st.lists(st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), min_size=1, max_size=20))


class Slow(io.BytesIO):
    """Gives some bytes at a time, as a pipe does."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read(7)


def plain(names: list[str]) -> list[str]:
    return [str(Path(name)) for name in names]


@given(paths, st.sampled_from(["\n", "\0", "\r\n"]), st.booleans())
def test_each_line_is_a_picture(names: list[str], end: str, ends: bool) -> None:
    text = end.join(names) + (end if ends or end == "\0" else "")
    for stream in (io.BytesIO(text.encode()), Slow(text.encode())):
        if end == "\0" and isinstance(stream, Slow) and "\0" not in text[:1]:
            continue  # which separator it is, is told by the first bytes
        items = list(lists.items_in(stream))
        assert [item.id for item in items] == plain(names)
        assert all(item.image == Path(item.id) and item.status == OK for item in items)


def test_names_with_line_ends_are_separated_by_nul() -> None:
    assert [item.id for item in lists.items_in(io.BytesIO(b"a\nb.png\0c.png"))] == ["a\nb.png", "c.png"]


def test_names_that_are_no_text() -> None:
    (item,) = lists.items_in(io.BytesIO(b"a\xff.png\n"))
    assert bytes(item.image) == b"a\xff.png"  # type: ignore[arg-type]


def test_a_line_without_end_is_no_path() -> None:
    garbage = b"x" * (10 * lists.LONGEST)
    items = list(lists.items_in(Slow(b"a.png\n" + garbage + b"\nb.png\n")))
    assert [item.status for item in items] == [OK, UNREADABLE, OK]
    assert "line 2" in items[1].id and "longer than any path" in str(items[1].problem) and len(items[1].id) < 200


def test_lines_are_taken_as_they_come() -> None:
    """A later line that cannot be read yet does not keep an earlier one back."""

    class Waiting(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise TimeoutError("nothing there yet")
            return super().read(8)

    items = lists.items_in(Waiting(b"a.png\nb.png\n"))
    assert next(items).id == "a.png"
    with pytest.raises(TimeoutError):
        next(items)
