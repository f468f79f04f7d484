"""Properties of a score, with and without ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mien.errors import AlignmentError
from mien.metrics.ranking import auroc, gain_at_harm, gain_curve, override_score, partial_auroc, restored_at_equal_harm

HARMS = np.linspace(0, 1, 21)


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with many ties, the new pictures, and the pictures that count for Harm."""
    rows = draw(st.lists(st.tuples(st.integers(-4, 4), st.sampled_from("nhw")), min_size=2, max_size=60))
    kind = np.array([kind for _, kind in rows])
    return np.array([score for score, _ in rows], dtype=float), kind == "n", kind == "h"


@given(scored())
def test_gain_never_falls_as_harm_grows(case: tuple[np.ndarray, ...]) -> None:
    gains = gain_curve(*case, HARMS)
    assert np.isnan(gains).all() or (np.diff(gains) >= 0).all()


@given(scored(), st.sampled_from(HARMS))
def test_gain_is_the_best_of_all_thresholds_within_the_harm(case: tuple[np.ndarray, ...], harm: float) -> None:
    score, new, known = case
    thresholds = np.unique(np.concatenate([[-np.inf], score]))
    if not new.any() or not known.any():
        assert np.isnan(gain_at_harm(score, new, known, harm))
        return
    within = [t for t in thresholds if (score[known] > t).mean() <= harm + 1e-9]
    assert gain_at_harm(score, new, known, harm) == pytest.approx(max((score[new] > t).mean() for t in within))


@given(scored(), st.sampled_from(HARMS))
def test_only_the_order_of_the_scores_counts(case: tuple[np.ndarray, ...], harm: float) -> None:
    score, new, known = case
    first, second = (gain_at_harm(values, new, known, harm) for values in (score, np.exp(score) - 3))
    assert first == second or (np.isnan(first) and np.isnan(second))


@given(scored())
def test_auroc_is_the_share_of_pairs_in_order(case: tuple[np.ndarray, ...]) -> None:
    score, positive, _ = case
    if positive.all() or not positive.any():
        assert np.isnan(auroc(score, positive)) and np.isnan(partial_auroc(score, positive))
        return
    gap = score[positive][:, None] - score[~positive]
    assert auroc(score, positive) == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean())
    assert auroc(score, positive) + auroc(-score, positive) == pytest.approx(1)


def test_ties_with_the_threshold_are_not_overridden() -> None:
    score = np.array([1.0, 1.0, 1.0, 1.0, 2.0])
    new = np.array([True, False, False, False, True])
    assert gain_at_harm(score, new, ~new, 2 / 3) == 0.5  # letting the tie in would harm all three


def test_partial_auroc_is_one_for_perfection_and_a_half_for_chance() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < 0.3
    assert partial_auroc(positive.astype(float), positive) == 1
    assert partial_auroc(rng.random(20_000), positive) == pytest.approx(0.5, abs=0.01)
    noisy = positive + rng.normal(size=20_000)
    assert partial_auroc(noisy, positive, 0.1) == roc_auc_score(positive, noisy, max_fpr=0.1)


def test_a_network_against_itself_restores_exactly_one() -> None:
    rng = np.random.default_rng(0)
    new = np.arange(300) < 60
    score = rng.normal(size=300) + 2 * new
    assert restored_at_equal_harm(score, score, new, ~new, 0.02) == 1
    assert restored_at_equal_harm(rng.normal(size=300), score, new, ~new, 0.02) < 1


@pytest.mark.parametrize(("recovered", "defined"), [(4, False), (5, True)])
def test_a_ratio_over_fewer_than_five_pictures_is_undefined(recovered: int, defined: bool) -> None:
    new = np.arange(100) < 20
    network = np.where(np.arange(100) < recovered, 9.0, 0.0)
    assert np.isfinite(restored_at_equal_harm(network, network, new, ~new, 0.0)) == defined


def test_the_network_s_score_is_finite_and_keeps_sure_answers_apart() -> None:
    probs = np.array([[1e-30, 1.0], [1e-20, 1.0], [0.0, 1.0], [1.0, 0.0], [0.3, 0.7]])
    score = override_score(probs, 1)
    assert np.isfinite(score).all()
    assert score[2] > score[0] > score[1] > score[4] > score[3]
    assert score[4] == pytest.approx(np.log(0.7 / 0.3))


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(AlignmentError):
        gain_curve(np.zeros(3), np.zeros(2, bool), np.zeros(3, bool), [0.1])
    with pytest.raises(AlignmentError):
        auroc(np.zeros(3), np.zeros(2, bool))
