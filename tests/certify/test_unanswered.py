"""Drawn images without a label: the thresholds are never lower than with all labels, whatever these are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.certify.thresholds import GUARANTEES, allowed, allowed_on_average
from mien.certify.unanswered import count_unanswered
from mien.types import LabelSet

NAMES = LabelSet(("anger", "joy", "fear"))
KNOWN = np.array([True, True, False])
FEAR = 2


def drawn(seed: int, count: int = 300, persons: int = 0) -> CalibrationSet:
    rng = np.random.default_rng(seed)
    truth, base = rng.integers(0, 3, count), rng.integers(0, 2, count)
    truth = np.where(rng.random(count) < 0.7, base, truth)
    groups = rng.integers(0, persons, count).astype(str) if persons else None
    return CalibrationSet(truth, base, rng.normal(size=count) + 1.5 * (truth == FEAR), np.full(count, FEAR), groups)


@given(n=st.integers(0, 3000), budget=st.floats(0.001, 0.5), delta=st.floats(0.01, 0.3))
def test_one_more_image_allows_at_most_one_more_harmed(n: int, budget: float, delta: float) -> None:
    assert 0 <= allowed(n + 1, budget, delta) - allowed(n, budget, delta) <= 1
    assert 0 <= allowed_on_average(n + 1, budget) - allowed_on_average(n, budget) <= 1


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000), share=st.floats(0, 0.3), kind=st.sampled_from(GUARANTEES),
    scope=st.sampled_from(["pooled", "strict", "predicted"]), persons=st.sampled_from([0, 80]),
    adverse=st.booleans(),
)  # fmt: skip
def test_thresholds_are_never_lower_than_with_all_labels(
    seed: int, share: float, kind: str, scope: str, persons: int, adverse: bool
) -> None:
    calibration, rng = drawn(seed, persons=persons), np.random.default_rng(seed)
    policy = Policy(0.1, scope=scope, guarantee=kind, aim="gain")
    chance = np.where((calibration.truth == calibration.base) & (calibration.score[0] > 0.5), 3 * share, share / 3)
    unanswered = rng.random(len(calibration)) < (chance if adverse else share)
    with_all = calibration.certify(policy, NAMES, KNOWN).thresholds
    counted = count_unanswered(calibration, unanswered, policy, NAMES, KNOWN)
    if counted is not None:
        assert (counted.certify(policy, NAMES, KNOWN).thresholds >= with_all)[KNOWN].all()


def test_without_gaps_nothing_changes_and_low_scores_cost_nothing() -> None:
    calibration, policy = drawn(3), Policy(0.1, aim="gain")
    with_all = calibration.certify(policy, NAMES, KNOWN).thresholds
    none = count_unanswered(calibration, np.zeros(300, bool), policy, NAMES, KNOWN)
    assert none is not None and np.array_equal(none.score, calibration.score)
    low = (calibration.score[0] < -1) & (calibration.truth != calibration.base)
    counted = count_unanswered(calibration, low, policy, NAMES, KNOWN)
    assert low.any() and counted is not None and len(counted) == 300 - low.sum()
    assert counted.certify(policy, NAMES, KNOWN).thresholds[0] == with_all[0]


def test_too_many_gaps_certify_nothing() -> None:
    calibration, policy = drawn(3), Policy(0.1, aim="gain")
    assert count_unanswered(calibration, np.ones(300, bool), policy, NAMES, KNOWN) is None
    high = calibration.score[0] > np.quantile(calibration.score[0], 0.8)
    assert count_unanswered(calibration, high, policy, NAMES, KNOWN) is None


@pytest.mark.parametrize("kind", GUARANTEES)
def test_labels_that_hide_harm_do_not_raise_it(kind: str) -> None:
    """Half of the images that are spoilt have no label: the naive threshold breaks the budget, this one keeps it."""
    policy, everybody = Policy(0.05, guarantee=kind, aim="gain"), drawn(99, 60_000)
    right = everybody.truth == everybody.base
    harm = {"naive": [], "counted": []}
    for seed in range(200):
        calibration, rng = drawn(1000 + seed, 800), np.random.default_rng(seed)
        spoils = (calibration.truth == calibration.base) & (calibration.score[0] > 1.3)
        unanswered = spoils & (rng.random(800) < 0.5)
        sets = {"naive": calibration.take(np.flatnonzero(~unanswered)),
                "counted": count_unanswered(calibration, unanswered, policy, NAMES, KNOWN)}  # fmt: skip
        for name, each in sets.items():
            if each is not None:
                tau = each.certify(policy, NAMES, KNOWN).thresholds[0]
                harm[name].append((everybody.score[0][right] > tau).mean())
    error = 3 * np.sqrt(0.05 * 0.95 / len(harm["counted"]))
    if kind == "confident":
        assert np.mean(np.array(harm["naive"]) > 0.05) > 0.5
        assert np.mean(np.array(harm["counted"]) > 0.05) <= 0.05 + error
    else:
        assert np.mean(harm["naive"]) > 0.06 and np.mean(harm["counted"]) <= 0.05
    assert len(harm["counted"]) > 100
