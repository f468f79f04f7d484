"""The budget is a limit: the threshold in force serves an aim, and stays at or above the certified one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.certify.aims import AIMS, aim_weights, break_even, parse_costs, raised, worth_matrix
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.certify.thresholds import GUARANTEES
from mien.correctors.log_odds import class_odds, most_probable
from mien.errors import AlignmentError, DataError, MienError, UsageError
from mien.types import LabelSet, Outputs, Proposal

LABELS = LabelSet(("calm", "fear", "joy"))
NEVER = np.full(3, -np.inf)


def drawn(seed: int, n: int = 400, spread: float = 1.0) -> CalibrationSet:
    """Images of three classes; the score for fear is its true log-odds against the classifier's answer, with noise."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=(0.6, 0.1, 0.3))
    base = np.where(rng.random(n) < 0.8, truth, rng.integers(0, 3, n))
    score = np.where(truth == 1, 1.5, -1.5) + spread * rng.normal(size=n)
    return CalibrationSet(truth, base, score, np.ones(n, int))


def recall_mean(truth: np.ndarray, answers: np.ndarray) -> float:
    return float(np.mean([(answers[truth == c] == c).mean() for c in np.unique(truth)]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(AIMS), st.sampled_from(GUARANTEES), st.floats(0.01, 0.3))
def test_thresholds_of_every_aim_keep_the_certificate(seed: int, aim: str, kind: str, budget: float) -> None:
    found = drawn(seed).certify(Policy(budget, aim=aim, guarantee=kind), LABELS)
    spent = drawn(seed).certify(Policy(budget, aim="gain", guarantee=kind), LABELS)
    assert (found.thresholds >= spent.thresholds).all()
    assert found.guarantees[0].holds == spent.guarantees[0].holds
    assert found.guarantees[0].kind == kind and {g.kind for g in found.others} == set(GUARANTEES) - {kind}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["macro_recall", "accuracy"]))
def test_what_is_said_of_the_aim_is_what_the_thresholds_do(seed: int, aim: str) -> None:
    calibration = drawn(seed)
    found = calibration.certify(Policy(0.1, aim=aim), LABELS)
    [proposal] = calibration.proposals
    truth, base = calibration.truth, calibration.base
    after = np.where((proposal.score > found.thresholds[base]) & (base != 1), 1, base)
    measure = recall_mean if aim == "macro_recall" else lambda truth, answers: float((truth == answers).mean())
    assert found.served is not None
    assert found.served.before == pytest.approx(measure(truth, base))
    assert found.served.after == pytest.approx(measure(truth, after))
    assert found.served.after >= found.served.before


def test_a_patch_that_cannot_improve_the_aim_is_silent() -> None:
    truth = np.repeat([0, 2], 300)
    score = np.random.default_rng(0).normal(size=600)
    found = CalibrationSet(truth, truth, score, np.ones(600, int)).certify(Policy(0.02), LABELS)
    assert np.isinf(found.thresholds).all() and found.served is not None and not found.served.helps
    assert np.isfinite(CalibrationSet(truth, truth, score, np.ones(600, int)).certify(
        Policy(0.02, aim="gain"), LABELS).thresholds).all()  # fmt: skip


def test_the_break_even_for_macro_recall_is_how_much_larger_the_suggested_class_is() -> None:
    calibration = drawn(3, n=4000)
    offsets = break_even(worth_matrix(calibration.truth, LABELS, "macro_recall"), np.array([1]))
    counts = np.bincount(calibration.truth)
    assert offsets == pytest.approx(np.log(counts[1] / counts))


def test_costs_move_the_break_even_and_count_what_they_say() -> None:
    truth, base, score = np.array([1, 1, 0, 0]), np.array([0, 0, 0, 0]), np.array([3.0, 2.0, 1.0, -1.0])
    costs = parse_costs(("fear>calm=10", "calm>fear=1"))
    worth = worth_matrix(truth, LABELS, "cost", costs)
    thresholds, before, after = raised(Proposal(None, score, np.ones(4, int)), truth, base, NEVER, worth)  # type: ignore[arg-type]
    assert thresholds[0] == pytest.approx(np.log(1 / 10))
    assert before == pytest.approx(-20 / 4) and after == pytest.approx(-2 / 4)


def test_an_abstention_counts_as_right_where_the_classifier_is_wrong() -> None:
    truth, base = np.array([0] * 50 + [1] * 50), np.zeros(100, int)
    score = np.where(truth == 1, 3.0, -3.0)
    found = CalibrationSet(truth, base, score, np.full(100, -1)).certify(Policy(0.2, aim="accuracy"), LABELS)
    assert found.served is not None and found.served.after == pytest.approx(1)


def test_a_class_budget_raises_the_threshold_of_that_answer_alone() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 2], 1000)
    calibration = CalibrationSet(truth, truth, rng.normal(size=2000) + (truth == 2), np.ones(2000, int))
    plain = calibration.certify(Policy(0.05, aim="gain"), LABELS)
    limited = calibration.certify(Policy(0.05, aim="gain", class_budget=("joy=0.05",)), LABELS)
    assert limited.thresholds[2] > plain.thresholds[2] and limited.thresholds[0] == plain.thresholds[0]
    joy = next(guarantee for guarantee in limited.guarantees if guarantee.group == "joy")
    assert joy.holds and joy.budget == 0.05
    few = calibration.certify(Policy(0.05, aim="gain", class_budget=("joy=0.001",)), LABELS)
    assert np.isinf(few.thresholds[2]) and np.isfinite(few.thresholds[0])  # too few for such a budget: never overridden
    assert few.left_alone("joy", LABELS.names) and not limited.left_alone("joy", LABELS.names)
    assert not few.left_alone("pooled", LABELS.names)


@pytest.mark.parametrize("scope", ["pooled", "predicted"])
def test_a_class_with_a_budget_of_its_own_keeps_it_where_rare_classes_are_pooled(scope: str) -> None:
    truth = np.repeat([0, 1, 2], [1000, 60, 60])
    calibration = CalibrationSet(truth, truth, np.random.default_rng(0).normal(size=1120), np.ones(1120, int))
    policy = Policy(0.05, scope=scope, aim="gain", pool_rare=True, class_budget=("joy=0.01",))
    found = calibration.certify(policy, LABELS)
    assert np.isinf(found.thresholds[2]) and np.isfinite(found.thresholds[:2]).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"aim": "recall"}, {"costs": ("fear>calm=2",)}, {"aim": "cost", "costs": ("fear=2",)},
        {"aim": "cost", "costs": ("fear>fear=2",)}, {"aim": "cost", "costs": ("fear>calm=nan",)},
        {"class_budget": ("joy",)}, {"class_budget": ("joy=2",)}, {"class_budget": ("=0.1",)}, {"guarantee": "sure"},
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        Policy(**bad)  # type: ignore[arg-type]
    assert caught.value.place and caught.value.remedy


@pytest.mark.parametrize("policy", [Policy(class_budget=("anger=0.1",)), Policy(aim="cost", costs=("anger>joy=2",))])
def test_an_unknown_class_in_a_policy_is_named(policy: Policy) -> None:
    with pytest.raises(MienError, match="anger"):
        drawn(0).certify(policy, LABELS)


def several(seed: int, aim: str, n: int = 4000) -> tuple[float, float]:
    """Accuracy and macro recall of a classifier that is corrected by the true probabilities of four uneven classes."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.6, 0.25, 0.1, 0.05])
    truth = rng.choice(4, 2 * n, p=shares)
    place = truth + rng.normal(0, 0.8, 2 * n)
    log_probs = np.log(shares) - (place[:, None] - np.arange(4)) ** 2 / (2 * 0.8**2)
    guess = np.where(rng.random(2 * n) < 0.3, 0, np.clip(np.round(place), 0, 3)).astype(int)
    outputs = Outputs(None, np.eye(4)[guess] * 0.8 + 0.05)
    weights = aim_weights(truth[:n], 4, aim)
    proposal = most_probable(class_odds(log_probs, outputs, 0.0), outputs, (0, 1, 2, 3), weights)
    base = outputs.predicted
    held = CalibrationSet(truth[:n], base[:n], proposal.score[:n], proposal.suggested[:n], weights=weights)
    thresholds = held.certify(Policy(0.05, aim=aim), ["a", "b", "c", "d"]).thresholds
    final = decide(proposal, base, thresholds).final[n:]
    return float((final == truth[n:]).mean()), recall_mean(truth[n:], final)


def test_with_several_classes_each_aim_is_served_best_by_its_own_weights() -> None:
    figures = {aim: np.mean([several(seed, aim) for seed in range(5)], axis=0) for aim in ("accuracy", "macro_recall")}
    assert figures["accuracy"][0] > figures["macro_recall"][0] + 0.01
    assert figures["macro_recall"][1] > figures["accuracy"][1] + 0.01


def test_aim_weights_are_those_of_the_aim_less_what_the_training_had() -> None:
    labels = np.repeat([0, 1], [90, 10])
    full, rest = (aim_weights(labels, 3, "macro_recall", power) for power in (0.0, 0.5))
    assert full is not None and rest is not None
    assert full[1] / full[0] == pytest.approx(9) and rest[1] / rest[0] == pytest.approx(3) and full[2] == 1
    assert aim_weights(labels, 3, "macro_recall", 1.0) is None
    assert all(aim_weights(labels, 3, aim) is None for aim in ("accuracy", "cost", "gain"))


def test_scores_with_weights_pay_from_the_weight_of_the_answer_on() -> None:
    weights = np.array([0.5, 4.0, 1.0])
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 3000, p=(0.6, 0.1, 0.3))
    base = np.where(rng.random(3000) < 0.7, truth, rng.integers(0, 3, 3000))
    suggested = np.where(base == truth, (base + 1) % 3, truth)
    score = np.where(base == truth, -2.0, 3.0) + rng.normal(0, 0.3, 3000)
    found = CalibrationSet(truth, base, score, suggested, weights=weights).certify(Policy(0.2), LABELS)
    assert found.thresholds == pytest.approx(np.log(weights))


@pytest.mark.parametrize("weights", [[1.0, 0.0, 1.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], ["a", "b", "c"]])
def test_weights_are_numbers_above_zero(weights: list[float]) -> None:
    with pytest.raises(DataError):
        CalibrationSet([0], [0], [1.0], [1], weights=weights)  # type: ignore[arg-type]


def test_there_is_a_weight_for_each_class() -> None:
    with pytest.raises(AlignmentError):
        CalibrationSet([0], [0], [1.0], [1], weights=np.ones(2)).certify(Policy(), LABELS)
