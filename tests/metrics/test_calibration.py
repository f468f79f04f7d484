"""Reliability diagrams and temperature scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from mien.errors import AlignmentError
from mien.metrics.calibration import plurality_reliability, reliability, temperature, tempered, vote_reliability


def answers(count: int, seed: int = 0, sharpness: float = 1.0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, 4)) * sharpness
    return np.exp(raw) / np.exp(raw).sum(1, keepdims=True)


def drawn(probs: np.ndarray, seed: int = 1) -> np.ndarray:
    """A label for each picture, drawn from its own probabilities: these are calibrated by construction."""
    return (np.random.default_rng(seed).random((len(probs), 1)) > probs.cumsum(1)).sum(1)


def test_probabilities_that_labels_are_drawn_from_are_calibrated() -> None:
    probs = answers(40_000, sharpness=2)
    assert plurality_reliability(probs, drawn(probs)).error < 0.015
    assert vote_reliability(probs, probs).error == 0


def test_votes_and_plurality_are_two_questions() -> None:
    """Repeating the votes is perfect against the votes, and far too modest against their plurality."""
    votes = answers(5000)
    assert vote_reliability(votes, votes).error == 0
    assert plurality_reliability(votes, votes.argmax(1)).error > 0.3


@given(st.integers(1, 60), st.integers(1, 20))
def test_every_picture_counts_once(count: int, bins: int) -> None:
    diagram = reliability(np.ones(count), np.ones(count), bins)
    assert diagram.count.sum() == count and diagram.error == 0
    assert (diagram.count.max() - diagram.count.min()) <= 1


def test_without_pictures_the_error_is_undefined() -> None:
    assert np.isnan(reliability(np.empty(0), np.empty(0)).error)
    with pytest.raises(AlignmentError):
        reliability(np.ones(2), np.ones(3))


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_temperature_is_found_again(true: float) -> None:
    probs = answers(40_000, sharpness=2)
    labels = drawn(tempered(probs, true))
    assert temperature(probs, np.eye(4)[labels]) == pytest.approx(true, rel=0.05)


@given(st.floats(0.2, 5))
def test_temperature_changes_no_answer_and_helps_where_it_is_fitted(t: float) -> None:
    probs = answers(300, seed=3)
    labels = drawn(probs, seed=4)
    assert (tempered(probs, t).argmax(1) == probs.argmax(1)).all()
    best = temperature(probs, np.eye(4)[labels])
    assert log_loss(labels, tempered(probs, best)) <= log_loss(labels, tempered(probs, t)) + 1e-6


def test_what_is_impossible_stays_so() -> None:
    assert tempered(np.array([[0.6, 0.4, 0.0]]), 3.0)[0, 2] == 0
