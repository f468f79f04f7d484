"""Reviews of pictures that were deleted, added, moved or replaced after the audit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.cli import run
from mien.data.prepare import DataSettings, forget, prepare
from mien.data.reviews import GONE
from mien.errors import DataError
from mien.labels import FORMS
from mien.labels.review_queue import ReviewQueue

SMALL = ("--size", "24", "--epochs", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures and an audit of them. Read it only."""
    folder = tmp_path_factory.mktemp("changing")
    assert run(["data", "draw", str(folder / "faces"), "--n", "80", "--size", "32", "--colour"]) == 0
    assert run(["audit", str(folder / "faces"), *SMALL, "--out", str(folder / "audit")]) == 0
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of it, whose first four pictures are reviewed."""
    shutil.copytree(made, tmp_path / "x")
    about = tmp_path / "x" / "audit" / "audit.json"
    about.write_text(about.read_text().replace(str(made), str(tmp_path / "x")))
    queue = ReviewQueue.open(tmp_path / "x" / "audit")
    for row in range(4):
        queue.review(row, "fear" if row else "", "anna")
    return tmp_path / "x"


def opened(place: Path, source: str | None = None) -> ReviewQueue:
    """The queue as another process would open it."""
    forget()
    return ReviewQueue.open(place / "audit", source)


def mien(*arguments: object) -> int:
    forget()
    return run([str(argument) for argument in arguments])


def lines(place: Path) -> list[str]:
    return (place / "audit" / "reviews.jsonl").read_text().splitlines()


def test_one_picture_that_is_lost_or_unreadable_takes_its_own_review_alone(place: Path) -> None:
    before = opened(place)
    first, second = (Path(str(path)) for path in before.data.paths[:2])
    first.unlink()
    second.write_bytes(b"")
    after = opened(place)
    assert after.audit.gone == 2 and after.audit.new == 0
    assert after.data.ids.tolist() == before.data.ids[2:].tolist()
    assert list(after.reviews) == before.data.ids[2:4].tolist() and len(lines(place)) == 4
    assert np.allclose(after.suspects.belief, before.suspects.belief[2:])
    assert [problem.kind for problem in after.problems] == [GONE, GONE]
    notes = " ".join(after.notes())
    assert "2 of the audit's 80 pictures are gone" in notes and "delete" not in notes


def test_neighbours_stay_those_that_they_were(place: Path) -> None:
    before = opened(place)
    Path(str(before.data.paths[0])).unlink()
    after = opened(place)
    for row in range(len(after.data)):
        old = [before.data.ids[other] for other in before.suspects.neighbours[row + 1] if other >= 0]
        new = [after.data.ids[other] for other in after.suspects.neighbours[row] if other >= 0]
        assert new == [name for name in old if name != before.data.ids[0]]


def test_added_pictures_and_classes_do_no_harm(place: Path, tmp_path: Path) -> None:
    (place / "faces" / "bored").mkdir()
    Image.new("L", (32, 32), 9).save(place / "faces" / "bored" / "a.png")
    Image.new("L", (32, 32), 99).save(place / "faces" / "fear" / "aaa.png")
    queue = opened(place)
    assert queue.audit.gone == 0 and queue.audit.new == 2 and len(queue.reviews) == 4
    assert "bored" not in queue.data.labelset.names
    assert mien("export", str(place / "audit"), "--out", str(tmp_path / "out")) == 0


def test_moved_and_replaced_pictures(place: Path) -> None:
    queue = opened(place)
    paths = [Path(str(path)) for path in queue.data.paths[:2]]
    (place / "faces" / "bored").mkdir()
    paths[0].rename(place / "faces" / "bored" / paths[0].name)  # found again by what it shows
    Image.new("L", (32, 32), 3).save(paths[1])  # another picture
    after = opened(place)
    assert (after.audit.gone, after.audit.new) == (1, 1)
    assert after.data.ids[0] == queue.data.ids[0] and after.entry(0)["given"] == "bored"
    assert after.entry(0)["review"] == "" and after.data.ids[1] == queue.data.ids[2]


def test_pictures_elsewhere_are_found_with_data(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.move(place / "faces", place / "moved")
    for verb in ("review", "export"):
        more = ("--out", str(place / "out")) if verb == "export" else ()
        assert mien(verb, str(place / "audit"), *more) == 1
        assert "--data" in capsys.readouterr().err
    with pytest.raises(DataError, match="--data"):
        opened(place)
    assert mien("export", str(place / "audit"), "--data", str(place / "moved"), "--out", str(place / "out")) == 0
    assert "gone" not in capsys.readouterr().err
    assert len(opened(place, str(place / "moved")).reviews) == 4


@pytest.mark.parametrize("form", FORMS)
def test_exports_are_of_the_pictures_that_are_there(
    place: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(str(opened(place).data.paths[1])).unlink()
    assert mien("export", str(place / "audit"), "--as", form, "--out", str(tmp_path / "out")) == 0
    said = capsys.readouterr()
    assert "1 of the audit's 80 pictures are gone" in said.err
    assert said.out.startswith(f"{tmp_path / 'out'}: {79 if form == 'label-studio' else 78} pictures")


def test_an_audit_without_hashes_goes_by_ids(place: Path) -> None:
    arrays = dict(np.load(place / "audit" / "audit.npz"))
    for name in ("hashes", "classes"):
        del arrays[name]
    np.savez(place / "audit" / "audit.npz", **arrays)
    Path(str(opened(place).data.paths[0])).unlink()
    queue = opened(place)
    assert queue.audit.gone == 1 and len(queue.reviews) == 3


def test_verbs_go_on_without_the_reviews_of_pictures_that_are_gone(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = opened(place)
    Path(str(queue.data.paths[1])).unlink()
    settings = DataSettings(str(place / "faces"), size=24, reviews=str(queue.log))
    forget()
    fear = prepare(settings)
    assert {str(name) for name in queue.data.ids[2:4]} <= {str(name) for name in fear.ids[fear.labels == 1]}
    capsys.readouterr()
    assert mien("data", "inspect", str(place / "faces"), "--size", "24", "--reviews", str(queue.log)) == 0
    assert GONE in capsys.readouterr().out
    base = ("--size", "24", "--epochs", "1", "--base", "oneconv")
    train = ["train", str(place / "faces"), *base, "--reviews", str(queue.log), "--out", str(place / "base")]
    assert mien(*train) == 0 and f"note: 1 × {GONE}" in capsys.readouterr().err


def test_another_audit_keeps_the_reviews_that_it_cannot_use(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = opened(place)
    for row in range(4, 60):
        queue.review(row, ("fear", "anger")[row % 2], "anna")
    Path(str(queue.data.paths[1])).unlink()
    log, again = str(queue.log), str(place / "again")
    for _ in range(2):  # the second time, there is nothing more to write
        assert mien("audit", str(place / "faces"), *SMALL, "--reviews", log, "--out", again) == 0
        assert f"note: 1 × {GONE}" in capsys.readouterr().err
        written = [json.loads(line) for line in (place / "again" / "reviews.jsonl").read_text().splitlines()]
        assert sorted(one["id"] for one in written) == sorted(queue.data.ids[:60].tolist())
