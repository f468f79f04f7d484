"""Functions as classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.classifiers.contract import Batch, ImageSpec, TableSpec
from mien.classifiers.function import FunctionClassifier
from mien.errors import AlignmentError, DataError
from mien.testing import check_classifier, example_bars

PIXELS, _ = example_bars(8)


def bright(images: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    share = images.mean((1, 2)) / 255
    return np.stack([1 - share, share], 1), {"rows": images.mean(2), "share": share}


def test_it_keeps_the_contract_with_and_without_features() -> None:
    found = FunctionClassifier(bright, ["dark", "bright"], ImageSpec(32))
    assert [(layer.name, layer.shape) for layer in found.card.layers] == [("rows", (32,)), ("share", (1,))]
    check_classifier(found, Batch(PIXELS))
    alone = FunctionClassifier(lambda images: bright(images)[0], ["dark", "bright"], ImageSpec(32))
    check_classifier(alone, Batch(PIXELS))
    assert alone.card.layers == () and alone.outputs(Batch(PIXELS)).log_probs.shape == (8, 2)


def test_the_identity_is_the_users_or_that_of_the_code() -> None:
    def of(id: str) -> str:
        return FunctionClassifier(bright, ["dark", "bright"], ImageSpec(32), id).card.id

    assert of("v1") == of("v1") != of("v2")
    assert of("") == of("")


def test_functions_that_differ_in_a_number_have_two_identities() -> None:
    def of(source: str) -> str:
        space: dict[str, Any] = {"np": np}
        exec(source, space)
        return FunctionClassifier(space["f"], ["a", "b"], TableSpec(2)).card.id

    low, high = (f"f = lambda table: np.stack([table[:, 0] > {t}, table[:, 0] <= {t}], 1)" for t in (0.2, 0.7))
    assert of(low) == of(low) != of(high)


def test_what_is_no_probability_is_refused() -> None:
    logits = FunctionClassifier(lambda table: np.full((len(table), 2), 7.0), ["a", "b"], TableSpec(3))
    with pytest.raises(DataError):
        logits.outputs(Batch(np.zeros((4, 3))))
    narrow = FunctionClassifier(lambda table: np.ones((len(table), 1)), ["a", "b"], TableSpec(3))
    with pytest.raises((DataError, AlignmentError), match="shape"):
        narrow.outputs(Batch(np.zeros((4, 3))))


def test_how_images_become_square_is_part_of_the_identity_and_earlier_identities_are_known() -> None:
    pad, crop = (FunctionClassifier(bright, ["dark", "bright"], ImageSpec(32, False, mode)) for mode in ("pad", "crop"))
    assert pad.card.id != crop.card.id
    assert crop.has_identity(crop.card.id) and crop.has_identity(pad.card.id) and not pad.has_identity(crop.card.id)
