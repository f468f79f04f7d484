"""mien predict: a line for every picture, whatever it is."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien
from PIL import Image


def test_json_lines(mien: Mien, faces: Path, finished: Path) -> None:
    said = mien("predict", faces / "neutral", "--run", finished, "--left-out", "happiness")
    assert said.code == 0
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["file"] for row in rows] == sorted(str(path) for path in (faces / "neutral").iterdir())
    for row in rows:
        assert row["probabilities"]["happiness"] == 0 and sum(row["probabilities"].values()) == pytest.approx(
            1, abs=1e-4
        )
        assert row["label"] == max(row["probabilities"], key=row["probabilities"].get)
        assert row["overridden"] == (row["corrected"] != row["label"])


def test_csv(mien: Mien, faces: Path, finished: Path) -> None:
    as_json = mien("predict", faces / "neutral", "--run", finished).out.splitlines()
    rows = list(csv.DictReader(io.StringIO(mien("predict", faces / "neutral", "--run", finished, "--csv").out)))
    assert [row["label"] for row in rows] == [json.loads(line)["label"] for line in as_json]
    assert all(row["error"] == "" and row["overridden"] == "0" for row in rows)


def test_unreadable_pictures_have_a_line_of_their_own(mien: Mien, faces: Path, finished: Path, tmp_path: Path) -> None:
    good = next((faces / "fear").iterdir())
    (tmp_path / "text.png").write_text("no picture")
    said = mien("predict", tmp_path / "text.png", tmp_path / "gone.png", good, "--run", finished)
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0 and "2 of 3 pictures could not be read" in said.err
    assert "no known picture format" in rows[0]["error"] and "does not exist" in rows[1]["error"] and "label" in rows[2]
    assert mien("predict", tmp_path / "gone.png", "--run", finished, "--csv").code == 1


def test_a_picture_named_twice_is_labelled_once(mien: Mien, faces: Path, finished: Path) -> None:
    picture = next((faces / "fear").iterdir())
    said = mien("predict", picture, faces / "fear", picture, "--run", finished)
    assert said.code == 0 and said.out.count(str(picture)) == 1


def test_folders_are_walked_and_what_is_left_out_is_counted(
    mien: Mien, faces: Path, finished: Path, tmp_path: Path
) -> None:
    picture = next((faces / "fear").iterdir()).read_bytes()
    for name in ("a.png", "inner/deep/no extension", "inner/.hidden.png", "@eaDir/a.png", "inner/labels.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" if name.endswith("csv") else picture)
    for name in ("a.psd", "inner/b.psd", "inner/deep/c.jpg.psd"):
        (tmp_path / name).write_bytes(b"8BPS\0\1")
    said = mien("predict", tmp_path, "--run", finished)
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [Path(row["file"]).name for row in rows] == ["a.png", "no extension"] and said.code == 0
    assert "3 files of format Photoshop cannot be read here" in said.err and said.err.count("left out") == 1


def test_a_folder_of_pictures_that_cannot_be_read(mien: Mien, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"8BPS\0\1")
    mien("predict", tmp_path, "--run", finished).refused(1, "no picture in this folder", "1 file of format Photoshop")


def test_black_and_white_of_sixteen_bits_follow_from_the_call(
    mien: Mien, faces: Path, finished: Path, tmp_path: Path
) -> None:
    for path in sorted((faces / "fear").iterdir())[:3]:
        values = np.asarray(Image.open(path)).astype(np.uint16)
        Image.fromarray(values * 16).save(tmp_path / path.name)
    names = sorted(path.name for path in tmp_path.iterdir())
    deep = mien("predict", *(tmp_path / name for name in names), "--run", finished)
    plain = mien("predict", *(faces / "fear" / name for name in names), "--run", finished).out.splitlines()
    assert "4095 for white" in deep.err
    for one, other in zip(deep.out.splitlines(), plain, strict=True):
        shares = (json.loads(line)["probabilities"] for line in (one, other))
        assert next(shares) == pytest.approx(next(shares), abs=0.03)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--left-out", "happines"], ["--left-out", "did you mean 'happiness'"]),
        (["--left-out", "fear"], ["--left-out"]),
        (["--left-out", "happiness", "--corrector", "xgboost"], ["--corrector", "logistic"]),
        (["--corrector", "logistic"], ["--corrector", "--left-out as well"]),
        (["--seed", "3"], ["--seed"]),
    ],
)
def test_what_the_run_has_not(mien: Mien, faces: Path, finished: Path, flags: list[str], words: list[str]) -> None:
    mien("predict", faces / "fear", "--run", finished, *flags).refused(2, *words)


def test_no_run_and_no_picture(mien: Mien, faces: Path, finished: Path, tmp_path: Path) -> None:
    mien("predict", faces / "fear", "--run", tmp_path / "nowhere").refused(1, "no such folder")
    mien("predict", faces / "fear", "--run", faces).refused(1, "no run.json")
    mien("predict", faces / "fear", "--run", faces / "votes.csv").refused(1, "no such folder")
    mien("predict", tmp_path, "--run", finished).refused(1, "no picture in this folder")


@pytest.mark.parametrize("flag", [[], ["--csv"]])
def test_a_reader_that_leaves_is_no_fault(faces: Path, finished: Path, flag: list[str]) -> None:
    """As in `mien predict … | head -1`, with a reader that leaves at once."""
    command = [sys.executable, "-c", "from mien.cli import main; main()", "predict", str(faces / "fear")]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*command, "--run", finished, *flag], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
