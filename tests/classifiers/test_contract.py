"""Cards, batches and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec, check_maps
from mien.errors import AlignmentError, DataError, UsageError

CARD = ClassifierCard("a", ("calm", "fear"), inputs=ImageSpec(16), layers=(Layer("conv", (4, 8, 8), "map"),))


def test_a_card_knows_all_its_classes_unless_it_says_otherwise() -> None:
    assert CARD.known == (True, True) and CARD.known_mask.tolist() == [True, True]
    assert ClassifierCard("a", ("calm", "fear"), (True, False)).known == (True, False)


@pytest.mark.parametrize(
    "wrong", [{"known": (True,)}, {"known": (False, False)}, {"classes": ("calm", "calm")}, {"id": ""}]
)
def test_a_card_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((AlignmentError, UsageError)):
        ClassifierCard(**{"id": "a", "classes": ("calm", "fear"), **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data", [np.zeros((2, 16, 15), np.uint8), np.zeros((2, 16, 16), float), np.zeros((2, 16, 16, 3), np.uint8)]
)
def test_a_batch_in_another_form_is_refused(data: np.ndarray) -> None:
    assert len(Batch(np.zeros((2, 16, 16), np.uint8)).checked(CARD)) == 2
    with pytest.raises(DataError, match="grey images of 16 × 16"):
        Batch(data).checked(CARD)


def test_ids_belong_to_rows() -> None:
    with pytest.raises(AlignmentError):
        Batch(np.zeros((2, 3)), ["a"])
    with pytest.raises(AlignmentError, match="repeat"):
        Batch(np.zeros((2, 3)), ["a", "a"])
    assert Batch(np.zeros((3, 1)), ["a", "b", "c"]).take(np.array([2, 0])).ids.tolist() == ["c", "a"]


def test_tables_have_a_width_or_ids() -> None:
    assert TableSpec(columns=("a", "b")).width == 2 and str(TableSpec()) == "ids of rows"
    with pytest.raises(AlignmentError):
        TableSpec(3, ("a", "b"))
    with pytest.raises(UsageError, match="not images"):
        _ = ClassifierCard("a", ("calm",), inputs=TableSpec(2)).images


def test_a_map_that_is_not_shown_is_refused_with_a_way_out() -> None:
    check_maps(CARD, ["conv"])
    with pytest.raises(UsageError, match="nystroem"):
        check_maps(CARD, ["hidden"])
    assert CARD.layer("conv").shape == (4, 8, 8)
    with pytest.raises(UsageError, match="conv"):
        CARD.layer("cnov")
    with pytest.raises(UsageError, match="vector"):
        Layer("hidden", (3,), "vectors")  # type: ignore[arg-type]
