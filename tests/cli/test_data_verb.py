"""mien data: what it prints, writes and refuses."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien
from PIL import Image

from mien.cli import run


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirty pictures of two classes in two parts, one file broken."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "<b>faces[red]"
    noise = np.random.default_rng(0)
    for number in range(60):
        folder = root / ("train" if number % 2 else "test") / ("happy" if number % 3 else "fear")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 255, (12, 10 + number % 2), dtype=np.uint8)).save(folder / f"{number}.png")
    (root / "train" / "fear" / "broken.png").write_text("nothing")
    return root


def test_inspect_prints_a_table(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(pictures), "--size", "16"]) == 0
    printed = capsys.readouterr().out
    assert "60 usable of 61 rows" in printed
    assert re.search(r"happiness\W+40\W+66.7 %", printed)
    assert "1 × not a picture" in printed and "2 different" in printed


def test_inspect_as_json(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(pictures), "--size", "16", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["classes"] == {"fear": 20, "happiness": 40}
    assert sum(sum(part.values()) for part in seen["parts"].values()) == 60
    assert seen["sources"]["train"]["fear"] + seen["sources"]["test"]["fear"] == 20
    assert seen["problems"][0]["kind"] == "not a picture"


def test_inspect_writes_a_page_that_needs_nothing_else(pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "out" / "page.html"
    assert run(["data", "inspect", str(pictures), "--size", "16", "--out", str(page)]) == 0
    html = page.read_text()
    assert "&lt;b&gt;faces" in html and "<b>faces" not in html
    assert not re.search(r"(src|href)=.?(https?:)?//", html)
    assert "data:image/png;base64," in html and "not a picture" in html


def test_strict_refuses_problems(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(pictures), "--strict"]) == 1
    said = capsys.readouterr().err
    assert "1 × not a picture" in said and "Traceback" not in said


@pytest.mark.parametrize(
    "flag", [["--format", "folder"], ["--names", "x"], ["--resize-mode", "bend"], ["--class-counts", "fear"]]
)
def test_bad_flags_are_bad_usage(pictures: Path, flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(pictures), *flag]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_such_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", "nowhere/at/all"]) == 1
    assert "no such file or folder" in capsys.readouterr().err


def test_drawn_faces_can_be_written_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60", "--size", "32"]) == 0
    capsys.readouterr()
    assert run(["data", "inspect", str(tmp_path / "faces"), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["rows"] == 60 and seen["people"]["count"] > 5


def test_problems_of_the_data_are_told_by_verbs_that_use_them(mien: Mien, faces: Path, tmp_path: Path) -> None:
    data = shutil.copytree(faces, tmp_path / "data")
    table = (data / "votes.csv").read_text().splitlines()
    (data / "votes.csv").write_text("\n".join([*table, table[1].replace("face-", "gone-")]))
    quick = ("--epochs", "1", "--size", "16", "--base", "oneconv")
    for verb in ("train", "audit"):
        said = mien(verb, data, *quick, "--out", tmp_path / verb)
        assert said.code == 0 and "1 × row without a picture" in said.err and "mien data inspect" in said.err


def test_each_source_has_a_colour_of_its_own(tmp_path: Path) -> None:
    for number in range(11):
        for label in ("fear", "anger"):
            folder = tmp_path / "faces" / f"camera {number}" / label
            folder.mkdir(parents=True)
            shade = 20 * number + 10 * (label == "fear")
            Image.fromarray(np.full((12, 12), shade, np.uint8)).save(folder / f"{label}.png")
    page, flags = tmp_path / "page.html", ["--size", "16", "--subfolders", "source"]
    assert run(["data", "inspect", str(tmp_path / "faces"), *flags, "--out", str(page)]) == 0
    table = page.read_text().partition("per class and source")[2].partition("</figure>")[0]
    colours = re.findall(r"--hue-(\d)", table.partition("</tr>\n<tr>")[0])
    assert "4 others" in table and len(colours) == len(set(colours)) == 8
