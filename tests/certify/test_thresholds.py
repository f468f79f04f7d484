"""Thresholds: exact numbers, the guarantee by simulation, and silence where nothing can be certified."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mien.certify.thresholds import (
    EXPECTED,
    allowed,
    allowed_on_average,
    balanced_accuracy_threshold,
    cost_ratio_threshold,
    fixed_threshold,
    order_statistic_threshold,
    smallest_n,
    smallest_n_on_average,
)
from mien.errors import AlignmentError, UsageError

SHARES = st.floats(0.005, 0.3)

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


@pytest.mark.parametrize(
    ("budget", "n"), [(0.01, 99), (0.02, 49), (0.05, 19), (0.1, 9), (0.3, 3), (0.5, 1), (1 / 3, 2), (0.7, 1)]
)
def test_the_fewest_pictures_that_bound_the_mean(budget: float, n: int) -> None:
    assert smallest_n_on_average(budget) == n


@pytest.mark.parametrize(
    ("n", "budget", "k"),
    [(0, 0.02, -1), (48, 0.02, -1), (49, 0.02, 0), (98, 0.02, 0), (99, 0.02, 1), (712, 0.02, 13), (999, 0.1, 99),
     (99, 0.01, 0), (99, 0.07, 6)],
)  # fmt: skip
def test_how_many_may_be_harmed_for_a_bound_on_the_mean(n: int, budget: float, k: int) -> None:
    assert allowed_on_average(n, budget) == k


@given(st.integers(0, 3000), SHARES)
def test_the_bound_on_the_mean_spends_nearly_all_of_the_budget(n: int, budget: float) -> None:
    k = allowed_on_average(n, budget)
    assert -1 <= k < max(n, 1)
    assert k == -1 or (k + 1) / (n + 1) <= budget + 1e-9
    assert (k + 2) / (n + 1) > budget - 1e-9


@given(st.integers(0, 3000), SHARES, SHARES)
def test_more_pictures_and_a_larger_budget_allow_no_less(n: int, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert allowed_on_average(n, small) <= allowed_on_average(n, large)
    assert 0 <= allowed_on_average(n + 1, small) - allowed_on_average(n, small) <= 1
    assert smallest_n_on_average(large) <= smallest_n_on_average(small)


@given(SHARES)
def test_the_mean_is_bounded_from_the_smallest_n_on(budget: float) -> None:
    n = smallest_n_on_average(budget)
    assert allowed_on_average(n, budget) == 0 and allowed_on_average(n - 1, budget) == -1
    assert n < smallest_n(budget, 0.05)  # the mean takes fewer


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


@pytest.mark.parametrize(("n", "budget"), [(19, 0.05), (200, 0.05), (500, 0.02)])
def test_the_mean_of_harm_keeps_the_budget_by_simulation(n: int, budget: float) -> None:
    rng, trials = np.random.default_rng(0), 3000
    given_by = [order_statistic_threshold(rng.random(n), None, budget, 0.05, kind=EXPECTED) for _ in range(trials)]
    harm = 1 - np.array([guarantee.threshold for guarantee in given_by])  # of uniform scores, exactly
    error = harm.std() / np.sqrt(trials)
    assert harm.mean() <= budget + 2 * error
    assert harm.mean() == pytest.approx((allowed_on_average(n, budget) + 1) / (n + 1), rel=0.05)
    assert (harm > budget).mean() > 0.2  # single calibrations exceed it
    assert all(guarantee.kind == EXPECTED and np.isnan(guarantee.confidence) for guarantee in given_by)


def test_an_unknown_kind_of_guarantee_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'expected'"):
        order_statistic_threshold(np.zeros(3), None, 0.5, 0.05, kind="expectd")


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


def test_the_plain_thresholds() -> None:
    assert fixed_threshold(0.9) == pytest.approx(np.log(9))
    score = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    new = np.array([0, 0, 0, 0, 1, 0, 1, 1], bool)
    assert balanced_accuracy_threshold(score, new) == 3
    assert cost_ratio_threshold(score, new, cost=0.5) == 3
    assert cost_ratio_threshold(score, new, cost=5) == 5


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError):
        cost_ratio_threshold(np.zeros(2), np.array([True, False]), cost=0)
    with pytest.raises(AlignmentError):
        order_statistic_threshold(np.zeros(3), np.array(["a"]), 0.02, 0.05)
    with pytest.raises(AlignmentError):
        balanced_accuracy_threshold(np.zeros(3), np.ones(3, bool))
