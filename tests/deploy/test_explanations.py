"""Files with heat maps: for changed pictures alone, with safe names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.classifiers.contract import Batch, ImageSpec
from mien.classifiers.function import FunctionClassifier
from mien.deploy.explanations import Explanations, explanation_file
from mien.deploy.predictor import Predictor
from mien.errors import StorageError
from mien.incoming.item import Item
from mien.testing import example_bars
from mien.types import Floats

IMAGES, LABELS = example_bars(300)
NAMES = np.array(["left", "middle", "right"])[LABELS]


def columns(images: np.ndarray) -> tuple[Floats, Floats]:
    means = images.mean(1) / 255
    share = means[:, : means.shape[1] // 2].sum(1) / means.sum(1).clip(1e-6)
    return np.stack([share, 1 - share], 1), means


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    classifier = FunctionClassifier(columns, ["left", "middle"], ImageSpec(IMAGES.shape[1]))
    corrected = mien.CorrectedClassifier(classifier, classes=["right"], budget=0.3, aim="gain", assume_unseen=True)
    return Predictor(classifier, corrected.fit(IMAGES[:200], NAMES[:200]).patch_)


def test_each_picture_has_a_file(predictor: Predictor, tmp_path: Path) -> None:
    batch = Batch(IMAGES[200:220], np.array([f"a/{row}.png" for row in range(20)]))
    files = Explanations(predictor, tmp_path / "why").write(batch)
    assert list(files) == batch.ids.tolist()
    assert sorted(map(Path, files.values())) == sorted((tmp_path / "why").iterdir())
    with Image.open(files["a/0.png"]) as image:
        assert image.format == "PNG" and image.size == (256, 256)


def test_nothing_is_made_for_no_picture(predictor: Predictor, tmp_path: Path) -> None:
    assert Explanations(predictor, tmp_path / "why").write(Batch(IMAGES[:0])) == {}
    assert not (tmp_path / "why").exists()


def test_a_stream_keeps_what_was_overridden(predictor: Predictor) -> None:
    items = [Item(f"{row}.png", f"{row}.png", image) for row, image in enumerate(IMAGES[200:])]
    [kept] = predictor.stream_items(items, keep_changed=True)
    [bare] = predictor.stream_items(items)
    assert bare.changed is None and kept.changed is not None
    assert kept.changed.ids.tolist() == kept.decision.ids[kept.decision.overridden].tolist() and len(kept.changed) > 10
    assert np.array_equal(kept.changed.data[0], IMAGES[200 + int(kept.changed.ids[0].removesuffix(".png"))])


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "why").write_text("a file")
    with pytest.raises(StorageError) as refused:
        Explanations(predictor, tmp_path / "why").write(Batch(IMAGES[200:]))
    assert refused.value.remedy


def test_names_are_safe_short_and_distinct() -> None:
    ids = ["/home/a/b.png", "../b.png", "con", "x" * 300, "x" * 299 + "y", "y" + "x" * 299, "ü" * 100, "a:b", "a%3ab"]
    names = [explanation_file(name) for name in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name.encode()) < 200 and "/" not in name and not name.startswith(".") for name in names)
