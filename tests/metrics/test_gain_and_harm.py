"""Identities of the correction metrics, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import AlignmentError
from mien.metrics.correction import column_means, harm_matrix, recovered_recall, relative_gain, retention_matrix, scores
from mien.types import Rates

K = 4


@st.composite
def decisions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, f's answers, and h's (which may abstain)."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, K - 1), st.integers(0, K - 1), st.integers(-1, K - 1)), min_size=1, max_size=60
        )
    )
    truth, base, final = np.array(rows, dtype=np.int64).T
    return truth, base, final


@given(decisions())
def test_retention_and_harm_add_up_to_one(case: tuple[np.ndarray, ...]) -> None:
    result = scores(*case, K)
    both = result.retention.values + result.harm.values
    assert np.array_equal(np.isnan(both), result.recall_before.hits == 0)
    assert np.allclose(both[~np.isnan(both)], 1)


@given(decisions())
def test_every_rate_lies_between_zero_and_one(case: tuple[np.ndarray, ...]) -> None:
    result = scores(*case, K)
    for rates in vars(result).values():
        if isinstance(rates, Rates):
            defined = rates.values[~np.isnan(rates.values)]
            assert ((defined >= 0) & (defined <= 1)).all()


@given(decisions())
def test_doing_nothing_changes_nothing(case: tuple[np.ndarray, ...]) -> None:
    truth, base, _ = case
    result = scores(truth, base, base, K)
    assert result.harm.hits.sum() == result.gain.hits.sum() == 0
    assert not np.nan_to_num(result.delta).any() and not np.nan_to_num(result.delta_fpr).any()


@given(decisions())
def test_recall_of_h_is_what_was_kept_and_what_was_gained(case: tuple[np.ndarray, ...]) -> None:
    result = scores(*case, K)
    assert (result.recall_after.hits == result.retention.hits + result.gain.hits).all()
    assert (result.retention.totals + result.gain.totals == result.support).all()


@given(decisions(), st.integers(0, K - 1))
def test_for_a_class_that_f_never_answers_gain_is_recall(case: tuple[np.ndarray, ...], i: int) -> None:
    truth, base, final = case
    base = np.where(base == i, (i + 1) % K, base)
    result = scores(truth, base, final, K)
    assert np.array_equal(result.gain.values[i], result.recall_after.values[i], equal_nan=True)
    assert result.fpr_f.hits[i] == 0
    assert np.isnan(relative_gain(result)[i])


@given(decisions())
def test_delta_fpr_counts_the_pictures_of_other_classes(case: tuple[np.ndarray, ...]) -> None:
    truth, base, final = case
    result = scores(truth, base, final, K)
    for c in range(K):
        others = truth != c
        if others.any():
            expected = (final[others] == c).mean() - (base[others] == c).mean()
            assert result.delta_fpr[c] == pytest.approx(expected)
        else:
            assert np.isnan(result.delta_fpr[c])


@given(decisions())
def test_relabelling_the_classes_relabels_the_rates(case: tuple[np.ndarray, ...]) -> None:
    truth, base, final = case
    order = np.array([2, 0, 3, 1])
    moved = scores(order[truth], order[base], np.where(final < 0, -1, order[final]), K)
    assert np.array_equal(moved.gain.values[order], scores(truth, base, final, K).gain.values, equal_nan=True)


def test_matrices_leave_out_the_diagonal_and_absent_correctors() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    base = np.array([1, 1, 1, 1, 2, 0])  # class 0 was left out of its training
    final = np.array([0, 1, 0, 1, 2, 0])
    harm, retention = (matrix(truth, {0: (base, final)}, 3) for matrix in (harm_matrix, retention_matrix))
    assert np.array_equal(harm.values[:, 0], [np.nan, 0.5, 0.0], equal_nan=True)
    assert np.isnan(harm.values[:, 1:]).all()
    assert np.array_equal(harm.hits + retention.hits, harm.totals)
    assert column_means(harm)[0] == 0.25
    assert column_means(harm, np.array([0.5, 0.1, 0.4]))[0] == pytest.approx(0.1)
    assert np.isnan(column_means(harm)[1:]).all()


def test_epsilon_keeps_the_relative_gain_finite() -> None:
    result = scores(np.array([0, 1]), np.array([1, 1]), np.array([0, 1]), K=2)
    assert relative_gain(result, epsilon=0.5).tolist() == [2.0, pytest.approx(2 / 3)]


def test_the_recovered_share_may_exceed_one_and_is_undefined_at_zero() -> None:
    assert np.array_equal(recovered_recall(np.array([0.5, 0.1]), np.array([0.4, 0.0])), [1.25, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("truth", "base", "final"), [([0, 1], [0], [0, 1]), ([0, -1], [0, 0], [0, 0]), ([0, 1], [0, 2], [0, 1])]
)
def test_arrays_that_do_not_belong_together_are_refused(truth: list, base: list, final: list) -> None:
    with pytest.raises(AlignmentError, match="scores"):
        scores(np.array(truth), np.array(base), np.array(final), K=2)
