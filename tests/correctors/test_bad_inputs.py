"""What correctors do with labels and features from outside: the same as with plain arrays, or a refusal by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.certify.thresholds import allowed, fixed_threshold, smallest_n
from mien.correctors.contract import target_class
from mien.correctors.linear import LDA, Logistic
from mien.errors import AlignmentError, DataError, MienError, UsageError
from mien.metrics.ranking import auroc
from mien.testing import example_outputs
from mien.types import LabelSet, Outputs, Proposal, SoftLabels

OUTPUTS, LABELS = example_outputs(count=160)
QUICK = ["logistic", "lda", "fisher", "nystroem", "xgboost", "lightgbm", "stack", "error_detector"]
LEARN = [name for name in correctors.names() if name != "novelty"]
FITTED: dict[str, Any] = {}


def fitted(name: str) -> Any:
    if name not in FITTED:
        FITTED[name] = correctors.get_corrector(name)().fit(OUTPUTS, LABELS)
    return FITTED[name]


def each(change: Callable[[np.ndarray], np.ndarray]) -> Outputs:
    """The outputs with every feature changed."""
    vectors, maps = ({name: change(values) for name, values in of.items()} for of in (OUTPUTS.vectors, OUTPUTS.maps))
    return replace(OUTPUTS, vectors=vectors, maps=maps)


def with_nan(values: np.ndarray) -> np.ndarray:
    spoilt = values.copy()
    spoilt[5] = np.nan
    return spoilt


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=4, deadline=None)
@given(kind=st.sampled_from(["list", "floats", "column", "bytes", "votes", "big-endian"]))
def test_labels_may_be_any_container_of_whole_numbers(name: str, kind: str) -> None:
    given_as: dict[str, Any] = {
        "list": LABELS.tolist(),
        "floats": LABELS.astype(float),
        "column": LABELS[:, None],
        "bytes": LABELS.astype(np.uint8),
        "votes": np.eye(4, dtype=int)[LABELS],
        "big-endian": LABELS.astype(">i4"),
    }
    found = correctors.get_corrector(name)().fit(OUTPUTS, given_as[kind]).propose(OUTPUTS)
    assert np.array_equal(found.score, fitted(name).propose(OUTPUTS).score)


@pytest.mark.parametrize("name", LEARN)
def test_labels_from_one_to_k_are_never_learnt(name: str) -> None:
    with pytest.raises(AlignmentError, match=r"4 is no class: there are 4, counted from 0 .*\n.*labels - 1"):
        correctors.get_corrector(name)().fit(OUTPUTS, LABELS + 1)
    with pytest.raises(DataError, match="nan is not a whole number"):
        correctors.get_corrector(name)().fit(OUTPUTS, np.where(LABELS == 1, np.nan, LABELS))


@pytest.mark.parametrize("name", correctors.names())
def test_a_feature_that_is_nan_is_named_with_its_row(name: str) -> None:
    for refused in (
        lambda: correctors.get_corrector(name)().fit(each(with_nan), LABELS),
        lambda: fitted(name).propose(each(with_nan)),
    ):
        with pytest.raises(DataError, match=r"Outputs\.(vectors|maps)\[.*row 5"):
            refused()


@pytest.mark.parametrize("name", LEARN)
def test_features_other_than_those_of_the_fit_are_refused_with_both(name: str) -> None:
    twice = each(lambda values: np.concatenate([values, values], 2 if values.ndim == 5 else 1))
    with pytest.raises(AlignmentError, match=r"width 24.*fitted.*width 12|8 channels.*fitted"):
        fitted(name).propose(twice)
    vectors, maps = ({f"my {name}": values for name, values in of.items()} for of in (OUTPUTS.vectors, OUTPUTS.maps))
    renamed = replace(OUTPUTS, vectors=vectors, maps=maps)
    with pytest.raises(MienError, match=r"my |no feature"):
        fitted(name).propose(renamed)
    swapped = OUTPUTS.with_features({"hidden": OUTPUTS.vectors["conv/1"], "conv/1": OUTPUTS.vectors["hidden"]})
    if name != "adapter":  # it reads no vector
        with pytest.raises(AlignmentError, match=r"hidden \(width 20\).*hidden \(width 12\)"):
            fitted(name).propose(swapped)


@pytest.mark.parametrize("name", LEARN)
def test_a_restored_corrector_knows_the_features_of_its_fit(name: str) -> None:
    restored = correctors.get_corrector(name)().restore(fitted(name).state())
    with pytest.raises(AlignmentError, match="fitted"):
        restored.propose(each(lambda values: np.concatenate([values, values], 2 if values.ndim == 5 else 1)))


@pytest.mark.parametrize("name", [*QUICK, "projection", "blend", "cascade", "adapter"])
def test_features_that_do_not_differ_leave_nothing_to_learn(name: str) -> None:
    with pytest.raises(DataError, match="the same for all"):
        correctors.get_corrector(name)().fit(each(np.ones_like), LABELS)


@pytest.mark.parametrize("name", [name for name in QUICK if name != "error_detector"])
@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_the_unit_of_the_features_does_not_matter(name: str, scale: float) -> None:
    scaled = each(lambda values: values if values.ndim == 5 else values * np.float32(scale))
    score = correctors.get_corrector(name)().fit(scaled, LABELS).propose(scaled).score
    assert np.corrcoef(score, fitted(name).propose(OUTPUTS).score)[0, 1] > 0.99


@pytest.mark.parametrize("name", correctors.names())
def test_outputs_without_a_picture_are_answered(name: str) -> None:
    assert len(fitted(name).propose(OUTPUTS.take(LABELS < 0)).score) == 0


def test_a_tap_of_small_numbers_counts_beside_one_of_large_numbers() -> None:
    noise = np.random.default_rng(0).normal(size=(160, 4))
    both = replace(OUTPUTS, vectors={"noise": noise, "hidden": OUTPUTS.vectors["hidden"] * np.float32(1e-20)})
    score = Logistic().fit(both, LABELS).propose(both).score
    assert auroc(score, LABELS == 3) > 0.9


def test_more_than_float32_holds_is_refused() -> None:
    with pytest.raises(DataError, match="too large"):
        Logistic().fit(each(lambda values: values.astype(float) * 1e39), LABELS)


@pytest.mark.parametrize("target", [4, -1, "fear", 2.0, True, np.nan])
def test_a_target_that_is_no_class_is_refused(target: Any) -> None:
    with pytest.raises(UsageError, match="none of the 4 classes"):
        target_class(OUTPUTS, target)


@pytest.mark.parametrize("coding", ["three", "classes"])
def test_outputs_of_fewer_classes_are_refused(coding: str) -> None:
    everything = replace(OUTPUTS, probs=np.full((160, 4), 0.25), known=np.ones(4, bool))
    corrector = Logistic(0, target_encoding=coding).fit(everything, LABELS)
    fewer = replace(everything, probs=np.full((160, 3), 1 / 3), known=np.ones(3, bool))
    if coding == "classes":
        with pytest.raises(AlignmentError, match="class 3"):
            corrector.propose(fewer)
    else:
        assert len(corrector.propose(fewer).score) == 160


def test_more_pictures_for_a_fitted_corrector_are_checked_too() -> None:
    with pytest.raises(AlignmentError, match="no class"):
        LDA().fit(OUTPUTS, LABELS).add(OUTPUTS, LABELS + 1)
    with pytest.raises(AlignmentError, match="159 rows"):
        LDA().fit(OUTPUTS, LABELS).add(OUTPUTS, LABELS[:-1])


def test_no_class_is_not_the_last_class() -> None:
    with pytest.raises(AlignmentError, match="-1 is no class"):
        SoftLabels.of(np.array([0, -1]), 3)


def test_one_tap_may_be_named_without_a_list() -> None:
    alone = Logistic(layers="hidden").fit(OUTPUTS, LABELS).propose(OUTPUTS).score  # type: ignore[arg-type]
    assert np.array_equal(alone, Logistic(layers=("hidden",)).fit(OUTPUTS, LABELS).propose(OUTPUTS).score)


def test_mapped_and_read_only_features_are_read_where_they_lie(tmp_path: Path) -> None:
    for name, values in OUTPUTS.vectors.items():
        np.save(tmp_path / f"{name.replace('/', '-')}.npy", values)
    mapped = {name: np.load(tmp_path / f"{name.replace('/', '-')}.npy", mmap_mode="r") for name in OUTPUTS.vectors}
    outputs = replace(OUTPUTS, vectors=mapped)
    assert all(isinstance(values, np.memmap) for values in outputs.vectors.values())
    for name in ("logistic", "adapter"):
        score = correctors.get_corrector(name)().fit(outputs, LABELS).propose(outputs).score
        assert np.array_equal(score, fitted(name).propose(OUTPUTS).score)


# budgets, thresholds and labels of the calibration

NAMES = LabelSet(tuple("abcd"))


@pytest.mark.parametrize("share", [0, 1, 2, -0.1, np.nan, np.inf, "0.02", None])
def test_a_budget_that_is_no_share_is_refused(share: Any) -> None:
    for refused in (
        lambda: Policy(budget=share),
        lambda: Policy(delta=share),
        lambda: smallest_n(share, 0.05),
        lambda: allowed(100, 0.05, share),
        lambda: fixed_threshold(share),
    ):
        with pytest.raises(UsageError) as error:
            refused()
        assert error.value.place and error.value.remedy


def test_thresholds_are_numbers_one_or_one_for_each_answer() -> None:
    proposal, base = Proposal(["a", "b"], [1.0, 3.0], [3, 3]), np.array([0, 1])
    assert decide(proposal, [0, 1], 2).final.tolist() == [0, 3]
    assert decide(proposal, base, [np.inf, 0, 0, 0]).final.tolist() == decide(proposal, base, 2.0).final.tolist()
    for thresholds in (np.nan, [0, np.nan, 0, 0], [0.0], "low", None, np.zeros((4, 4))):
        with pytest.raises(MienError) as refused:
            decide(proposal, base, thresholds)
        assert refused.value.remedy


def test_a_certificate_is_for_labels_of_known_classes() -> None:
    proposal = fitted("logistic").propose(OUTPUTS)
    base = OUTPUTS.predicted
    found = CalibrationSet.of(proposal, LABELS, base).certify(Policy(0.1), NAMES, OUTPUTS.known)
    as_lists = CalibrationSet.of(proposal, LABELS.tolist(), base.tolist()).certify(Policy(0.1), NAMES, [1, 1, 1, 0])
    assert np.array_equal(found.thresholds, as_lists.thresholds) and found.guarantees == as_lists.guarantees
    persons = np.arange(160) // 2
    by_number, by_name = (
        CalibrationSet.of(proposal, LABELS, base, groups).certify(Policy(0.1), NAMES, OUTPUTS.known)
        for groups in (persons, [f"{person:03}" for person in persons])
    )
    assert by_number.guarantees == by_name.guarantees
    suggests_a_fifth = Proposal(proposal.ids, proposal.score, np.full(160, 4))
    wrong: list[Any] = [
        lambda: CalibrationSet.of(proposal, LABELS + 1, base).certify(Policy(), NAMES),
        lambda: CalibrationSet.of(proposal, LABELS, base, [None, *persons[1:]]).certify(Policy(), NAMES),
        lambda: CalibrationSet.of(proposal, LABELS, base).certify(Policy(), NAMES, [0, 1, 2]),
        lambda: CalibrationSet.of(suggests_a_fifth, LABELS, base).certify(Policy(), NAMES),
    ]
    for refused in wrong:
        with pytest.raises(MienError) as error:
            refused()
        assert error.value.place and error.value.remedy
