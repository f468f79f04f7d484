"""mien predict on all kinds of places, and into all kinds of files: the same rows."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Mien
from onnx_models import bars
from PIL import Image

from mien.testing import example_bars

ADOPT = ("--classes", "left,middle,right", "--scaling", "0..255")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images, one that is none, in two folders."""
    folder = tmp_path_factory.mktemp("photos")
    images, _ = example_bars(20, seed=1)
    for row, image in enumerate(images):
        place = folder / ("a" if row < 10 else "b")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{row:03d}.png")
    (folder / "b" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def f(mien: Mien, tmp_path: Path) -> Path:
    """An adopted classifier."""
    assert mien("adopt", bars(tmp_path / "bars.onnx"), *ADOPT, "--out", tmp_path / "f").code == 0
    return tmp_path / "f"


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def named_within(found: list[dict[str, Any]], root: str) -> list[dict[str, Any]]:
    assert all(row["file"].startswith(root) for row in found)
    return [{**row, "file": row["file"].removeprefix(root).lstrip("/")} for row in found]


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))


def test_every_way_to_name_pictures_gives_the_same_rows(
    mien: Mien, f: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(pictures.glob("*/*"))
    archive, tar = tmp_path / "a.zip", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(archive, "w") as zipped, tarfile.open(tar, "w:gz") as tarred:
        for path in paths:
            zipped.write(path, path.relative_to(pictures))
            tarred.add(path, str(path.relative_to(pictures)))
    expected = named_within(rows(mien("predict", f, pictures).out), str(pictures))
    assert len(expected) == 21 and expected[-1]["status"] == "unreadable" and expected[-1]["file"] == "b/broken.png"
    for place, root in ((archive, archive), (tar, tar), (pictures / "**" / "*.png", pictures)):
        said = mien("predict", f, place)
        assert said.code == 0 and "1 of 21 pictures could not be read" in said.err
        assert named_within(rows(said.out), str(root)) == expected
    for end in ("\n", "\0"):
        type_in(monkeypatch, end.join(map(str, paths)).encode())
        if end == "\n":
            assert named_within(rows(mien("predict", f, "-", "--workers", 1).out), str(pictures)) == expected
        else:
            assert named_within(rows(mien("predict", "-", "--run", f).out), str(pictures)) == expected


def test_every_format_holds_the_same_rows(mien: Mien, f: Path, pictures: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    printed = mien("predict", f, pictures)
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        said = mien("predict", f, pictures, "--out", tmp_path / name)
        assert said.code == 0 and said.out == "" and said.err == printed.err
    assert (tmp_path / "a.jsonl").read_text() == printed.out
    assert (tmp_path / "a.csv").read_text() == mien("predict", f, pictures, "--csv").out
    as_csv = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    table = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    for row, in_csv, in_table in zip(rows(printed.out), as_csv, table, strict=True):
        assert in_csv["file"] == in_table["file"] == row["file"] and in_table["status"] == row["status"]
        assert (in_csv["label"] or None) == in_table["label"] == row.get("label")
        for name, share in row.get("probabilities", {}).items():
            assert in_table[name] == float(in_csv[name]) == share
    assert not list(tmp_path.glob(".*"))


def test_a_reader_of_parquet_is_needed_before_any_picture_is_read(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    mien("predict", "f", "x.png", "--out", tmp_path / "a.parquet").refused(1, "pyarrow", "mien[parquet]")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--out", "a.log"), ["a.log tells no format", "--format"]),
        (("--format", "parquet"), ["not printed", "--out"]),
        (("--csv", "--format", "jsonl"), ["contradict"]),
        (("--resume",), ["--resume", "is for a file", "--out"]),
        (("--fresh",), ["--fresh", "is for a file"]),
        (("--out", "a.csv", "--resume", "--fresh"), ["contradict"]),
        (("--out", "."), ["is a folder"]),
        (("--workers", "0"), ["--workers"]),
    ],
)
def test_flags_that_do_not_fit(mien: Mien, flags: tuple[str, ...], words: list[str]) -> None:
    mien("predict", "x.png", "--run", "f", *flags).refused(2, *words)


def test_bad_places(mien: Mien, f: Path, pictures: Path, tmp_path: Path) -> None:
    mien("predict", f).refused(2, "Missing argument 'FILES...'")
    mien("predict", f, tmp_path / "*.png").refused(1, "no file matches", "name a folder")
    mien("predict", f, "-", "-").refused(2, "named twice")
    mien("predict", f, pictures, "--out", pictures / "a.csv").refused(2, "lies inside the data")
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4")
    said = mien("predict", f, tmp_path / "cut.zip")
    assert said.code == 1 and rows(said.out)[0]["file"] == str(tmp_path / "cut.zip")
    assert "1 of 1 pictures could not be read" in said.err


def test_an_empty_list(mien: Mien, f: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"")
    said = mien("predict", f, "-", "--csv")
    assert said.code == 0 and said.out.startswith("file,status,label") and said.out.count("\n") == 1


def test_photographs_are_noted_once(mien: Mien, f: Path, pictures: Path, tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.zeros((480, 640), np.uint8)).save(tmp_path / f"{number}.png")
    said = mien("predict", f, *sorted(tmp_path.glob("*.png")))
    assert said.code == 0 and said.err.count("640 × 480") == 1 and "crops of faces" in said.err
    assert "crops of faces" not in mien("predict", f, pictures).err


def test_a_table_is_written_whole(mien: Mien, tmp_path: Path) -> None:
    """What a table of answers needs is tested beside mien correct; here, that files of tables have flags as well."""
    table = tmp_path / "answers.csv"
    table.write_text("id,p_a,p_b\n1,0.4,0.6\n")
    mien("predict", table, "--patch", "p", "--out", tmp_path / "a.csv", "--resume").refused(2, "--resume", "pictures")
    mien("predict", table, "--patch", "p", "--workers", "2").refused(2, "--workers", "for pictures")
