"""Correctors learn on features of the images alone, where a user declares that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.classifiers.adopted import open_adopted, save_adopted
from mien.classifiers.contract import Batch
from mien.classifiers.declaration import OWN
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.function_graph import FunctionGraph
from mien.errors import UsageError
from mien.features import describe
from mien.testing import check_classifier
from mien.types import FeatureRequest

pytest.importorskip("skimage")
SIDE = 24
SAID = InputSettings(
    classes=("dark", "light"), size=SIDE, order="grey", layout="nchw", scaling="0..1", own_features=True
)
PIXELS = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE)).astype(np.uint8)


def brightness(images: np.ndarray) -> np.ndarray:
    """(N, 2) how dark and how light images are."""
    light = images.mean((1, 2, 3))
    return np.stack([1 - light, light], axis=1)


def bare(settings: InputSettings = SAID) -> ForeignClassifier:
    graph = FunctionGraph(f"{__name__}:brightness")
    return ForeignClassifier(graph, declare(graph, settings).declaration)


def test_features_stand_on_its_card_and_are_computed_where_they_are_asked_for() -> None:
    classifier = bare()
    check_classifier(classifier, Batch(PIXELS))
    assert {layer.name for layer in classifier.card.layers} == {OWN, "pixels"}
    assert np.array_equal(classifier.outputs(Batch(PIXELS)).vectors[OWN], describe(PIXELS, kind=OWN)[OWN])
    assert not classifier.outputs(Batch(PIXELS), FeatureRequest(vectors=())).vectors
    plain = declare(classifier.graph, replace(SAID, own_features=False))
    assert not plain.declaration.own_features and any("--own-features" in note for note in plain.notes)


def test_they_are_part_of_what_is_declared(tmp_path: Path) -> None:
    classifier = bare()
    without = ForeignClassifier(classifier.graph, replace(classifier.declared, own_features=False))
    assert classifier.card.id != without.card.id and OWN not in without.outputs(Batch(PIXELS)).vectors
    save_adopted(classifier, tmp_path / "f", {"kind_of_model": "function", "source": f"{__name__}:brightness"})
    again = open_adopted(tmp_path / "f", f"{__name__}:brightness")
    assert again.card == classifier.card


def test_small_images_have_none() -> None:
    with pytest.raises(UsageError, match="pictures of 12"):
        bare(replace(SAID, size=8))


def test_a_corrector_learns_on_them(tmp_path: Path) -> None:
    """Bars: the function answers by brightness, which says nothing of their direction."""
    rng = np.random.default_rng(1)
    y = np.arange(400) % 3
    images = rng.integers(0, 60, (400, SIDE, SIDE)).astype(np.uint8)
    for image, label in zip(images, y, strict=True):
        place = rng.integers(4, 18)
        if label == 2:
            image[:, place : place + 3] = 200
        else:
            image[place : place + 3] = 200
        if label == 1:
            image //= 2
            image += 128
    truth = np.array(["dark", "light", "upright"])[y]
    corrected = mien.correct(bare(), (images, truth), ["upright"], corrector="lda", budget=0.2, assume_unseen=True)
    assert (corrected.predict(images[y == 2]) == "upright").mean() > 0.8
    with pytest.raises(UsageError, match="no ONNX"):
        corrected.predictor_.classifier.as_onnx(FeatureRequest(vectors=(OWN,)))
