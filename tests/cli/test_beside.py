"""mien report --beside: what reviews were worth, class by class."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, Mien

from mien.cli import run
from mien.data.prepare import DataSettings, prepare


@pytest.fixture(scope="module")
def reviewed(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a study with a tenth of the labels reviewed. Read it only."""
    folder = tmp_path_factory.mktemp("runs")
    data = prepare(DataSettings(str(faces), size=32))
    lines = [f"{name},{'fear' if number % 2 else 'sadness'}" for number, name in enumerate(data.ids[::10])]
    (folder / "reviews.csv").write_text("id,label\n" + "\n".join(lines))
    flags = ["--classes", "happiness", "--reviews", str(folder / "reviews.csv")]
    assert run(["study", str(faces), *QUICK, *flags, "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_recall_before_and_after_on_the_same_pictures(
    mien: Mien, reviewed: Path, finished: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(reviewed, tmp_path / "run"))
    assert "Beside another run" not in (folder / "report.html").read_text()
    assert mien("report", folder, "--beside", finished).code == 0
    assert "Beside another run" in (folder / "report.html").read_text()
    with (folder / "tables" / "beside.csv").open() as file:
        table = {row["label"]: row for row in csv.DictReader(file)}
    classes = json.loads((folder / "run.json").read_text())["classes"]
    assert list(table) == ["all", *classes]
    for key in ("total", "before_hits", "after_hits"):
        assert int(table["all"][key]) == sum(int(table[name][key]) for name in classes)
    for row in table.values():
        assert int(row["after_hits"]) - int(row["before_hits"]) == int(row["repaired"]) - int(row["harmed"])
    ids = [set(np.load(one / "cells/seed0/full/test.npz")["ids"].tolist()) for one in (folder, finished)]
    assert int(table["all"]["total"]) == len(ids[0] & ids[1]) > 10


def test_a_run_beside_itself_changes_nothing(mien: Mien, finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    assert mien("report", folder, "--beside", folder).code == 0
    with (folder / "tables" / "beside.csv").open() as file:
        assert all(row["harmed"] == row["repaired"] == "0" for row in csv.DictReader(file))


def test_what_cannot_be_compared_is_said(mien: Mien, finished: Path, tmp_path: Path) -> None:
    mien("report", finished, "--beside", tmp_path / "gone").refused(1, "gone")
    other = Path(shutil.copytree(finished, tmp_path / "other"))
    shutil.rmtree(other / "cells" / "seed0" / "full")
    mien("report", finished, "--beside", other).refused(1, "full network")
    manifest = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**manifest, "seeds": [7]}))
    mien("report", finished, "--beside", other).refused(2, "--beside")
