"""Two patches on held-out pictures: weighted figures, and an exact test in which doubt counts against the new one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mien.service.comparison import Comparison, HeldOut, compared
from mien.types import Bools, Floats, Ints

NAMES = ("joy", "fear", "anger")


def result(
    truth: Ints, before: Ints, after: Ints, answered: Bools | None = None, weights: Floats | None = None,
    units: Ints | None = None,
) -> Comparison:  # fmt: skip
    count = len(truth)
    held = HeldOut(
        truth, before, np.ones(count, bool) if answered is None else answered,
        np.ones(count) if weights is None else weights, np.arange(count) if units is None else units, NAMES,
    )  # fmt: skip
    return compared(held, before, after)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_the_p_value_is_that_of_the_binomial_test(repaired: int, harmed: int, same: int) -> None:
    truth = np.zeros(repaired + harmed + same, int)
    before = np.repeat([1, 0, 0], [repaired, harmed, same])
    after = np.repeat([0, 1, 0], [repaired, harmed, same])
    found = result(truth, before, after)
    assert (found.repaired, found.harmed, found.lost) == (repaired, harmed, harmed)
    total = repaired + harmed
    expected = binomtest(repaired, total, 0.5, "greater").pvalue if total else 1.0
    assert found.p == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1))
def test_no_label_of_an_open_picture_makes_the_new_patch_worse_than_the_test_has_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, before, after = (rng.integers(0, 3, 60) for _ in range(3))
    answered = rng.random(60) < 0.8
    assert result(truth, before, after, answered).p >= result(truth, before, after).p - 1e-12


def test_figures_are_weighted_by_the_inverse_of_the_chance() -> None:
    truth = np.array([0, 0, 1, 1])
    before, after = np.array([0, 1, 0, 0]), np.array([0, 0, 1, 0])
    found = result(truth, before, after, weights=np.array([1.0, 3.0, 1.0, 1.0]))
    assert found.accuracy == pytest.approx((1 / 6, 5 / 6))
    assert found.recall == {"joy": (0.25, 1.0, 2), "fear": (0.0, 0.5, 2)}
    assert found.macro_recall == pytest.approx((0.125, 0.75))


def test_a_person_counts_once() -> None:
    truth, before = np.zeros(20, int), np.ones(20, int)
    found = result(truth, before, truth, units=np.zeros(20, int))
    assert (found.repaired, found.p, found.pictures) == (1, 0.5, 20)


def test_better_is_beyond_chance_and_no_worse_in_the_aim() -> None:
    base = Comparison(100, 0, (0.5, 0.6), (0.5, 0.4), p=0.01)
    assert base.is_better("accuracy") and not base.is_no_worse("macro_recall") and not base.is_better("macro_recall")
    assert not Comparison(100, 0, (0.5, 0.6), (0.5, 0.6), p=0.06).is_better("accuracy")
    nothing = result(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int))
    assert not nothing.is_no_worse("accuracy") and nothing.p == 1 and "0 held-out pictures" in nothing.words
