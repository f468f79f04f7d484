"""Warnings without labels: rare while nothing shifts, soon where something does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from mien.errors import DataError, RunError
from mien.storage.files import Record
from mien.watch.shift import Shift


def test_false_warnings_are_rare() -> None:
    rng, delta = np.random.default_rng(0), 0.1
    warned = sum(
        Shift.of(rng.normal(size=300), delta=delta, seed=seed).updated(rng.normal(size=1500)).warned
        for seed in range(150)
    )
    assert warned <= binom.ppf(0.999, 150, delta)


@pytest.mark.parametrize("values", ["higher", "lower", "overridden more often"])
def test_a_shift_is_noticed_and_dated(values: str) -> None:
    rng = np.random.default_rng(1)
    if values == "overridden more often":
        shift = Shift.of((rng.random(1000) < 0.05).astype(float)).updated((rng.random(2000) < 0.05).astype(float))
        shift = shift.updated((rng.random(1500) < 0.3).astype(float))
    else:
        shift = Shift.of(rng.normal(size=1000)).updated(rng.normal(size=2000))
        assert not shift.warned
        shift = shift.updated(rng.normal(1 if values == "higher" else -1, 1, size=1000))
    assert shift.warned and 1500 < shift.since < 2300


def test_the_state_is_small_and_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    shift = Shift.of(rng.normal(size=500)).updated(rng.normal(size=5000))
    text = json.dumps(shift.to_json())
    assert len(text) < 1000
    again = Shift.from_json(Record(json.loads(text), tmp_path / "s.json"))
    assert again.counts == shift.counts and again.peak == pytest.approx(shift.peak)
    with pytest.raises(RunError):
        Shift.from_json(Record(json.loads(text) | {"counts": [1]}, tmp_path / "s.json"))


def test_equal_values_never_warn_by_themselves() -> None:
    assert not Shift.of(np.zeros(100)).updated(np.zeros(3000)).warned


def test_too_few_values_are_refused() -> None:
    with pytest.raises(DataError):
        Shift.of(np.zeros(10))
