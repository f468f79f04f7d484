"""What is learnt, and what the answer says: three codings, one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from mien.correctors.log_odds import CODINGS, code_count, encode_targets, log_odds
from mien.errors import UsageError
from mien.types import Outputs


def outputs(answers: list[int]) -> Outputs:
    probs = np.eye(4)[answers]
    return Outputs(np.arange(len(answers)).astype(str), probs, np.array([True, True, True, False]))


def test_codes_say_new_right_and_wrong() -> None:
    seen, labels = outputs([0, 1, 1, 2]), np.array([0, 0, 3, 3])
    assert encode_targets("rest", seen, labels, 3).tolist() == [0, 0, 1, 1]
    assert encode_targets("three", seen, labels, 3).tolist() == [1, 0, 2, 2]
    assert encode_targets("classes", seen, labels, 3).tolist() == [0, 0, 3, 3]
    with pytest.raises(UsageError, match="thre"):
        encode_targets("thre", seen, labels, 3)


@settings(max_examples=50)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_all_classes_and_three_codes_agree(seed: int, wrong: float) -> None:
    """What is told of K classes can be told of three: the new one, f's answer, and the rest together."""
    seen = outputs([0, 1, 2, 1, 0])
    log_probs = log_softmax(np.random.default_rng(seed).normal(size=(5, 4)), axis=1)
    rows, answers = np.arange(5), seen.predicted
    right, new = log_probs[rows, answers], log_probs[:, 3]
    three = np.column_stack([np.log(-np.expm1(np.logaddexp(right, new))), right, new])
    one, other = (
        log_odds(given, coding, seen, 3, wrong) for given, coding in ((log_probs, "classes"), (three, "three"))
    )
    assert np.allclose(one, other)


@given(st.integers(0, 1000))
def test_with_all_that_is_wrong_counted_it_is_the_log_odds(seed: int) -> None:
    log_probs = log_softmax(np.random.default_rng(seed).normal(size=(4, 4)), axis=1)
    p = np.exp(log_probs[:, 3])
    assert np.allclose(log_odds(log_probs, "classes", outputs([0, 1, 2, 0]), 3, wrong=1.0), np.log(p / (1 - p)))


def test_every_coding_has_as_many_codes_as_it_says() -> None:
    seen, labels = outputs([0, 1, 1, 2]), np.array([0, 0, 3, 3])
    assert all(encode_targets(coding, seen, labels, 3).max() < code_count(coding, seen) for coding in CODINGS)
