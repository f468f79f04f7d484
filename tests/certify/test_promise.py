"""The measured Harm beside what was promised."""

from __future__ import annotations

import numpy as np
import pytest

from mien.certify.promise import STANDINGS, Promise, compare
from mien.certify.thresholds import Guarantee

CONFIDENT = Guarantee("pooled", 0.02, 0.95, 1000, 13, 1.5, True, 149, holds=True)
EXPECTED = Guarantee("pooled", 0.02, float("nan"), 1000, 19, 1.2, True, 49, holds=True, kind="expected")


def measured(hits: int, total: int, guarantee: Guarantee = CONFIDENT) -> Promise:
    return compare(guarantee, np.arange(total) < hits, np.ones(total, bool))


@pytest.mark.parametrize(
    ("hits", "total", "standing"),
    [(74, 2861, "broken"), (30, 2861, "kept"), (57, 2861, "undecided"), (0, 10, "undecided"), (0, 0, "undecided")],
)
def test_the_interval_decides(hits: int, total: int, standing: str) -> None:
    promise = measured(hits, total)
    assert promise.standing == standing in STANDINGS
    assert promise.words.startswith(f"{standing} on test")
    assert promise.to_json()["standing"] == standing


def test_what_to_do_is_said_where_it_was_broken_only() -> None:
    assert "smaller budget" in measured(74, 2861).words and "5 % of calibrations" in measured(74, 2861).words
    assert "mean over calibrations" in measured(74, 2861, EXPECTED).words
    assert "smaller budget" not in measured(30, 2861).words


def test_persons_are_counted_where_the_certificate_counts_persons() -> None:
    right = np.ones(6, bool)
    promise = compare(CONFIDENT, np.array([True, True, False, False, True, False]), right, np.array(list("aabbcc")))
    assert (promise.hits, promise.total) == (2, 3)


def test_only_right_answers_can_be_lost() -> None:
    right = np.array([True, False, True])
    promise = compare(CONFIDENT, np.array([True, True, False]), right)
    assert (promise.hits, promise.total) == (1, 2)
