"""Arrays from outside become arrays, or are refused with where, why and what to do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import AlignmentError, DataError, MienError, UsageError
from mien.types import (
    Dataset,
    Decision,
    LabelSet,
    Outputs,
    Proposal,
    Rates,
    Split,
    as_groups,
    as_ids,
    as_known,
    as_labels,
    as_shares,
)
from mien.types.containers import as_pixels

PROBS = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
KNOWN = np.array([True, True, False])
VECTORS = np.arange(8.0).reshape(2, 4)


def outputs(**changes: Any) -> Outputs:
    arrays: dict[str, Any] = {
        "ids": ["a", "b"],
        "probs": PROBS,
        "known": KNOWN,
        "vectors": {"mine": VECTORS},
        **changes,
    }
    return Outputs(**arrays)


@given(st.lists(st.integers(0, 6), max_size=20), st.sampled_from([list, tuple, np.array]))
def test_labels_are_the_same_numbers_whatever_holds_them(labels: list[int], container: Any) -> None:
    assert as_labels(container(labels), "labels", 7).tolist() == labels
    assert as_labels([float(label) for label in labels], "labels", 7).tolist() == labels
    assert as_labels([Decimal(label) for label in labels], "labels", 7).tolist() == labels


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.data())
def test_one_wrong_label_among_many_is_named(labels: list[int], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(labels) - 1))
    wrong = data.draw(st.sampled_from([4, -1, 99, np.nan, np.inf, 0.5, None, "fear"]))
    given_so: list[Any] = [*labels]
    given_so[row] = wrong
    with pytest.raises(MienError) as refused:
        as_labels(given_so, "labels", 4)
    assert refused.value.place == "labels" and refused.value.remedy
    assert isinstance(wrong, str) or f"row {row})" in refused.value.cause


def test_labels_of_small_types_do_not_overflow() -> None:
    found = as_labels(np.full(3, 200, np.uint8), "labels", 256)
    assert (found * 300 == 60000).all()


def test_a_mask_is_no_list_of_classes() -> None:
    assert as_labels([True, False], "labels", 2).tolist() == [1, 0]
    with pytest.raises(DataError, match="4 classes"):
        as_labels([True, False], "labels", 4)


def test_votes_are_shares_of_each_picture() -> None:
    assert as_shares([[0.5, 0.5], [1, 0]], "labels", 2).tolist() == [[0.5, 0.5], [1, 0]]
    for votes, cause in (
        ([[5, 5], [3, 7]], "counts"),
        ([[0.0, 0.0], [1, 0]], "0 for every class"),
        ([[1.5, -0.5]], "row 0"),
    ):
        with pytest.raises(DataError, match=cause):
            as_shares(votes, "labels", 2)


# probabilities


@pytest.mark.parametrize("classes", [2, 7, 100, 1000])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_softmax_in_any_precision_is_taken(kind: torch.dtype, classes: int) -> None:
    logits = torch.randn(2000, classes, generator=torch.Generator().manual_seed(0)) * 4
    found = as_shares(logits.to(kind).softmax(1), "probs", classes)
    assert found.dtype in (np.float32, np.float64)
    assert np.abs(found.sum(1) - 1).max() < 0.01


@pytest.mark.parametrize(
    ("probs", "hint"),
    [
        (np.array([[4.0, -3.0, 0.0], [1.0, 2.0, 0.0]]), "softmax"),
        (np.log(PROBS + 1e-9), r"np\.exp"),
        (100 * PROBS, "divide them by 100"),
        (np.array([[3, 1, 0], [2, 2, 0]]), "counts"),
        (np.array([[0.9, 0.8, 0.0], [0.2, 0.1, 0.0]]), "sigmoid"),
        (np.zeros((2, 3)), "0 for every class"),
        (np.where(PROBS > 0.5, np.nan, PROBS), "nan is not finite"),
        (PROBS[:, :2], r"wide\[:, known\] = probs"),
        (np.full((2, 3), 1 / 3), "not known"),
        (PROBS[:1], "1 rows, ids has 2"),
        (PROBS[0], "shape"),
        (PROBS.astype(str), "holds text"),
    ],
)
def test_what_is_no_probability_is_refused_with_what_it_may_be(probs: Any, hint: str) -> None:
    with pytest.raises(MienError, match=hint) as refused:
        outputs(probs=probs)
    assert refused.value.place == "Outputs.probs"


def test_rounded_and_whole_probabilities_are_taken() -> None:
    assert outputs(probs=[[0.33, 0.66, 0], [1, 0, 0]]).probs.shape == (2, 3)
    assert outputs(probs=np.eye(3, dtype=int)[:2]).probs.dtype == np.float64
    assert outputs(probs=np.array([[1 + 1e-9, -1e-9, 0], [1, 0, 0]])).probs.min() == 0


def test_valid_arrays_stay_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", VECTORS)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    made = outputs(vectors={"mine": mapped})
    assert made.vectors["mine"] is mapped
    assert made.probs is PROBS and made.known is KNOWN


def test_there_may_be_no_picture() -> None:
    for probs in ([], np.empty((0, 3)), np.empty((0, 3), np.float32)):
        nothing = Outputs([], probs, KNOWN, {"mine": np.empty((0, 4))})
        assert len(nothing) == 0 and nothing.predicted.shape == (0,)


# known classes, ids, features, rows


def test_known_classes_are_a_mask() -> None:
    for known in ([1, 1, 0], [1.0, 1.0, 0.0], (True, True, False)):
        assert outputs(known=known).known.tolist() == [True, True, False]
    for known, hint in (
        ([0, 2, 5], "isin"),
        ([0, 1], "shape"),
        ([0, 0, 0], "no class"),
        (["fear"], "text"),
    ):
        with pytest.raises(MienError, match=hint):
            outputs(known=known)
    assert as_known(np.array([0, 1], np.uint8), "known").dtype == bool


def test_ids_become_text_and_none_may_be_missing() -> None:
    assert as_ids([1, 2], "ids").tolist() == as_ids(np.array([1.0, 2.0]), "ids").tolist() == ["1", "2"]
    assert as_ids([Path("a/b.png"), b"c"], "ids").tolist() == ["a/b.png", "c"]
    assert as_ids(np.array([b"c"]), "ids").tolist() == ["c"]
    for ids in (["a", None], ["a", np.nan], [np.nan, 1.0]):
        with pytest.raises(DataError, match="has no value"):
            as_ids(ids, "ids")
    with pytest.raises(AlignmentError, match="repeat, such as '1'"):
        outputs(ids=["1", 1])
    assert outputs(ids=None).ids.tolist() == ["0", "1"]


def test_groups_may_be_numbers_and_none_may_be_missing() -> None:
    assert as_groups([3, 3, 4], "groups").tolist() == ["3", "3", "4"]
    for groups in ([1, None], ["a", np.nan]):
        with pytest.raises(DataError, match="row 1"):
            as_groups(groups, "groups")


def test_features_are_vectors_or_maps_by_name() -> None:
    found = outputs(vectors={"one": [1, 2], 2: [[1.0], [2.0]], "truth": np.array([True, False])}).vectors
    assert {name: values.shape for name, values in found.items()} == {"one": (2, 1), "2": (2, 1), "truth": (2, 1)}
    wrong: list[tuple[Any, str]] = [
        (VECTORS, "dictionary"),
        ({"mine": np.zeros((2, 3, 4))}, "reshape"),
        ({"mine": VECTORS[:1]}, "1 rows"),
        ({"mine": [["a"], ["b"]]}, "text"),
        ({"mine": [[1, 2], [3]]}, "one length"),
        ({1: VECTORS, "1": VECTORS}, "one name"),
        ({"mine": VECTORS + 1j}, "complex"),
    ]
    for features, hint in wrong:
        with pytest.raises(MienError, match=hint):
            outputs(vectors=features)


def test_rows_are_taken_by_index_or_mask() -> None:
    made = outputs()
    for rows in ([1], (1,), np.array([1]), [False, True], np.array([-1]), slice(1, 2)):
        assert made.take(rows).ids.tolist() == ["b"]
    assert len(made.take([])) == 0
    for rows in ([2], [0.5], [True], ["a"], [[0]], [0, 0], None):
        with pytest.raises(MienError):
            made.take(rows)


def test_parts_of_other_classifiers_are_not_joined() -> None:
    other = outputs(ids=["c", "d"], probs=np.roll(PROBS, 1, 1), known=np.roll(KNOWN, 1))
    for parts in ([], [outputs(), other], [outputs(), outputs(ids=["c", "d"], vectors={})]):
        with pytest.raises(AlignmentError):
            Outputs.concat(parts)


def test_maps_have_views_and_positions() -> None:
    made = outputs(maps={"conv": np.zeros((2, 1, 3, 4, 4))})
    assert made.maps["conv"].shape == (2, 1, 3, 4, 4) and made.take([1]).maps["conv"].shape[0] == 1
    for wrong in (np.zeros((2, 3, 4, 4)), VECTORS, np.zeros((1, 1, 3, 4, 4))):
        with pytest.raises(AlignmentError, match=r"Outputs\.maps\[conv\]"):
            outputs(maps={"conv": wrong})


def test_probabilities_alone_make_outputs_of_known_classes() -> None:
    made = Outputs(None, [[0.9, 0.1], [0.2, 0.8]])
    assert made.ids.tolist() == ["0", "1"] and made.known.all()
    assert np.allclose(made.vector("log_probs"), np.log(made.probs))


def test_outputs_are_padded_by_unknown_classes() -> None:
    wide = outputs().padded_to(5)
    assert wide.probs.shape == (2, 5) and wide.known.tolist() == [True, True, False, False, False]
    assert np.array_equal(wide.predicted, outputs().predicted) and wide.log_probs.shape == (2, 2)
    with pytest.raises(AlignmentError, match="3 classes, and there are 2"):
        outputs().padded_to(2)


# what else travels


def test_the_other_types_take_lists_and_refuse_what_is_wrong() -> None:
    assert Proposal([1, 2], [0.5, 1], [2, -1]).suggested.tolist() == [2, -1]
    assert Decision(["a"], [0], [1], [1]).overridden.tolist() == [True]
    assert Rates([1, 2], [2.0, 2.0]).values.tolist() == [0.5, 1.0]
    assert Split([1, 2], [0, 4], 0).rows("test").tolist() == [1]
    refusals: list[Any] = [
        lambda: Proposal(["a"], [np.nan], [0]),
        lambda: Proposal(["a"], [1.0], [0.5]),
        lambda: Proposal(["a"], [1.0], [-2]),
        lambda: Decision(["a"], [0], [1], [False]),
        lambda: Decision(["a"], [0], [1], [2]),
        lambda: Rates([3], [2]),
        lambda: Rates([0.5], [2]),
        lambda: Rates([1], [2]).mean([np.nan]),
        lambda: Rates([1], [2]).mean([-1]),
        lambda: Rates([1], [2]).mean([1, 2]),
        lambda: Split(["a"], [7], 0),
        lambda: LabelSet("fear"),
        lambda: LabelSet(("fear", "fear")),
        lambda: Dataset(["a"], [3], LabelSet(("fear",)), ["x"], [""]),
    ]
    for refused in refusals:
        with pytest.raises(MienError) as error:
            refused()
        assert error.value.place and error.value.remedy


def test_pictures_are_bytes_with_colours_last() -> None:
    grey = np.full((2, 12, 12), 200)
    assert as_pixels(grey, "pixels").dtype == as_pixels(grey[..., None].astype(float), "pixels").dtype == np.uint8
    for pixels, hint in (
        (grey / 255, "255"),
        (np.zeros((2, 3, 12, 12)), "transpose"),
        (grey[0], "shape"),
        (-grey, "255"),
    ):
        with pytest.raises(MienError, match=hint):
            as_pixels(pixels, "pixels")
    with pytest.raises(UsageError):
        LabelSet((1, 2))  # type: ignore[arg-type]
