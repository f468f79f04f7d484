"""Files, folders and globs."""

from __future__ import annotations

from pathlib import Path

import pytest
from packed import as_folder, as_zip, png

from mien.errors import DataError
from mien.incoming import files
from mien.types import Problem

CONTENT = {"a.png": png(), "b/c.png": png(), "b/d/e.jpg": png(), "b/notes.txt": b"x", "b/.f.png": png()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return as_folder(tmp_path / "photos", CONTENT)


def listed(*places: Path) -> list[Path]:
    return list(files.each_path(places, lambda problem: pytest.fail(str(problem))))


def test_folders_are_entered_and_pictures_are_there_once(folder: Path) -> None:
    assert listed(folder) == [folder / "a.png", folder / "b/c.png", folder / "b/d/e.jpg"]
    assert listed(folder / "b/c.png", folder, folder) == [folder / "b/c.png", folder / "a.png", folder / "b/d/e.jpg"]


def test_it_is_lazy(folder: Path) -> None:
    paths = files.each_path([folder, folder / "none"], print)
    assert next(paths) == folder / "a.png"


def test_a_folder_without_pictures(folder: Path) -> None:
    problems: list[Problem] = []
    (folder / "b/d/e.jpg").unlink()
    with pytest.raises(DataError, match="no picture in this folder"):
        listed(folder / "b/d")
    (folder / "b/d/e.psd").write_bytes(b"8BPS\0\1")
    with pytest.raises(DataError, match="1 file of format Photoshop"):
        list(files.each_path([folder / "b/d"], problems.append))
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.png", ["a.png"]),
        ("**/*.png", ["a.png", "b/c.png"]),
        ("*", ["a.png", "b"]),
        ("b/*", ["b/c.png", "b/d"]),
        ("**/[de].*", ["b/d/e.jpg"]),
        ("?.png", ["a.png"]),
    ],
)
def test_globs(folder: Path, pattern: str, names: list[str]) -> None:
    assert files.is_glob(folder / pattern)
    assert files.matching(folder / pattern) == [folder / name for name in names]


def test_globs_name_archives_too_and_leave_junk_out(folder: Path) -> None:
    as_zip(folder / "more.zip", {"a.png": png()})
    as_folder(folder, {"__MACOSX/a.png": png()})
    assert files.matching(folder / "*") == [folder / name for name in ("a.png", "b", "more.zip")]
    assert files.matching(folder / "**" / "a.png") == [folder / "a.png"]


def test_a_file_with_such_a_name_is_no_glob(folder: Path) -> None:
    (folder / "a[1].png").write_bytes(png())
    assert not files.is_glob(folder / "a[1].png") and files.is_glob(folder / "a[2].png")


def test_nothing_matches(folder: Path) -> None:
    with pytest.raises(DataError, match="no file matches"):
        files.matching(folder / "*.gif")
    with pytest.raises(DataError, match="none is a picture"):
        files.matching(folder / "b/*.txt")
