"""mien export: reviewed labels for other tools, and as a folder that mien reads again."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mien.cli import run
from mien.data.prepare import DataSettings, prepare
from mien.errors import StorageError
from mien.web import FORMS
from mien.web.desk import Desk
from mien.web.export import export


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an audit of 120 drawn faces. Read it only."""
    folder = tmp_path_factory.mktemp("audits") / "faces"
    assert run(["audit", "faces:n=120,size=24", "--size", "24", "--epochs", "2", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def desk(audited: Path, tmp_path: Path) -> Desk:
    """Picture 0 was given another class, picture 1 cannot be said."""
    desk = Desk.open(Path(shutil.copytree(audited, tmp_path / "audit")))
    desk.review(0, other(desk), "tester")
    desk.review(1, "", "tester")
    return desk


def other(desk: Desk) -> str:
    names = desk.data.labelset.names
    return names[(desk.suspects.labels[0] + 1) % len(names)]


def test_a_corrected_folder_is_read_again_with_the_reviewers_labels(desk: Desk, tmp_path: Path) -> None:
    assert export(desk, "folder", tmp_path / "out") == 119
    again = prepare(DataSettings(str(tmp_path / "out"), size=24))
    assert len(again) == 119
    with (tmp_path / "out" / "labels.csv").open() as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    changed, silent = desk.data.ids[:2].tolist()
    assert table[changed]["label"] == other(desk) and table[changed]["reviewed"] == "reviewed"
    assert silent not in table
    assert all(row["label"] == row["given"] for key, row in table.items() if key != changed)
    about = json.loads((tmp_path / "out" / "corrected.json").read_text())
    assert about["labels that reviewers changed"] == 1 and about["left out"] == 1
    assert about["fingerprint"] != about["fingerprint of the original"]


def test_label_studio_gets_pictures_suggestions_and_reviews(desk: Desk, tmp_path: Path) -> None:
    assert export(desk, "label-studio", tmp_path / "tasks.json") == 120
    tasks = {task["data"]["id"]: task for task in json.loads((tmp_path / "tasks.json").read_text())}
    config = ElementTree.parse(tmp_path / "tasks.json.xml")
    choices = {choice.get("value") for choice in config.iter("Choice")}
    assert choices == set(desk.data.labelset.names)
    (image,), (named,) = config.iter("Image"), config.iter("Choices")
    for task in tasks.values():
        assert task["data"]["image"].startswith("data:image/png;base64,")
        (answer,) = task["predictions"][0]["result"]
        assert (answer["from_name"], answer["to_name"]) == (named.get("name"), image.get("name"))
        assert answer["value"]["choices"][0] in choices - {task["data"]["given"]}
    (said,) = tasks[str(desk.data.ids[0])]["annotations"]
    assert said["result"][0]["value"]["choices"] == [other(desk)]
    assert sum("annotations" in task for task in tasks.values()) == 1


def test_fiftyone_gets_its_layout(desk: Desk, tmp_path: Path) -> None:
    assert export(desk, "fiftyone", tmp_path / "out") == 119
    found = json.loads((tmp_path / "out" / "labels.json").read_text())
    files = {path.stem for path in (tmp_path / "out" / "data").iterdir()}
    assert files == set(found["labels"]) and len(files) == 119
    assert all(0 <= number < len(found["classes"]) for number in found["labels"].values())


def test_own_files_are_copied(tmp_path: Path) -> None:
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60", "--size", "24"]) == 0
    audit = ["audit", str(tmp_path / "faces"), "--size", "16", "--epochs", "1", "--out", str(tmp_path / "audit")]
    assert run(audit) == 0
    assert run(["export", str(tmp_path / "audit"), "--out", str(tmp_path / "out")]) == 0
    originals = {path.read_bytes() for path in (tmp_path / "faces").rglob("*.png")}
    copies = list((tmp_path / "out").rglob("*.png"))
    assert copies and all(path.read_bytes() in originals for path in copies)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_overwritten_or_left_half(desk: Desk, tmp_path: Path, form: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(StorageError, match="there already"):
        export(desk, form, tmp_path / "there")
    if os.geteuid():
        (tmp_path / "there").chmod(0o500)
        with pytest.raises(StorageError):
            export(desk, form, tmp_path / "there" / "out")
    assert not any((tmp_path / "there").iterdir())
