"""Rows beside a file that is not finished: cut back to whole batches after any stop, refused for another call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.deploy.decisions.rows import Columns
from mien.deploy.decisions.unfinished import Unfinished
from mien.errors import RunError, UsageError

COLUMNS, ABOUT, STEP = Columns(("joy", "fear")), {"classifier": "f", "patch": ""}, 4
ROWS: list[dict[str, Any]] = [{"file": f"ä{row}.png", "status": "ok", "label": "joy"} for row in range(10)]


def begun(out: Path) -> Unfinished:
    unfinished = Unfinished(out, COLUMNS)
    unfinished.begin(ABOUT)
    return unfinished


def continued(out: Path, **about: str) -> Unfinished:
    unfinished = Unfinished(out, COLUMNS)
    unfinished.resume({**ABOUT, **about}, STEP)
    return unfinished


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    unfinished = begun(out)
    unfinished.append(ROWS[:4])
    unfinished.append(ROWS[4:])
    assert not out.exists() and list(unfinished.rows()) == ROWS
    unfinished.finish("jsonl")
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@given(st.data())
def test_a_file_cut_anywhere_is_continued(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    out = tmp_path_factory.mktemp("cut") / "a.jsonl"
    unfinished = begun(out)
    unfinished.append(ROWS)
    whole = unfinished.path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    unfinished.path.write_bytes(whole[:cut])
    lines = max(whole[:cut].count(b"\n") - 1, 0)
    again = continued(out)
    assert again.kept == lines - lines % STEP and list(again.rows()) == ROWS[: again.kept]
    again.append(ROWS[again.kept :])
    assert again.path.read_bytes() == whole


def test_rows_that_are_there_are_not_overwritten(tmp_path: Path) -> None:
    begun(tmp_path / "a.jsonl").append(ROWS)
    with pytest.raises(UsageError, match=r"(?s)left its rows in \.a\.jsonl\.partial.*--resume.*--fresh"):
        begun(tmp_path / "a.jsonl")
    unfinished = Unfinished(tmp_path / "a.jsonl", COLUMNS)
    unfinished.begin(ABOUT, fresh=True)
    assert list(unfinished.rows()) == []


@pytest.mark.parametrize("name", list(ABOUT))
def test_rows_of_another_call_are_refused_and_kept(tmp_path: Path, name: str) -> None:
    unfinished = begun(tmp_path / "a.jsonl")
    unfinished.append(ROWS)
    before = unfinished.path.read_bytes()
    with pytest.raises(RunError, match=f"with other {name}"):
        continued(tmp_path / "a.jsonl", **{name: "else"})
    assert unfinished.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no header\n", b"[1]\n", b'{"form": 99}\n'])
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".a.jsonl.partial"
    path.write_bytes(content)
    with pytest.raises(RunError):
        continued(tmp_path / "a.jsonl")
    assert path.read_bytes() == content


def test_a_damaged_row_is_an_error(tmp_path: Path) -> None:
    unfinished = begun(tmp_path / "a.jsonl")
    unfinished.append(ROWS)
    unfinished.path.write_bytes(unfinished.path.read_bytes().replace(b'"label"', bytes(7), 1))
    with pytest.raises(RunError, match=r"(?s)corrupt.*--fresh"):
        list(continued(tmp_path / "a.jsonl").rows())


def test_nothing_to_continue_is_a_beginning(tmp_path: Path) -> None:
    assert continued(tmp_path / "a.csv").kept == 0
    unfinished = continued(tmp_path / "a.csv")
    unfinished.append(ROWS[:1])
    unfinished.finish("csv")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("file,status,label,")
