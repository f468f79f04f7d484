"""mien export: reviewed labels for other tools, and as a folder that mien reads again."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from mien.cli import run
from mien.data.prepare import DataSettings, prepare
from mien.data.review_files import read
from mien.data.reviewed import on_pictures
from mien.data.reviews import CANNOT_SAY, MACHINE, Review, append, merge_reviews
from mien.errors import StorageError, UsageError
from mien.labels import FORMS
from mien.labels.export import changed, export
from mien.labels.review_queue import ReviewQueue


@pytest.fixture
def queue(queue: ReviewQueue) -> ReviewQueue:
    """Picture 0 was given another class, picture 1 cannot be said."""
    queue.review(0, other(queue), "tester")
    queue.review(1, "", "tester")
    return queue


def other(queue: ReviewQueue) -> str:
    names = queue.data.labelset.names
    return names[(queue.suspects.labels[0] + 1) % len(names)]


def test_a_corrected_folder_is_read_again_with_the_reviewers_labels(queue: ReviewQueue, tmp_path: Path) -> None:
    assert export(queue, "folder", tmp_path / "out") == len(queue.data) - 1
    again = prepare(DataSettings(str(tmp_path / "out"), size=24))
    assert len(again) == len(queue.data) - 1
    with (tmp_path / "out" / "labels.csv").open() as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    changed, silent = queue.data.ids[:2].tolist()
    assert table[changed]["label"] == other(queue) and table[changed]["reviewed"] == "reviewed"
    assert silent not in table
    assert all(row["label"] == row["given"] for key, row in table.items() if key != changed)
    about = json.loads((tmp_path / "out" / "corrected.json").read_text())
    assert about["labels that reviewers changed"] == 1 and about["left out"] == 1
    assert about["fingerprint of the original"] == queue.data.fingerprint() != about["fingerprint of the labels"]


def test_label_studio_gets_pictures_suggestions_and_reviews(queue: ReviewQueue, tmp_path: Path) -> None:
    assert export(queue, "label-studio", tmp_path / "tasks.json") == len(queue.data)
    tasks = {task["data"]["mien_id"]: task for task in json.loads((tmp_path / "tasks.json").read_text())}
    config = ElementTree.parse(tmp_path / "tasks.json.xml")
    choices = {choice.get("value") for choice in config.iter("Choice")}
    assert choices == {*queue.data.labelset.names, CANNOT_SAY}
    (image,), (named,) = config.iter("Image"), config.iter("Choices")
    for task in tasks.values():
        assert task["data"]["image"].startswith("data:image/png;base64,")
        (answer,) = task["predictions"][0]["result"]
        assert (answer["from_name"], answer["to_name"]) == (named.get("name"), image.get("name"))
        row = queue.data.ids.tolist().index(task["data"]["mien_id"])
        assert answer["value"]["choices"] == [queue.data.labelset.names[queue.suspects.belief[row].argmax()]]
    (said,) = tasks[str(queue.data.ids[0])]["annotations"]
    assert said["result"][0]["value"]["choices"] == [other(queue)]
    (silent,) = tasks[str(queue.data.ids[1])]["annotations"]
    assert silent["result"][0]["value"]["choices"] == [CANNOT_SAY]
    assert sum("annotations" in task for task in tasks.values()) == 2
    assert all("id" not in task["data"] for task in tasks.values()), "JSON-MIN writes the task's number over it"


def test_fiftyone_gets_its_layout(queue: ReviewQueue, tmp_path: Path) -> None:
    assert export(queue, "fiftyone", tmp_path / "out") == len(queue.data) - 1
    found = json.loads((tmp_path / "out" / "labels.json").read_text())
    files = {path.stem for path in (tmp_path / "out" / "data").iterdir()}
    assert files == set(found["labels"]) and len(files) == len(queue.data) - 1
    assert all(0 <= number < len(found["classes"]) for number in found["labels"].values())


def test_own_files_are_copied(tmp_path: Path) -> None:
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60", "--size", "24"]) == 0
    audit = ["audit", str(tmp_path / "faces"), "--size", "16", "--epochs", "1", "--out", str(tmp_path / "audit")]
    assert run(audit) == 0
    assert run(["export", str(tmp_path / "audit"), "--out", str(tmp_path / "out")]) == 0
    originals = {path.read_bytes() for path in (tmp_path / "faces").rglob("*.png")}
    copies = list((tmp_path / "out").rglob("*.png"))
    assert copies and all(path.read_bytes() in originals for path in copies)


def test_persons_stay_together_when_the_folder_is_read_again(queue: ReviewQueue, tmp_path: Path) -> None:
    export(queue, "folder", tmp_path / "out")
    again = prepare(DataSettings(str(tmp_path / "out"), size=24))
    assert again.groups is not None and queue.data.groups is not None
    rows = [int(Path(key).name.split("-")[0]) for key in again.ids.tolist()]
    assert again.groups.tolist() == queue.data.groups[rows].astype(str).tolist()


def test_what_was_said_of_a_picture_goes_for_its_copy(tmp_path: Path) -> None:
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60", "--size", "24"]) == 0
    original = next((tmp_path / "faces").glob("happiness/*.png"))
    shutil.copy(original, original.with_name("copy.png"))
    audit = ["audit", str(tmp_path / "faces"), "--size", "24", "--epochs", "1", "--out", str(tmp_path / "audit")]
    assert run(audit) == 0
    queue = ReviewQueue.open(tmp_path / "audit")
    [row] = [row for row, key in enumerate(queue.data.ids.tolist()) if key.endswith(original.name)]
    queue.review(row, "fear", "tester")
    export(queue, "folder", tmp_path / "out")
    same = [
        path.parent.name for path in (tmp_path / "out").rglob("*.png") if path.read_bytes() == original.read_bytes()
    ]
    assert same == ["fear", "fear"]


def test_another_audit_goes_on_from_the_reviews_that_it_learnt_from(queue: ReviewQueue, tmp_path: Path) -> None:
    for row in range(2, 60):
        queue.review(row, queue.data.labelset.names[row % 3], "tester")
    command = ["audit", "synthetic:n=240,size=24", "--size", "24", "--epochs", "1", "--reviews", str(queue.log)]
    for _ in range(2):  # and does not say it twice
        assert run([*command, "--out", str(tmp_path / "again")]) == 0
    again = ReviewQueue.open(tmp_path / "again")
    assert again.entries == queue.entries and changed(again) == changed(queue) > 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("label", ["../elsewhere", "/tmp", "nothing"])
def test_labels_that_are_no_class_are_left_out_and_said(
    queue: ReviewQueue, tmp_path: Path, form: str, label: str
) -> None:
    before = changed(queue)
    append(queue.log, Review(str(queue.data.ids[3]), label, "stranger"))
    assert export(queue, form, tmp_path / "out") >= len(queue.data) - 1
    assert changed(queue) == before and any("unknown class" in note for note in queue.notes())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("form", FORMS)
def test_other_spellings_are_understood_and_suggestions_refused(queue: ReviewQueue, tmp_path: Path, form: str) -> None:
    append(queue.log, Review(str(queue.data.ids[3]), "Happy", "stranger"))
    assert export(queue, form, tmp_path / "out") > 100
    append(queue.log, Review(str(queue.data.ids[4]), "fear", MACHINE))
    with pytest.raises(UsageError, match="suggestions"):
        export(queue, form, tmp_path / "again")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_overwritten_or_left_half(queue: ReviewQueue, tmp_path: Path, form: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(StorageError, match="exists already"):
        export(queue, form, tmp_path / "there")
    assert not any((tmp_path / "there").iterdir())


def test_a_configuration_that_is_there_is_kept(queue: ReviewQueue, tmp_path: Path) -> None:
    (tmp_path / "tasks.json.xml").write_text("mine")
    with pytest.raises(StorageError, match="exists already"):
        export(queue, "label-studio", tmp_path / "tasks.json")
    assert (tmp_path / "tasks.json.xml").read_text() == "mine"


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
@pytest.mark.parametrize("form", FORMS)
def test_where_nothing_can_be_written(queue: ReviewQueue, tmp_path: Path, form: str) -> None:
    (tmp_path / "there").mkdir(mode=0o500)
    with pytest.raises(StorageError):
        export(queue, form, tmp_path / "there" / "out")


@pytest.mark.parametrize("form", ["label-studio", "fiftyone", "folder"])
def test_what_is_exported_comes_back_as_reviews(queue: ReviewQueue, tmp_path: Path, form: str) -> None:
    export(queue, form, tmp_path / "out")
    files = {"label-studio": "out", "fiftyone": "out/labels.json", "folder": "out/labels.csv"}
    found = on_pictures(read(tmp_path / files[form]), queue.data)
    words = merge_reviews(found.reviews)
    assert words[str(queue.data.ids[0])] == other(queue) and not found.problems
    assert len(words) == {"label-studio": 2, "fiftyone": len(queue.data) - 1, "folder": 1}[form]


def test_tasks_show_the_picture_of_the_file(tmp_path: Path) -> None:
    assert run(["data", "draw", str(tmp_path / "faces"), "--n", "60", "--size", "128", "--colour"]) == 0
    audit = ["audit", str(tmp_path / "faces"), "--size", "16", "--epochs", "1", "--out", str(tmp_path / "audit")]
    assert run(audit) == 0
    assert run(["export", str(tmp_path / "audit"), "--as", "label-studio", "--out", str(tmp_path / "t.json")]) == 0
    for task in json.loads((tmp_path / "t.json").read_text()):
        shown = Image.open(io.BytesIO(base64.b64decode(task["data"]["image"].partition(",")[2])))
        assert (shown.size, shown.mode) == ((128, 128), "RGB")
