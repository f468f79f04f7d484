"""mien discover --for: which pictures to label next for a class that hardly has any."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK_PATCH as QUICK
from conftest import Mien

from mien.data.prepare import DataSettings, prepare
from mien.metrics.ranking import auroc

NAMES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")


@pytest.fixture(scope="session")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other drawn faces as class folders: their labels are hidden."""
    from mien.cli import run

    folder = tmp_path_factory.mktemp("drawn") / "more"
    assert run(["data", "draw", str(folder), "--n", "200", "--size", "32", "--seed", "5"]) == 0
    return folder


@pytest.fixture
def few(faces: Path, tmp_path: Path) -> Path:
    """Labelled pictures with five of class disgust."""
    folder = Path(shutil.copytree(faces, tmp_path / "few"))
    for picture in sorted((folder / "disgust").glob("*.png"))[5:]:
        picture.unlink()
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write into the working folder."""
    monkeypatch.chdir(tmp_path)


def ranked(folder: str = "found") -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(Path(folder, "found.json").read_text())["pictures"]
    return rows


def listed(folder: str = "found") -> list[dict[str, str]]:
    with Path(folder, "label.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def fill_in(folder: str, rows: list[dict[str, str]]) -> None:
    with Path(folder, "label.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def labelled_truly(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with the classes that the folders name."""
    return [{**row, "label": Path(row["image"]).parent.name} for row in rows]


def test_pictures_are_ranked_and_labels_do_not_leak(
    mien: Mien, trained: Path, few: Path, more: Path, tmp_path: Path
) -> None:
    said = mien("discover", trained, more, "--for", "happy", "--labelled", few, "--most", "30")
    assert said.code == 0, said.err
    total = len(list(more.rglob("*.png")))
    assert f"happiness: the first 30 of {total} pictures are to be labelled, ranked by" in said.out
    rows, table = ranked(), listed()
    assert [row["image"] for row in table] == [row["file"] for row in rows[:30]] and len(rows) == total
    assert [row["rank"] for row in table] == [str(rank) for rank in range(1, 31)] and not any(
        row["label"] for row in table
    )
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    assert all(row["cluster"] == -1 for row in rows)
    is_happy = np.array([Path(str(row["file"])).parent.name == "happiness" for row in rows])
    assert auroc(np.array([row["score"] for row in rows]), is_happy) > 0.5
    page = Path("found/index.html").read_text()
    assert page.count("<h3>") == 2 and "21 to 30" in page and "<script" not in page and "found:happiness" in page

    mixed = tmp_path / "mixed"  # the same pictures under names that mean nothing
    mixed.mkdir()
    for number, row in enumerate(rows):
        shutil.copy(str(row["file"]), mixed / f"{(number * 37) % total:04}.png")
    assert mien("discover", trained, mixed, "--for", "happiness", "--labelled", few, "--out", "again").code == 0
    assert np.allclose([row["score"] for row in ranked("again")], [row["score"] for row in rows], atol=1e-6)


def test_a_filled_table_is_read_by_the_next_call_and_by_correct(
    mien: Mien, trained: Path, faces: Path, few: Path, more: Path
) -> None:
    order = ("discover", trained, more, "--for", "disgust", "--labelled", few)
    assert mien(*order, "--most", "40").code == 0
    rows = labelled_truly(listed())
    rows[-1]["label"] = ""
    mien(*order, "--labelled", "found", "--out", "next").refused(2, "label.csv", "no label yet")
    mien("correct", trained, faces, "--class", "disgust", "--found", "found:disgust", *QUICK).refused(
        2, "labelled disgust"
    )
    mien("correct", trained, faces, "--class", "disgust", "--found", "found:0", *QUICK).refused(2, "label them")
    fill_in("found", rows)
    said = mien(*order, "--labelled", "found", "--out", "next")
    hits = sum(row["label"] == "disgust" for row in rows)
    assert said.code == 0 and f"ranked by {5 + hits} labelled pictures" in said.out and hits
    assert "39 pictures have a label already" in said.out
    files = {row["file"] for row in ranked("next")}
    assert rows[-1]["image"] in files and not files & {row["image"] for row in rows[:-1]}
    mien(*order).refused(2, "39 new labels", "--labelled found")
    assert mien(*order, "--labelled", "found", "--out", "next").code == 0  # the table has no new label
    table = listed("next")
    assert {row["image"]: row["label"] for row in table if not row["rank"]} == {
        row["image"]: row["label"] for row in rows if row["label"]
    }
    table[0]["label"] = "disgust"
    fill_in("next", table)
    said = mien(*order, "--labelled", "next", "--out", "last")
    assert f"ranked by {5 + hits + 1} labelled pictures" in said.out
    assert mien("correct", trained, faces, "--class", "disgust", "--found", "found:disgust", *QUICK).code == 0
    said = mien("correct", trained, faces, "--class", "fear", "--found", "found:disgust", *QUICK, "--out", "p")
    said.refused(2, "--found", "found:fear")


def test_few_of_many_labelled_pictures_are_tried_out(mien: Mien, trained: Path, faces: Path, more: Path) -> None:
    order = ("discover", trained, more, faces, "--for", "fear", "--labelled", faces)
    assert mien(*order).code == 0
    beside = [row for row in ranked() if Path(str(row["file"])).parents[1] != more]
    assert len(beside) <= 4  # copies with labels that differ have no label
    said = mien(*order, "--have", "2", "--out", "two")
    hidden = int((prepare(DataSettings(str(faces), size=32)).labels == NAMES.index("fear")).sum()) - 2
    assert said.code == 0 and "ranked by 2 labelled pictures" in said.out
    assert len(ranked("two")) == len(ranked()) + hidden
    assert mien(*order, "--have", "2", "--draw", "1", "--out", "other").code == 0
    assert {row["file"] for row in ranked("two")} != {row["file"] for row in ranked("other")}
    mien(*order, "--have", "500", "--out", "most").refused(2, "--have", "labelled fear")


def test_a_class_that_the_classifier_lacks(mien: Mien, trained: Path, faces: Path, more: Path, tmp_path: Path) -> None:
    """Only pictures of the class are labelled: the others count as other classes."""
    table = tmp_path / "mine" / "label.csv"
    table.parent.mkdir()
    fear = sorted((faces / "fear").glob("*.png"))[:4]
    table.write_text("image;label\n" + "".join(f"{path};Terror\n" for path in fear))
    said = mien("discover", trained, more, "--for", "terror", "--labelled", table.parent)
    assert (
        said.code == 0 and "terror: the first 100" in said.out and "4 labelled pictures of the class and 0" in said.out
    )


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--labelled", "FACES"], 2, ["--labelled", "add --for"]),
        (["--most", "5"], 2, ["--most", "add --for"]),
        (["--for", "fear"], 2, ["--for", "--labelled"]),
        (["--for", "fear", "--labelled", "FACES", "--clusters", "3"], 2, ["--clusters"]),
        (["--for", "feer", "--labelled", "FACES"], 2, ["--for", "did you mean 'fear'"]),
        (["--for", "contempt", "--labelled", "FACES"], 2, ["contempt"]),
        (["--for", "fear", "--labelled", "nowhere"], 1, ["nowhere"]),
        (["--for", "fear", "--labelled", "FACES", "--have", "0"], 2, ["--have"]),
        (["--for", "fear", "--labelled", "FACES", "--features", "FACES"], 2, ["--features", "mien adopt"]),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(
    mien: Mien, trained: Path, faces: Path, more: Path, flags: list[str], code: int, words: list[str]
) -> None:
    given = [str(faces) if flag == "FACES" else flag for flag in flags]
    mien("discover", trained, more, *given).refused(code, *words)
    assert not Path("found").exists()


def test_pictures_that_all_have_a_label_are_refused(mien: Mien, trained: Path, faces: Path) -> None:
    data = prepare(DataSettings(str(faces), size=32))
    mien("discover", trained, *data.paths[:20], "--for", "fear", "--labelled", faces).refused(
        1, "20 pictures have a label"
    )


def test_labels_of_a_table_outlive_the_data_set(mien: Mien, trained: Path, few: Path, more: Path) -> None:
    """Of a picture that is in both, the table's label counts, since it is given last."""
    picture = next((few / "neutral").glob("*.png"))
    Path("mine").mkdir()
    Path("mine/label.csv").write_text(f"image,label\n{picture},disgust\n")
    said = mien("discover", trained, more, "--for", "disgust", "--labelled", few, "--labelled", "mine")
    assert said.code == 0 and "ranked by 6 labelled pictures" in said.out
