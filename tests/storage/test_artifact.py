"""The header of what mien writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.errors import RunError
from mien.storage.artifact import Artifact

CAKE = Artifact("cake", "cake.json", 2, "mien bake")


def test_it_is_read_back_with_its_header(tmp_path: Path) -> None:
    CAKE.write(tmp_path, {"id": "abc", "layers": 3, "format": 1})
    assert dict(CAKE.read(tmp_path)) == {"format": 2, "kind": "cake", "id": "abc", "layers": 3}
    assert (tmp_path / CAKE.file).exists()


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"format": 3}, "newer mien"),
        ({"format": "2"}, "no file of a cake"),
        ({"format": 0}, "no file of a cake"),
        ({"layers": 3}, "no file of a cake"),
        ([1], "no file of a cake"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, stored: object, said: str) -> None:
    (tmp_path / "cake.json").write_text(json.dumps(stored))
    with pytest.raises(RunError, match=said):
        CAKE.read(tmp_path)


def test_earlier_formats_and_files_from_before_headers(tmp_path: Path) -> None:
    (tmp_path / "cake.json").write_text('{"format": 1, "layers": 3}')
    assert CAKE.read(tmp_path)["layers"] == 3
    (tmp_path / "cake.json").write_text('{"layers": 3}')
    assert Artifact("cake", "cake.json", 2, "mien bake", headless=True).read(tmp_path)["format"] == 1


def test_a_folder_without_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunError, match="mien bake"):
            CAKE.read(folder)
