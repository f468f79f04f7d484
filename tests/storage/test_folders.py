"""Folders that appear whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.storage.folders import appearing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_at_the_end_in_place_of_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "a"
    for text in ("first", "second"):
        with appearing(place) as folder:
            (folder / "file").write_text(text)
            assert not (place / "file").exists() or (place / "file").read_text() == "first"
        assert (place / "file").read_text() == text and names(place.parent) == ["a"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    with appearing(tmp_path / "a") as folder:
        (folder / "file").write_text("whole")
    with pytest.raises(ValueError, match="half-way"), appearing(tmp_path / "a") as folder:
        (folder / "file").write_text("half")
        raise ValueError("half-way")
    assert (tmp_path / "a" / "file").read_text() == "whole" and names(tmp_path) == ["a"]


def test_killed_between_the_two_names(tmp_path: Path) -> None:
    (tmp_path / ".a.old").mkdir()
    (tmp_path / ".a.old" / "file").write_text("older")
    with pytest.raises(ValueError, match="again"), appearing(tmp_path / "a"):
        assert (tmp_path / "a" / "file").read_text() == "older"
        raise ValueError("again")
    assert names(tmp_path) == ["a"]


def test_another_process_that_was_first_stays(tmp_path: Path) -> None:
    with appearing(tmp_path / "a", unless=lambda: (tmp_path / "a").exists()) as folder:
        (folder / "file").write_text("late")
        (tmp_path / "a").mkdir()
    assert names(tmp_path / "a") == [] and names(tmp_path) == ["a"]


def test_what_killed_processes_left_goes_in_time(tmp_path: Path) -> None:
    for name in (".a.1-abcdef.new", ".b.1-abcdef.new", ".b.2-abcdef.new", ".mine.new"):
        (tmp_path / name).mkdir()
        if "b.1" in name or "mine" in name:
            os.utime(tmp_path / name, (0, 0))
    with appearing(tmp_path / "a", stale=0):
        pass
    assert names(tmp_path) == [".b.2-abcdef.new", ".mine.new", "a"]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").write_text("kept")
    (tmp_path / "a").symlink_to(tmp_path / "target")
    with appearing(tmp_path / "a"):
        pass
    assert not (tmp_path / "a").is_symlink() and (tmp_path / "target" / "file").read_text() == "kept"
