"""The harm budget: exact numbers, the guarantee by simulation, and silence where nothing can be certified."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mien.correctors.policy import Policy, certify, decide
from mien.correctors.thresholds import (
    allowed,
    balanced_accuracy_threshold,
    cost_ratio_threshold,
    fixed_threshold,
    order_statistic_threshold,
    smallest_n,
)
from mien.errors import AlignmentError, UsageError
from mien.types import LabelSet, Proposal

LABELS = LabelSet(("fear", "happiness", "neutral"))
SHARES = st.floats(0.005, 0.3)


def proposal(score: np.ndarray, suggested: np.ndarray | int) -> Proposal:
    ids = np.arange(len(score)).astype(str)
    return Proposal(ids, np.asarray(score, float), np.broadcast_to(suggested, score.shape).copy())


def calibration(counts: tuple[int, int, int], seed: int = 0) -> tuple[Proposal, np.ndarray]:
    """Scores for class 0 of pictures that f, which does not know it, had right."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), counts)
    return proposal(rng.normal(size=len(truth)) + 0.5 * (truth == 1), 0), truth


# numbers


@pytest.mark.parametrize(("n", "k"), [(113, -1), (114, 0), (154, 0), (332, 2), (712, 9), (1329, 19), (3000, 49)])
def test_how_many_may_be_harmed_at_two_percent_with_confidence_ninety(n: int, k: int) -> None:
    assert allowed(n, 0.02, 0.1) == k


@pytest.mark.parametrize(
    ("budget", "delta", "n"),
    [(0.01, 0.05, 299), (0.02, 0.05, 149), (0.05, 0.05, 59), (0.01, 0.1, 230), (0.02, 0.1, 114), (0.05, 0.1, 45)],
)
def test_the_fewest_pictures_that_certify(budget: float, delta: float, n: int) -> None:
    assert smallest_n(budget, delta) == n


@given(st.integers(0, 3000), SHARES, SHARES)
def test_allowed_is_the_largest_count_within_the_binomial_bound(n: int, budget: float, delta: float) -> None:
    k = allowed(n, budget, delta)
    assert k == -1 or binom.cdf(k, n, budget) <= delta
    assert binom.cdf(k + 1, n, budget) > delta


@given(SHARES, SHARES)
def test_smallest_n_is_where_certificates_begin(budget: float, delta: float) -> None:
    n = smallest_n(budget, delta)
    assert allowed(n, budget, delta) >= 0
    assert allowed(n - 1, budget, delta) == -1


# thresholds


@given(st.lists(st.integers(0, 6), min_size=60, max_size=200))
def test_ties_never_override_more_than_allowed(scores: list[int]) -> None:
    values = np.array(scores, float)
    guarantee = order_statistic_threshold(values, None, 0.05, 0.05)
    assert guarantee.feasible
    assert (values > guarantee.threshold).sum() <= guarantee.k


def test_without_ties_exactly_the_allowed_count_is_overridden() -> None:
    values = np.random.default_rng(0).normal(size=712)
    guarantee = order_statistic_threshold(values, None, 0.02, 0.1)
    assert (values > guarantee.threshold).sum() == guarantee.k == 9


def test_copies_of_a_person_count_once_by_the_largest_score() -> None:
    values = np.random.default_rng(0).normal(size=200)
    persons = np.arange(200).astype(str)
    alone = order_statistic_threshold(values, None, 0.05, 0.05)
    copies = order_statistic_threshold(
        np.concatenate([values, values - 1, values - 2]), np.tile(persons, 3), 0.05, 0.05
    )
    assert copies == alone


@pytest.mark.parametrize("n", [0, 1, 148])
def test_too_few_pictures_mean_silence_and_the_number_needed(n: int) -> None:
    guarantee = order_statistic_threshold(np.zeros(n), None, 0.02, 0.05, "fear")
    assert (guarantee.feasible, guarantee.threshold, guarantee.k) == (False, np.inf, -1)
    assert (guarantee.group, guarantee.n, guarantee.needed) == ("fear", n, 149)


@pytest.mark.parametrize(("n", "budget"), [(60, 0.05), (200, 0.05), (500, 0.02)])
def test_the_guarantee_holds_by_simulation(n: int, budget: float) -> None:
    rng, trials, delta = np.random.default_rng(0), 3000, 0.1
    thresholds = [order_statistic_threshold(rng.random(n), None, budget, delta).threshold for _ in range(trials)]
    harm = 1 - np.array(thresholds)  # of uniform scores, exactly
    k = allowed(n, budget, delta)
    violations = int((harm > budget).sum())
    assert violations <= binom.ppf(0.999, trials, delta)
    # and it is not looser than it must be: the chance is P(Bin(n, α) ≤ k), the mean (k+1)/(n+1)
    assert abs(violations / trials - binom.cdf(k, n, budget)) < 0.02
    assert harm.mean() == pytest.approx((k + 1) / (n + 1), rel=0.05)


def test_all_classes_hold_at_once_under_strict_and_predicted_by_simulation() -> None:
    rng, trials, budget, delta = np.random.default_rng(1), 600, 0.1, 0.1
    truth = np.repeat(np.arange(3), (80, 120, 200))
    failures = {"strict": 0, "predicted": 0}
    for _ in range(trials):
        scores = proposal(rng.random(len(truth)), 0)  # uniform: Harm is 1 − τ; class 0 is left out, unknown to f
        for scope in failures:
            found = certify(
                scores, truth, truth, None, LABELS, Policy(budget, delta, scope), known=np.array([False, True, True])
            )
            failures[scope] += bool((1 - found.thresholds[1:] > budget).any())
    assert all(count <= binom.ppf(0.999, trials, delta) for count in failures.values())
    assert failures["predicted"] > 0  # it spends its budget


@pytest.mark.parametrize("n", [120, 332, 712])
def test_mapie_finds_the_same_overrides(n: int) -> None:
    control = pytest.importorskip("mapie.risk_control")
    # one threshold after another, from the highest: what our order statistic does in one step
    scores = np.random.default_rng(n).random(n)
    descending = np.append(0.99999, np.sort(scores)[::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        controller = control.BinaryClassificationController(
            predict_function=lambda X: np.column_stack([1 - X[:, 0], X[:, 0]]),
            risk="fpr",
            target_level=0.02,
            confidence_level=0.9,
            list_predict_params=descending,
            fwer_method="fixed_sequence",
            best_predict_param_choice="recall",
        )
        # one picture of the new class, far above, so that its recall is defined
        controller.calibrate(np.append(scores, 0.9999999)[:, None], np.append(np.zeros(n, int), 1))
    ours = order_statistic_threshold(scores, None, 0.02, 0.1)
    overridden = (scores >= np.min(controller.valid_predict_params)).sum()
    assert overridden == ours.k == (scores > ours.threshold).sum()


# certificates


def test_pooled_is_in_force_and_rare_classes_say_what_they_need() -> None:
    scores, truth = calibration((0, 200, 40))
    found = certify(scores, truth, truth, None, LABELS, Policy(), known=np.array([False, True, True]))
    pooled, happiness, neutral = found.guarantees
    assert [g.group for g in found.guarantees] == ["pooled", "happiness", "neutral"]
    assert (pooled.n, happiness.n, neutral.n) == (240, 200, 40)
    assert (found.thresholds == pooled.threshold).all() and pooled.holds
    assert not neutral.feasible and not neutral.holds and neutral.needed == 149


def test_a_class_is_certified_only_if_the_threshold_in_force_is_high_enough() -> None:
    truth = np.repeat([1, 2], (200, 2000))
    score = np.concatenate([np.linspace(5, 6, 200), np.linspace(0, 1, 2000)])  # class 1 is in danger
    score[200:260] = 9  # and so are a few of class 2, which the pooled budget cannot bear
    found = certify(proposal(score, 0), truth, truth, None, LABELS, Policy(0.05), known=np.array([False, True, True]))
    pooled, happiness, neutral = found.guarantees
    assert happiness.feasible and not happiness.holds and happiness.threshold > pooled.threshold
    assert neutral.feasible and neutral.holds == (pooled.threshold >= neutral.threshold)


def test_only_pictures_that_f_had_right_count() -> None:
    scores, truth = calibration((50, 200, 200))
    base = np.where(truth == 0, 1, truth)  # f does not know class 0
    base[truth == 2] = 1  # and gets all neutral wrong
    found = certify(scores, truth, base, None, LABELS, Policy(), known=np.array([False, True, True]))
    assert [g.n for g in found.guarantees] == [200, 200, 0]


def test_a_suggestion_that_equals_the_answer_harms_nothing() -> None:
    truth = np.repeat([1, 2], 200)
    score = np.where(truth == 1, 100.0, 0.0) + np.linspace(0, 1, 400)
    found = certify(proposal(score, 1), truth, truth, None, LABELS, Policy())
    assert found.thresholds[0] < 100


def test_strict_takes_the_largest_threshold_and_is_silent_if_a_class_is_too_small() -> None:
    scores, truth = calibration((0, 300, 300))
    known = np.array([False, True, True])
    strict = certify(scores, truth, truth, None, LABELS, Policy(scope="strict"), known)
    assert strict.thresholds[0] == max(g.threshold for g in strict.guarantees[1:])
    assert all(g.holds for g in strict.guarantees[1:])
    few = np.arange(600) < 340
    small = certify(proposal(scores.score[few], 0), truth[few], truth[few], None, LABELS, Policy(scope="strict"), known)
    assert np.isinf(small.thresholds).all()


def test_rare_classes_may_be_certified_together() -> None:
    scores, truth = calibration((80, 300, 80))
    scores = proposal(scores.score, 1)
    alone = certify(scores, truth, truth, None, LABELS, Policy(scope="strict"))
    together = certify(scores, truth, truth, None, LABELS, Policy(scope="strict", pool_rare=True))
    assert np.isinf(alone.thresholds).all() and np.isfinite(together.thresholds).all()
    rare = together.guarantees[-1]
    assert (rare.group, rare.n, rare.holds) == ("rare classes", 160, True)
    assert [g.holds for g in together.guarantees if g.group in ("fear", "neutral")] == [False, False]


def test_by_predicted_class_each_answer_has_its_own_threshold() -> None:
    scores, truth = calibration((0, 400, 40))
    found = certify(scores, truth, truth, None, LABELS, Policy(scope="predicted"), known=np.array([False, True, True]))
    pooled, happiness, _ = found.guarantees
    assert np.isfinite(found.thresholds[1]) and np.isinf(found.thresholds[[0, 2]]).all()
    assert happiness.confidence == pytest.approx(0.95**0.5)
    assert pooled.holds and pooled.confidence == 0.95 and pooled.threshold == found.thresholds[1]


# decisions


def test_the_three_actions() -> None:
    base = np.array([1, 2, 1, 0])
    given = proposal(np.array([3.0, 1.0, 2.0, 5.0]), 0)
    relabelled, abstained, flagged = (decide(given, base, 2.0, action) for action in ("relabel", "abstain", "flag"))
    assert relabelled.final.tolist() == [0, 2, 1, 0]
    assert abstained.final.tolist() == [-1, 2, 1, 0]
    assert flagged.final.tolist() == base.tolist()
    # a score on the threshold is not above it, and a suggestion that agrees is no override
    assert relabelled.changed.tolist() == abstained.changed.tolist() == flagged.changed.tolist() == [True, *[False] * 3]


def test_thresholds_by_answer_and_silence() -> None:
    base = np.array([1, 2, 1, 2])
    given = proposal(np.array([1.0, 1.0, -1.0, 99.0]), 0)
    assert decide(given, base, np.array([np.inf, 0.0, np.inf])).changed.tolist() == [True, False, False, False]
    assert not decide(given, base, np.inf).changed.any()


def test_the_plain_thresholds() -> None:
    assert fixed_threshold(0.9) == pytest.approx(np.log(9))
    score = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    new = np.array([0, 0, 0, 0, 1, 0, 1, 1], bool)
    assert balanced_accuracy_threshold(score, new) == 3
    assert cost_ratio_threshold(score, new, cost=0.5) == 3
    assert cost_ratio_threshold(score, new, cost=5) == 5


# refusals


def test_bad_settings_are_refused_with_a_remedy() -> None:
    with pytest.raises(UsageError, match=r"between 0 and 1"):
        Policy(budget=2)
    with pytest.raises(UsageError, match="did you mean 'strict'"):
        Policy(scope="strickt")
    with pytest.raises(UsageError, match="choose from"):
        Policy(action="delete")
    with pytest.raises(UsageError):
        cost_ratio_threshold(np.zeros(2), np.array([True, False]), cost=0)


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    scores, truth = calibration((0, 5, 5))
    with pytest.raises(AlignmentError):
        certify(scores, truth[:-1], truth, None, LABELS, Policy())
    with pytest.raises(AlignmentError):
        certify(scores, truth, truth, None, LABELS, Policy(), known=np.zeros(3, bool))
    with pytest.raises(AlignmentError):
        decide(scores, truth[:-1], 0.0)
    with pytest.raises(AlignmentError):
        order_statistic_threshold(np.zeros(3), np.array(["a"]), 0.02, 0.05)
    with pytest.raises(AlignmentError):
        balanced_accuracy_threshold(np.zeros(3), np.ones(3, bool))


@pytest.mark.parametrize("rule", ["probability", "balanced_accuracy", "cost"])
def test_a_plain_rule_chooses_its_own_threshold_and_claims_no_certificate_that_does_not_hold(rule: str) -> None:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 600)
    score = generator.normal(size=600) + 2.0 * (truth == 2)
    proposal = Proposal(np.arange(600).astype(str), score, np.full(600, 2))
    base, known = np.where(truth == 2, 0, truth), np.array([True, True, False])
    labelset = LabelSet(("a", "b", "c"))
    plain = certify(proposal, truth, base, None, labelset, Policy(rule=rule), known)
    certified = certify(proposal, truth, base, None, labelset, Policy(), known)
    assert np.unique(plain.thresholds).size == 1
    assert plain.thresholds[0] < certified.thresholds[0]  # so the budget of 2 % is not kept
    assert certified.guarantees[0].holds
    assert not plain.guarantees[0].holds
