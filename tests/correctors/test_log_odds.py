"""What is learnt, and what the answer says: three codings, one scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from mien.correctors.log_odds import ENCODINGS, Encoding
from mien.errors import UsageError
from mien.types import Outputs


def outputs(answers: list[int]) -> Outputs:
    probs = np.eye(4)[answers]
    return Outputs(np.arange(len(answers)).astype(str), probs, np.array([True, True, True, False]))


def test_codes_say_new_right_and_wrong() -> None:
    seen, labels = outputs([0, 1, 1, 2]), np.array([0, 0, 3, 3])
    assert Encoding("rest").encode(seen, labels, 3).tolist() == [0, 0, 1, 1]
    assert Encoding("three").encode(seen, labels, 3).tolist() == [1, 0, 2, 2]
    assert Encoding("classes").encode(seen, labels, 3).tolist() == [0, 0, 3, 3]
    with pytest.raises(UsageError, match="thre"):
        Encoding("thre").encode(seen, labels, 3)


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
        Encoding(coding, wrong).log_odds(given, seen, 3) for given, coding in ((log_probs, "classes"), (three, "three"))
    )
    assert np.allclose(one, other)


@given(st.integers(0, 1000))
def test_with_all_that_is_wrong_counted_it_is_the_log_odds(seed: int) -> None:
    log_probs = log_softmax(np.random.default_rng(seed).normal(size=(4, 4)), axis=1)
    p = np.exp(log_probs[:, 3])
    assert np.allclose(Encoding("classes", 1.0).log_odds(log_probs, outputs([0, 1, 2, 0]), 3), np.log(p / (1 - p)))


def test_every_coding_has_as_many_codes_as_it_says() -> None:
    seen, labels = outputs([0, 1, 1, 2]), np.array([0, 0, 3, 3])
    assert all(Encoding(coding).encode(seen, labels, 3).max() < Encoding(coding).count(seen) for coding in ENCODINGS)
