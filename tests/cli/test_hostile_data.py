"""Pictures, folders and labels as they come: what cannot be used is named, what can be is used."""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, Mien
from PIL import Image


def pictures(folder: Path, count: int, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    noise = np.random.default_rng(seed)
    for number in range(count):
        Image.fromarray(noise.integers(0, 255, (16, 16), dtype=np.uint8)).save(folder / f"{number}.png")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three classes of 14 pictures."""
    for seed, name in enumerate(("happy", "sad", "angry")):
        pictures(tmp_path / "data" / name, 14, seed)
    return tmp_path / "data"


def test_broken_files_are_named_and_left_out(mien: Mien, root: Path) -> None:
    folder = root / "happy"
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:150])
    (folder / "text.png").write_text("no picture")
    (folder / "huge.png").write_bytes(bomb(50_000, 50_000))
    (folder / "folder.png").mkdir()
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "up").symlink_to(root)
    os.mkfifo(folder / "pipe.png")
    said = mien("data", "inspect", root, "--size", "16", "--json")
    assert said.code == 0 and said.err == ""
    seen = json.loads(said.out)
    assert seen["classes"] == {"happiness": 14, "sadness": 14, "anger": 14}
    kinds = {problem["kind"]: problem["count"] for problem in seen["problems"]}
    assert kinds["not a picture"] == 4  # text, folder, device, pipe
    assert kinds["picture too large"] == kinds["empty file"] == 1


@pytest.mark.parametrize(
    "name", ["new\nline.png", "späß 表情.png", "<script>.png", "[red]x.png", "-n.png", "\udcff.png"]
)
def test_odd_file_names_are_used(mien: Mien, root: Path, name: str) -> None:
    (root / "sad" / "13.png").rename(root / "sad" / name)
    said = mien("data", "inspect", root, "--size", "16", "--json", "--out", root.parent / "page.html")
    assert said.code == 0, said.err
    assert json.loads(said.out)["classes"]["sadness"] == 14
    assert "<script>.png" not in (root.parent / "page.html").read_text()


def test_odd_class_names_are_shown_as_they_are(mien: Mien, tmp_path: Path) -> None:
    names = ["<script>alert(1)", "[red]a", "{{7*7}}", "-rf", "'; drop", "con"]
    for seed, name in enumerate(names):
        pictures(tmp_path / "data" / name, 12, seed)
    said = mien(
        "study", tmp_path / "data", *QUICK, "--size", "16", "--classes", "[red]a,{{7*7}}", "--out", tmp_path / "run"
    )
    assert said.code == 0, said.err
    assert "[red]a" in said.out and "{{7*7}}" in said.out
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<script>alert" not in page and "{{7*7}}" in page


@pytest.mark.parametrize("label", ["../../outside", "a/b", "two\nlines", "x" * 300])
def test_a_label_that_is_no_name_is_refused(mien: Mien, tmp_path: Path, label: str) -> None:
    pictures(tmp_path / "set" / "images", 40)
    (tmp_path / "set" / "data").mkdir()
    rows = "".join(f'u,{number}.png,"{label if number % 2 else "good"}"\n' for number in range(40))
    (tmp_path / "set" / "data" / "legend.csv").write_text("user.id,image,emotion\n" + rows)
    mien("study", tmp_path / "set", *QUICK, "--out", tmp_path / "run").refused(1, "class", "--names")


def test_votes_that_are_no_numbers(mien: Mien, root: Path) -> None:
    (root / "votes.csv").write_text("image,happy,sad,person\nhappy/0.png,nan,1,p\nhappy/1.png,²,1,p\nsad/0.png,3,7,q\n")
    said = mien("data", "inspect", root, "--size", "16")
    assert said.code == 0 and "2 × broken row" in said.out


@pytest.mark.parametrize(
    ("counts", "cause"),
    [
        ({}, "is an empty folder"),
        ({"happy": 12}, "all 12 pictures are of class happiness"),
        ({"happy": 12, "sad": 2}, "all 14 pictures are of class happiness or sadness"),
        ({"happy": 3, "sad": 2, "angry": 2}, "too few pictures to leave out"),
        ({"": 5}, "no class folders"),
        ({"1": 5, "2": 5}, "--names 1=surprise,2=fear"),
    ],
)
def test_too_little_to_study(mien: Mien, tmp_path: Path, counts: dict[str, int], cause: str) -> None:
    (tmp_path / "data").mkdir()
    for seed, (name, count) in enumerate(counts.items()):
        pictures(tmp_path / "data" / (name or "../data/."), count, seed) if name else _loose(tmp_path / "data", count)
    mien("study", tmp_path / "data", *QUICK, "--out", tmp_path / "run").refused(1, cause)


def _loose(folder: Path, count: int) -> None:
    for number in range(count):
        Image.new("L", (16, 16), number).save(folder / f"{number}.png")


def test_one_rare_class_is_no_obstacle(mien: Mien, root: Path, tmp_path: Path) -> None:
    pictures(root / "fear", 2, 9)
    said = mien("study", root, *QUICK, "--size", "16", "--out", tmp_path / "run")
    assert said.code == 0, said.err
    table, _, rest = said.out.rpartition("┘")
    assert "fear" not in table and "fear. A class needs 10 pictures" in rest
    mien("study", root, *QUICK, "--size", "16", "--classes", "fear", "--out", tmp_path / "two").refused(1, "fear")


def test_a_table_without_any_label(mien: Mien, tmp_path: Path) -> None:
    pictures(tmp_path / "set" / "images", 4)
    (tmp_path / "set" / "legend.csv").write_text("user.id,image,emotion\n" + "".join(f"u,{n}.png,\n" for n in range(4)))
    mien("study", tmp_path / "set", *QUICK, "--out", tmp_path / "run").refused(1, "no usable picture", "4 × unlabelled")


def test_a_picture_is_no_data_set(mien: Mien, root: Path) -> None:
    mien("study", root / "sad" / "0.png", *QUICK).refused(1, "unknown layout")
    mien("study", root.parent / "dada", *QUICK).refused(1, "no such file or folder", "did you mean")
