"""Wrong declarations are found on labelled images, and right ones are left alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.classifiers.contract import ImageSpec
from mien.classifiers.declaration import Declaration
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.graph import ArrayInfo
from mien.classifiers.input_check import check_inputs
from mien.classifiers.tensors import TensorSpec
from mien.data.picture import ImageSettings, decoded_image
from mien.errors import DataError, UsageError
from mien.types import Ints

SIDE = 16
CLASSES = ("anger", "fear", "joy", "calm")
HALVES = slice(0, 8), slice(8, 16)
QUARTERS = list(product(HALVES, HALVES))
SCALINGS = ("0..1", "-1..1", "0..255")


class Planted:
    """A graph that reads one form of images, and says in which quarter the red square is; its labels have an order."""

    def __init__(self, spec: TensorSpec, order: Ints) -> None:
        self.spec, self.order, self.id = spec, order, "planted"
        self.input, self.outputs = ArrayInfo("images"), (ArrayInfo("probabilities"),)

    def run(self, data: Any, names: Any) -> list[Any]:
        colours_last = data.shape[-1] == 3
        if colours_last != (self.spec.layout == "nhwc"):
            raise DataError("another layout", place="Planted", remedy="none")
        data = data if colours_last else data.transpose(0, 2, 3, 1)
        data = data if self.spec.order == "rgb" else data[..., ::-1]
        shift, factor = self.spec.shift_and_factor
        light = np.clip(data * factor[0] + shift[0], 0, 255) / 255
        redness = np.stack([(light[:, y, x, 0] - light[:, y, x, 2]).mean((1, 2)) for y, x in QUARTERS], 1)
        logits = 20 * redness + np.array([0.5, 0, 0, 0])  # in doubt it says the first
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return [(shares / shares.sum(1, keepdims=True))[:, self.order] for _ in names]

    def layers(self, probe: Any, rows: int) -> tuple[()]:
        return ()


def squares(count: int, seed: int = 0) -> tuple[np.ndarray, Ints]:
    """Images with a red square in one quarter and a blue one in another; a tenth has a wrong label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    images = rng.normal(120, 60, (count, SIDE, SIDE, 3))
    for row, label in enumerate(labels):
        other = (label + rng.integers(1, 4)) % 4
        for place, colour in ((label, 0), (other, 2)):
            images[row, *QUARTERS[place], colour] += 40
    labels = np.where(rng.random(count) < 0.1, rng.integers(0, 4, count), labels)
    return np.clip(images, 0, 255).astype(np.uint8), labels


@pytest.mark.parametrize(("scaling", "layout", "order"), list(product(SCALINGS, ("nchw", "nhwc"), ("rgb", "bgr"))))
def test_what_was_planted_is_found_on_200_images_or_said_to_be_unknown(scaling: str, layout: str, order: str) -> None:
    planted = TensorSpec(order, layout, scaling)
    labels_order = np.random.default_rng(SCALINGS.index(scaling)).permutation(4)
    images, labels = squares(200)
    declared = Declaration(CLASSES, ImageSpec(SIDE, True, "pad", TensorSpec("rgb", "nchw", "0..1")), "probabilities")
    found = check_inputs(ForeignClassifier(Planted(planted, labels_order), declared), images, labels)
    right = {
        "scaling": scaling,
        "layout": layout,
        "order": order,
        "classes": ", ".join(CLASSES[i] for i in labels_order),
    }
    assert {aspect: found.better[aspect] for aspect in found.better} == {a: right[a] for a in found.better}
    for aspect, value in right.items():
        first = {"scaling": "0..1", "layout": "nchw", "order": "rgb", "classes": ", ".join(CLASSES)}[aspect]
        assert aspect in found.better or value == first or any("cannot tell" in line for line in found.untold), aspect
    assert found.accuracy_then > 0.8 and all(isinstance(line, str) for line in found.words)


def test_a_right_declaration_is_left_alone() -> None:
    images, labels = squares(200, seed=1)
    spec = TensorSpec("rgb", "nchw", "-1..1")
    declared = Declaration(CLASSES, ImageSpec(SIDE, True, "pad", spec), "probabilities")
    found = check_inputs(ForeignClassifier(Planted(spec, np.arange(4)), declared), images, labels)
    assert not found.better and found.accuracy == found.accuracy_then > 0.8
    assert "nothing else" in found.words[1]


def test_one_class_says_nothing() -> None:
    images, _ = squares(10)
    spec = TensorSpec("rgb")
    declared = Declaration(CLASSES, ImageSpec(SIDE, True, "pad", spec), "probabilities")
    with pytest.raises(UsageError, match="two classes"):
        check_inputs(ForeignClassifier(Planted(spec, np.arange(4)), declared), images, np.zeros(10, int))


def striped(count: int, side: int = 2 * SIDE) -> tuple[np.ndarray, Ints]:
    """Images with a red and a blue square in every fourth pixel; in half of them, others hide these from a mean."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, count)
    images = np.full((count, side, side, 3), 90, np.uint8)
    for row, label in enumerate(labels):
        for place, colour in ((label, 0), ((label + rng.integers(1, 4)) % 4, 2)):
            quarter = tuple(slice(2 * part.start, 2 * part.stop) for part in QUARTERS[place])
            images[row][quarter][1::2, 1::2, colour] = 210
            images[row][quarter][::2, ::2, 2 - colour if row % 2 else colour] = 210
    return images, labels


def test_a_better_filter_is_reported_and_not_changed() -> None:
    """The filter "nearest" keeps one pixel of four, in which the squares are."""
    large, labels = striped(200)
    spec = TensorSpec("rgb", "nchw", "0..1")
    declared = Declaration(CLASSES, ImageSpec(SIDE, True, "stretch", spec), "probabilities")
    classifier = ForeignClassifier(Planted(spec, np.arange(4)), declared)

    def resized(name: str) -> np.ndarray:
        settings = ImageSettings(SIDE, True, "stretch", name)
        images = [decoded_image(Image.fromarray(image), settings).pixels for image in large]
        return np.stack([image for image in images if image is not None])

    checked = check_inputs(classifier, resized("lanczos"), labels, resized)
    assert checked.better == {"resample": "nearest"} and checked.accuracy < 0.7 and checked.accuracy_then == 1
    assert "with the filter nearest accuracy would be" in checked.words[1]
    assert classifier.declared.inputs.resample == "lanczos"
    same = check_inputs(classifier, resized("nearest"), labels, lambda name: resized("nearest"))
    assert not same.better and not any("filter" in line for line in same.untold)
