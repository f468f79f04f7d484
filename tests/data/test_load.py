"""From DATA to a data set: recognition, and help where nothing fits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data.load import FORMATS, load, recognise
from mien.errors import DataError, UsageError


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """One small data set of each layout, named by its format."""
    for folder in ("folders/happy", "folders/sad", "legend-csv/images", "legend-csv/data"):
        (tmp_path / folder).mkdir(parents=True)
    for place in (
        "folders/happy/1.png", "folders/sad/1.png", "legend-csv/images/1.png", "list/photos/1.png",
        "ferplus/FER2013Train/1.png", "raf-db/Image/aligned/train_1_aligned.jpg",
    ):  # fmt: skip
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / place)
    (tmp_path / "legend-csv/data/legend.csv").write_text("user.id,image,emotion\n1,1.png,happy\n")
    for folder, file, text in (
        ("pixel-csv", "fer2013.csv", "emotion,pixels,Usage\n3,1 2 3 4,Training\n"),
        (
            "ferplus",
            "fer2013new.csv",
            ",".join(["Usage", "Image name", *ferplus_columns()]) + "\nTraining,1.png" + ",1" * 10,
        ),
        ("list", "labels.tsv", "file\tlabel\n1.png\thappy\n"),
        ("raf-db/EmoLabel", "list_patition_label.txt", "train_1.jpg 4\n"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / file).write_text(text)
    return tmp_path


def ferplus_columns() -> list[str]:
    from mien.data.ferplus import VOTED

    return list(VOTED)


@pytest.mark.parametrize("format", FORMATS)
def test_each_layout_is_recognised(sets: Path, format: str) -> None:
    assert recognise(sets / format) == format
    assert len(load(str(sets / format))) >= 1


def test_a_format_can_be_forced(sets: Path) -> None:
    with pytest.raises(DataError, match="no class folders"):
        load(sets / "legend-csv", format="folders")
    with pytest.raises(UsageError, match="ferplus"):
        load(str(sets / "folders"), format="ferpls")


def test_a_wrong_path_is_told_its_neighbour(sets: Path) -> None:
    with pytest.raises(DataError, match="legend-csv"):
        load(str(sets / "legend_csv"))


def test_nothing_recognised_says_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"fer2013\.csv.*RAF-DB|RAF-DB.*fer2013\.csv"):
        load(str(tmp_path))


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty folder"):
        load(str(tmp_path))


def test_a_folder_of_data_sets_is_no_data_set(sets: Path) -> None:
    with pytest.raises(DataError, match="holds some"):
        load(str(sets))


def test_vote_labels_need_votes(sets: Path) -> None:
    with pytest.raises(UsageError, match="FER"):
        load(str(sets / "folders"), labels="shares")


def test_drawn_faces() -> None:
    assert len(load("synthetic:n=30,size=32")) == 30


def test_a_name_that_is_both_a_folder_and_drawn_faces_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not load("synthetic:n=20,size=24").problems
    (tmp_path / "synthetic").mkdir()
    with pytest.raises(UsageError, match=r"write \./synthetic"):
        load("synthetic")


def test_a_format_that_does_not_fit_is_told_by_what_is_missing(sets: Path) -> None:
    with pytest.raises(DataError, match=r"has no fer2013new\.csv"):
        load(sets / "folders", format="ferplus")


def test_class_level_that_no_folder_has(sets: Path) -> None:
    with pytest.raises(DataError, match="--class-level"):
        load(sets / "folders", class_level=2)
