"""Intervals hold their rate; the bootstrap is paired, grouped and repeatable; McNemar is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mien.errors import AlignmentError
from mien.metrics.intervals import bootstrap_ratio, holm, macro_difference, mcnemar, wilson


@given(st.integers(0, 2000), st.integers(1, 2000), st.floats(0.5, 0.99))
def test_wilson_contains_the_rate(hits: int, totals: int, confidence: float) -> None:
    hits = min(hits, totals)
    low, high = wilson(hits, totals, confidence)
    assert 0 <= low <= hits / totals <= high <= 1


@pytest.mark.parametrize(("hits", "totals"), [(0, 1), (0, 40), (21, 88), (44, 216), (40, 40)])
def test_wilson_agrees_with_scipy(hits: int, totals: int) -> None:
    expected = binomtest(hits, totals).proportion_ci(method="wilson")
    assert np.allclose(wilson(hits, totals), [expected.low, expected.high])


def test_wilson_is_undefined_without_trials() -> None:
    low, high = wilson([[0, 3]], [[0, 4]])
    assert low.shape == (1, 2)
    assert np.isnan([low[0, 0], high[0, 0]]).all() and not np.isnan([low[0, 1], high[0, 1]]).any()


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_sign_test(harmed: int, repaired: int) -> None:
    expected = binomtest(harmed, harmed + repaired).pvalue if harmed + repaired else 1.0
    assert mcnemar(harmed, repaired) == pytest.approx(expected)
    assert mcnemar(harmed, repaired) == mcnemar(repaired, harmed)


def test_the_bootstrap_is_repeatable_and_holds_the_ratio() -> None:
    rng = np.random.default_rng(0)
    top, bottom = rng.random(200) < 0.4, rng.random(200) < 0.7
    first = bootstrap_ratio(top, bottom, seed=3)
    assert first == bootstrap_ratio(top, bottom, seed=3) != bootstrap_ratio(top, bottom, seed=4)
    assert first[0] < top.sum() / bottom.sum() < first[1]


def test_pairing_makes_the_interval_of_equal_systems_a_point() -> None:
    right = np.random.default_rng(0).random(100) < 0.5
    assert bootstrap_ratio(right, right) == (1.0, 1.0)


def test_persons_with_many_pictures_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    top, bottom = rng.random(40) < 0.4, rng.random(40) < 0.7
    copies = [np.repeat(values, 10) for values in (top, bottom)]
    persons = np.repeat(np.arange(40).astype(str), 10)
    alone, together = bootstrap_ratio(*copies), bootstrap_ratio(*copies, persons)
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert np.allclose(together, bootstrap_ratio(top, bottom), atol=0.05)


def test_a_ratio_to_nothing_is_undefined() -> None:
    assert np.isnan(bootstrap_ratio(np.ones(3, bool), np.zeros(3, bool))).all()
    assert np.isnan(bootstrap_ratio(np.ones(0, bool), np.ones(0, bool))).all()


def test_the_bootstrap_refuses_arrays_of_different_lengths() -> None:
    with pytest.raises(AlignmentError):
        bootstrap_ratio(np.ones(3, bool), np.ones(2, bool))


@given(st.integers(0, 1000), st.floats(0, 0.4))
def test_a_difference_of_macro_recalls_has_the_sign_of_what_changed(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat([0, 1, 2], [60, 30, 15]))
    before = rng.random((2, 105)) < 0.4
    after = before | (rng.random((2, 105)) < share)
    difference, low, high, p = macro_difference(before, after, truth, draws=200)
    expected = np.mean([[after[s][truth == c].mean() - before[s][truth == c].mean() for c in range(3)] for s in (0, 1)])
    assert difference == pytest.approx(expected) and difference >= 0 and low <= difference + 1e-9 <= high + 2e-9
    assert 0 <= p <= 1
    back = macro_difference(after, before, truth, draws=200)
    assert back[0] == pytest.approx(-difference) and back[1:3] == pytest.approx((-high, -low))


def test_chance_alone_is_seldom_called_real() -> None:
    truth, rng = np.repeat([0, 1], 100), np.random.default_rng(0)
    below = [macro_difference(*(rng.random((2, 3, 200)) < 0.6), truth, draws=200)[3] < 0.05 for _ in range(100)]
    assert sum(below) <= 12


@pytest.mark.parametrize("seeds", [2, 3])
def test_the_luck_of_few_trainings_is_seldom_called_real(seeds: int) -> None:
    """Trainings differ by several points by chance; with many pictures that is nearly all the variance."""
    rng, truth = np.random.default_rng(seeds), np.repeat([0, 1], 1000)

    def lucky() -> np.ndarray:
        return rng.random((seeds, 2000)) < 0.6 + 0.03 * rng.normal(size=(seeds, 1))

    below = [macro_difference(lucky(), lucky(), truth, draws=100)[3] < 0.05 for _ in range(100)]
    assert sum(below) <= 12


def test_one_seed_has_an_interval_of_pictures_and_no_p() -> None:
    truth, rng = np.repeat([0, 1], 100), np.random.default_rng(0)
    before, after = rng.random((2, 1, 200)) < 0.6
    difference, low, high, p = macro_difference(before, after, truth)
    assert low < difference < high and np.isnan(p)
    assert np.isnan(macro_difference(before[:, :0], after[:, :0], truth[:0])).all()
    assert np.array_equal(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04], equal_nan=True) and not len(holm([]))


def test_persons_stay_together_in_a_difference() -> None:
    """A hundred pictures of a person carry no more information than one of them."""
    truth = np.repeat([0, 1], 100)
    before, after = np.zeros((1, 200), bool), np.zeros((1, 200), bool)
    after[0, :20] = True
    alone = macro_difference(before, after, truth)
    persons = np.concatenate([np.repeat(["a"], 20), np.arange(180).astype(str)])
    together = macro_difference(before, after, truth, persons)
    assert alone[1] > 0 > together[1] and together[2] > alone[2]
