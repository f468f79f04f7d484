"""Drawn faces as examples for correctors."""

from __future__ import annotations

import numpy as np
import pytest

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, TableSpec
from mien.classifiers.drawn import can_draw, drawn_examples
from mien.correctors import Logistic, Prototypes
from mien.data.labels import emotion_of
from mien.types import FeatureRequest, LabelSet, Outputs


class Pixels:
    """A classifier whose feature is the picture itself."""

    def __init__(self, size: int = 24, *, colour: bool = False) -> None:
        self.card = ClassifierCard("pixels", ("sadness", "happy"), inputs=ImageSpec(size, colour))

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        batch.checked(self.card, request)
        flat = batch.data.reshape(len(batch), -1).astype(np.float32)
        return Outputs(batch.ids, np.full((len(batch), 2), 0.5), [True, True], {"pixels": flat})


@pytest.mark.parametrize("colour", [False, True])
def test_faces_of_every_emotion_in_the_classes_of_the_data(colour: bool) -> None:
    f, labelset = Pixels(colour=colour), LabelSet(("sadness", "happy", "bored", "surprise"))
    outputs, labels = drawn_examples(f, labelset, 12)
    assert np.bincount(labels, minlength=4).tolist() == [12, 12, 0, 12]
    assert outputs.known.tolist() == [True, True, False, False]
    assert outputs.vectors["pixels"].shape == (36, 24 * 24 * (3 if colour else 1))
    again, _ = drawn_examples(f, labelset, 12)
    assert np.array_equal(again.vectors["pixels"], outputs.vectors["pixels"])


def test_what_can_be_drawn() -> None:
    f = Pixels()
    assert can_draw(f, Prototypes, ["surprise"]) and can_draw(f, Prototypes(), ["surprised"])
    assert not can_draw(f, Prototypes, ["bored"])
    assert not can_draw(f, Logistic, ["surprise"])
    assert not can_draw(Pixels(1024), Prototypes, ["surprise"])
    f.card = ClassifierCard("table", ("sadness", "happy"), inputs=TableSpec(3))
    assert not can_draw(f, Prototypes, ["surprise"])
    assert emotion_of("Angry") == "anger" and emotion_of("wink") == ""
