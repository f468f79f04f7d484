"""mien predict --explain: a heat map for each overridden picture, and its file in the row."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien
from onnx_models import CLASSES, bars
from PIL import Image

import mien as library
from mien.classifiers.adopted import open_model
from mien.deploy.decisions.unfinished import Unfinished
from mien.testing import example_bars

ADOPT = ("--classes", ",".join(CLASSES[:2]), "--scaling", "0..255")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a patch that adds a class, and pictures, in one folder."""
    folder = tmp_path_factory.mktemp("explained")
    images, labels = example_bars(200)
    classifier = open_model(str(bars(folder / "bars.onnx", classes=2)), classes=CLASSES[:2], scaling="0..255")
    corrected = library.CorrectedClassifier(
        classifier, classes=["right"], corrector="logistic", budget=0.3, aim="gain", assume_unseen=True
    )
    corrected.fit(images[:150], np.array(CLASSES)[labels[:150]]).save(folder / "right.patch")
    (folder / "photos").mkdir()
    for row in range(150, 200):
        Image.fromarray(images[row]).save(folder / "photos" / f"{row}.png")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def f(mien: Mien, place: Path, tmp_path: Path) -> Path:
    assert mien("adopt", place / "bars.onnx", *ADOPT, "--out", tmp_path / "f").code == 0
    return tmp_path / "f"


def test_overridden_pictures_have_a_file_and_others_none(mien: Mien, f: Path, place: Path, tmp_path: Path) -> None:
    command = ("predict", f, place / "photos", "--patch", place / "right.patch")
    said = mien(*command, "--explain", tmp_path / "why")
    rows = [json.loads(line) for line in said.out.splitlines()]
    overridden = [row for row in rows if row.get("overridden")]
    assert said.code == 0 and len(rows) == 51 and len(overridden) > 5
    assert {row["explanation"] for row in overridden} == {str(path) for path in (tmp_path / "why").iterdir()}
    assert all(row["explanation"] is None for row in rows if not row.get("overridden"))
    with Image.open(overridden[0]["explanation"]) as image:
        assert image.size == (256, 256)
    table = csv.DictReader(io.StringIO(mien(*command, "--explain", tmp_path / "why", "--csv").out))
    assert [row["explanation"] for row in table] == [row["explanation"] or "" for row in rows]
    assert "explanation" not in mien(*command).out


def test_a_file_of_rows_has_the_column(mien: Mien, f: Path, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    command = ("predict", f, place / "photos", "--patch", place / "right.patch", "--out", out)
    assert mien(*command, "--explain", tmp_path / "why").code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert sum(row["explanation"] != "" for row in rows) == len(list((tmp_path / "why").iterdir())) > 5


def test_rows_without_the_column_are_not_continued_with_it(
    mien: Mien, f: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("predict", f, place / "photos", "--patch", place / "right.patch", "--out", tmp_path / "rows.jsonl")
    with monkeypatch.context() as stopped:
        stopped.setattr(Unfinished, "finish", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mien(*command).code != 0
    mien(*command, "--explain", tmp_path / "why", "--resume").refused(1, "other settings", "--fresh")
    assert mien(*command, "--resume").code == 0


def test_what_explains_nothing_is_refused(mien: Mien, f: Path, place: Path, tmp_path: Path) -> None:
    mien("predict", f, place / "photos", "--explain", tmp_path / "why").refused(2, "--explain", "nothing overrides")
    command = ("predict", f, place / "photos", "--patch", place / "right.patch", "--explain")
    mien(*command, place / "photos" / "why").refused(2, "--explain", "inside the data")
    (tmp_path / "note").write_text("kept")
    mien(*command, tmp_path / "note").refused(2, "--explain", "is a file")
    (tmp_path / "answers.csv").write_text("id,left,middle\n1,0.5,0.5\n")
    said = mien("predict", tmp_path / "answers.csv", "--patch", place / "right.patch", "--explain", tmp_path / "why")
    said.refused(2, "--explain", "is for pictures")
