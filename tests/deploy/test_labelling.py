"""Which pictures to label next, for any classifier of images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.classifiers.contract import ImageSpec
from mien.classifiers.function import FunctionClassifier
from mien.data.images import read_pictures
from mien.deploy.discovery import named_cluster
from mien.deploy.examples import SORTS, Examples
from mien.deploy.label_table import LabelTable, check_not_filled_in
from mien.deploy.labelling import LabellingOrder, label_next
from mien.deploy.settings import LabellingSettings
from mien.errors import DataError, UsageError
from mien.testing import example_bars
from mien.types import LabelSet


def bars(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knows bars at the top and in the middle."""
    rows = images.mean(2)
    share = np.exp(rows[:, 4:24].reshape(-1, 2, 10).mean(2) / 20)
    return share / share.sum(1, keepdims=True), rows


CLASSIFIER = FunctionClassifier(bars, ["top", "middle"], ImageSpec(32), "1")
LOW = 2


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Pictures of all classes; the number before the dash is the class."""
    pixels, labels = example_bars(150)
    for row, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(picture).save(tmp_path / f"{label}-{row:03}.png")
    return sorted(tmp_path.glob("*.png"))


def truth(paths: list[Path]) -> np.ndarray:
    return np.array([int(path.name[0]) for path in paths])


def examples(paths: list[Path]) -> Examples:
    pictures = read_pictures(paths, SORTS, CLASSIFIER.card.images)
    pictures = pictures.replace(labels=(truth(paths) == LOW).astype(int), labelset=LabelSet(SORTS))
    return Examples("low", LOW, pictures, np.asarray(pictures.hashes))


def ranked(order: LabellingOrder) -> np.ndarray:
    return truth([Path(path) for path in order.paths])


@pytest.fixture
def order(files: list[Path]) -> LabellingOrder:
    """By two examples, and twenty pictures of other classes."""
    classes = truth(files)
    labelled = [*np.flatnonzero(classes == LOW)[:2], *np.flatnonzero(classes != LOW)[:20]]
    return label_next(CLASSIFIER, files, examples([files[row] for row in labelled]), LabellingSettings(most=25))


def test_pictures_of_the_class_come_first(files: list[Path], order: LabellingOrder) -> None:
    is_low = ranked(order) == LOW
    assert is_low[:20].mean() > 0.9 and is_low[: is_low.sum()].mean() > 0.7
    assert order.left_out == 22 and len(order.paths) == len(files) - 22 and (order.examples, order.others) == (2, 20)
    assert order.listed == 25 and len(order.sheets) == 2 and order.trained_on is None
    assert (np.diff(order.score) <= 0).all()


def test_the_order_of_the_files_plays_no_part(files: list[Path], order: LabellingOrder) -> None:
    labelled = [path for path in files if str(path) not in order.paths]
    again = label_next(CLASSIFIER, files[::-1], examples(labelled), LabellingSettings())
    assert again.paths == order.paths


def test_a_filled_table_names_the_pictures_of_the_class(order: LabellingOrder, tmp_path: Path) -> None:
    order.save(tmp_path / "next")
    folder = tmp_path / "next"
    check_not_filled_in(folder)
    stored = json.loads((folder / "found.json").read_text())
    assert stored["class"] == "low" and stored["clusters"] == 0
    with pytest.raises(UsageError, match="no picture is labelled low"):
        named_cluster(f"{folder}:low")
    with pytest.raises(UsageError, match="nobody has looked"):
        named_cluster(f"{folder}:0")
    lines = (folder / "label.csv").read_text().splitlines()
    place = lines[0].split(",").index("label")
    for number, word in ((1, " LOW "), (2, "not"), (3, "low")):
        cells = lines[number].split(",")
        cells[place] = word
        lines[number] = ",".join(cells)
    (folder / "label.csv").write_text("\n".join(lines))
    assert [str(path) for path in named_cluster(f"{folder}:low")] == [order.paths[0], order.paths[2]]
    table = LabelTable.read(folder)
    assert table is not None and table.is_of("low") == [True, False, True]
    with pytest.raises(UsageError, match="would be lost"):
        check_not_filled_in(folder)


def test_pictures_beyond_those_drawn_have_no_label(files: list[Path]) -> None:
    whole = examples(files[:120])
    two = whole.drawn(2, 0)
    assert two.positive.sum() == 2 and (~two.positive).sum() == (~whole.positive).sum()
    assert len(whole.labelled) - len(two.labelled) == whole.positive.sum() - 2
    assert set(two.pictures.ids) != set(whole.drawn(2, 1).pictures.ids)
    assert whole.drawn(None, 0).pictures.ids.tolist() == whole.pictures.ids.tolist()


def test_what_cannot_be_ranked_is_refused(files: list[Path], tmp_path: Path) -> None:
    few = examples(files[-4:])
    with pytest.raises(DataError, match="have a label already"):
        label_next(CLASSIFIER, files[-4:], few, LabellingSettings())
    (tmp_path / "odd.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of 1"):
        label_next(CLASSIFIER, [tmp_path / "odd.png"], few, LabellingSettings())
