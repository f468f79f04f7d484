"""Evidence from two counts: readable at any time, and right about as rarely as is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom

from mien.errors import MienError, UsageError
from mien.watch.evidence import (
    CENTRE,
    WEIGHT,
    log_evidence_above,
    log_evidence_below,
    lower_bound,
    upper_bound,
)
from mien.watch.schedule import Schedule

LIMIT, DELTA = 0.05, 0.1
COUNTS = st.integers(0, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def test_the_evidence_is_the_mixture_that_the_text_describes() -> None:
    prior = beta(WEIGHT, WEIGHT / (CENTRE * LIMIT) - WEIGHT)

    def ratio(p: float) -> float:
        return float(prior.pdf(p)) * (p / LIMIT) ** 7 * ((1 - p) / (1 - LIMIT)) ** 53

    mixed = quad(ratio, LIMIT, 1)[0] / prior.sf(LIMIT)
    assert float(log_evidence_above(60, 7, LIMIT)) == pytest.approx(np.log(mixed))


def test_under_the_limit_alarms_are_rare_at_all_times() -> None:
    harmed = np.cumsum(np.random.default_rng(0).random((1000, 3000)) < LIMIT, axis=1)
    images = np.arange(1, 3001)
    for evidence, rate in ((log_evidence_above, LIMIT), (log_evidence_below, LIMIT)):
        ever = (evidence(np.broadcast_to(images, harmed.shape), harmed, rate) >= -np.log(DELTA)).any(axis=1)
        assert ever.sum() <= binom.ppf(0.999, 1000, DELTA)
        assert ever.sum() > 0  # it can fail


@given(COUNTS)
def test_the_bounds_hold_the_rate_and_are_shares(counts: tuple[int, int]) -> None:
    images, harmed = counts
    low, high = lower_bound(images, harmed), upper_bound(images, harmed)
    assert 0 <= low <= high <= 1
    if images:
        assert low <= harmed / images <= high


@given(COUNTS, st.floats(0.005, 0.5))
def test_more_harm_is_more_evidence(counts: tuple[int, int], limit: float) -> None:
    images, harmed = counts
    if harmed < images:
        assert log_evidence_above(images, harmed + 1, limit) >= log_evidence_above(images, harmed, limit) - 1e-9
        assert upper_bound(images, harmed + 1) >= upper_bound(images, harmed) - 1e-9


def test_no_image_is_no_evidence() -> None:
    assert float(log_evidence_above(0, 0, 0.02)) == 0
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0, 1)


@pytest.mark.parametrize("bad", [(1, 2, 0.02), (10, -1, 0.02), (10, 1.5, 0.02)])
def test_counts_that_cannot_be_are_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(MienError):
        log_evidence_above(*bad)


@pytest.mark.parametrize("limit", [0, 1, -0.1, np.nan])
def test_limits_that_are_no_shares_are_refused(limit: float) -> None:
    with pytest.raises(UsageError):
        log_evidence_above(10, 1, limit)


# label until certified


def chance_of_certifying(schedule: Schedule, rate: float) -> float:
    """By the exact distribution of the counts, image by image."""
    alive, certified, stops = np.array([1.0]), 0.0, set(schedule.stops)
    for image in range(1, schedule.stops[-1] + 1):
        alive = np.convolve(alive, [1 - rate, rate])
        if image in stops:
            k = schedule.stops.index(image)
            certified += alive[: k + 1].sum()
            alive[: k + 1] = 0
    return float(certified)


@pytest.mark.parametrize(("budget", "delta"), [(0.02, 0.05), (0.05, 0.05), (0.05, 0.1)])
def test_a_corrector_over_the_budget_is_hardly_ever_certified(budget: float, delta: float) -> None:
    schedule = Schedule.of(budget, delta)
    assert 0.95 * delta < chance_of_certifying(schedule, budget) <= delta
    assert chance_of_certifying(schedule, 1.2 * budget) < chance_of_certifying(schedule, budget)


def test_without_harm_a_quarter_more_labels_than_of_a_fixed_design_are_enough() -> None:
    assert Schedule.of(0.02).stops[0] <= 1.25 * 149
    assert Schedule.of(0.02).certified_after(np.zeros(400, int)) == Schedule.of(0.02).stops[0]


def test_harm_delays_and_then_prevents_the_certificate() -> None:
    schedule, stops = Schedule.of(0.02), Schedule.of(0.02).stops
    one = np.zeros(2000, int)
    one[10] = 1
    assert schedule.certified_after(one) == stops[1]
    assert schedule.certified_after(np.ones(2000, int)) == 0
    assert schedule.needed(stops[1] - 5, 1) == 5 and schedule.needed(10**6, len(stops)) == -1
