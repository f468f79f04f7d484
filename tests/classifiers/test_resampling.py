"""The filter by which pictures are resized is declared, and used wherever pictures are read for a classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.classifiers.adopted import open_adopted, save_adopted
from mien.classifiers.contract import ImageSpec
from mien.classifiers.declaration import Declaration
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.function import FunctionClassifier
from mien.classifiers.graph import ArrayInfo
from mien.classifiers.inputs import as_batch
from mien.classifiers.tensors import TensorSpec
from mien.data.picture import RESAMPLING, ImageSettings
from mien.data.prepare import DataSettings, prepare
from mien.errors import RunError, UsageError
from mien.storage.identity import fields_of, identity

SIDE, LARGE = 16, 37
FILTERS = tuple(RESAMPLING)


class Light:
    """A graph that gives the share of light in a picture."""

    id, files = "bars", ()
    input, outputs = ArrayInfo("picture"), (ArrayInfo("probabilities"),)

    def run(self, data: Any, names: Any) -> list[Any]:
        share = data.reshape(len(data), -1).mean(1) / 255
        return [np.stack([1 - share, share], 1).astype(np.float32) for _ in names]

    def layers(self, probe: Any, rows: int) -> tuple[()]:
        return ()


def light(resample: str = "lanczos", resize_mode: str = "stretch") -> ForeignClassifier:
    settings = InputSettings(
        ("dark", "light"), size=SIDE, order="grey", layout="nchw", scaling="0..255", resize_mode=resize_mode,
        resample=resample,
    )  # fmt: skip
    return ForeignClassifier(Light(), declare(Light(), settings).declaration)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, LARGE, LARGE), np.uint8)


def test_an_identity_with_the_default_filter_is_that_of_earlier_versions() -> None:
    """The digests were computed before there was another filter."""
    spec = ImageSpec(32, False, "stretch", TensorSpec("grey", scaling="0..255"))
    declared = Declaration(("left", "middle", "right"), spec, "probabilities")
    assert ForeignClassifier(Light(), declared).card.id == "3f6ff328f5064d00"
    assert str(spec) == "grey images of 32 × 32 pixels, uint8; as grey, nchw, 0..255, float32"
    assert identity(images=ImageSettings(32, True, "crop")) == "b8ea80460015e093"
    assert tuple(fields_of(ImageSettings(32)).values()) == (32, False, "pad"), "the key of decoded pixels"

    def even(rows: Any) -> Any:
        return np.full((len(rows), 2), 0.5)

    ids = [FunctionClassifier(even, ["a", "b"], ImageSpec(16, False, mode), "v1").card.id for mode in ("pad", "crop")]
    assert ids == ["b0042520e842e09c", "0fff6b97c6143ab0"]


def test_each_filter_is_another_classifier() -> None:
    assert len({light(name).card.id for name in FILTERS}) == len(FILTERS)
    assert "filter bilinear" in str(light("bilinear").card.inputs)
    with pytest.raises(UsageError, match="bilinear"):
        light("billinear")


@pytest.mark.parametrize("mode", ["stretch", "pad", "crop"])
def test_arrays_files_and_data_sets_are_resized_by_the_declared_filter(
    mode: str, noise: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "noise" / "dark"
    folder.mkdir(parents=True)
    for row, image in enumerate(noise):
        Image.fromarray(image).save(folder / f"{row}.png")
    for name in FILTERS:
        card = light(name, mode).card
        right = np.stack([np.asarray(Image.fromarray(image).resize((SIDE, SIDE), RESAMPLING[name])) for image in noise])
        of_files = as_batch(card, sorted(folder.iterdir())).data
        of_set = prepare(DataSettings(str(tmp_path / "noise")).for_images(card.images)).pictures
        for read in (as_batch(card, noise).data, of_files, of_set):
            assert np.array_equal(read, right), name


def test_a_folder_keeps_the_filter_and_one_of_an_earlier_version_has_the_default(tmp_path: Path) -> None:
    for name in ("lanczos", "box"):
        classifier = light(name)
        save_adopted(classifier, tmp_path / name, {"kind_of_model": "function", "source": "light:share"})
        stored = json.loads((tmp_path / name / "classifier.json").read_text())
        assert stored["inputs"]["resample"] == name and stored["id"] == classifier.card.id
    del stored["inputs"]["resample"]
    assert ImageSpec(**{**stored["inputs"], "tensor": TensorSpec(**stored["inputs"]["tensor"])}).resample == "lanczos"


def test_a_patch_is_for_one_filter(noise: np.ndarray, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.integers(0, 256, (300, 20, 20), np.uint8) // 2 + 120 * (np.arange(300) % 2)[:, None, None]])
    y = np.where(np.arange(300) % 2, "light", "dark")
    images = X.astype(np.uint8)
    fitted = mien.CorrectedClassifier(light("nearest"), classes=["light"], budget=0.3, assume_unseen=True)
    patch = fitted.fit(images, y).patch_
    assert patch is not None and patch.base == light("nearest").card.id
    patch.save(tmp_path / "p")
    assert mien.open(light("nearest"), tmp_path / "p").predict(noise).shape == (6,)
    with pytest.raises(mien.MienError, match="another classifier"):
        mien.open(light(), tmp_path / "p")


def test_a_folder_with_an_unknown_filter_is_refused(tmp_path: Path) -> None:
    onnx_models = pytest.importorskip("onnx_models")
    graph = mien.open(str(onnx_models.bars(tmp_path / "m.onnx")), classes=onnx_models.CLASSES, scaling="0..255")
    save_adopted(graph.predictor_.classifier, tmp_path / "f", {"kind_of_model": "onnx", "source": "m.onnx"})
    path = tmp_path / "f" / "classifier.json"
    stored = json.loads(path.read_text())
    for wrong in ("sinc", 3, None):
        path.write_text(json.dumps({**stored, "inputs": {**stored["inputs"], "resample": wrong}}))
        with pytest.raises(RunError, match=r"classifier\.json"):
            open_adopted(tmp_path / "f")
