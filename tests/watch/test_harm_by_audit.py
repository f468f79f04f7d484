"""Harm itself, from verdicts on overrides and a small random audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from mien.errors import UsageError
from mien.storage.files import Record
from mien.watch.audit import Audit, harm_upper
from mien.watch.state import Watch

RIGHT = 0.75


@pytest.mark.parametrize("alike", [True, False])
def test_the_bound_on_right_answers_fails_rarely_at_all_times(alike: bool) -> None:
    rng, delta, misses = np.random.default_rng(0), 0.1, 0
    for _ in range(150):
        audit, highest = Audit(0.1, delta), 0.0
        for _ in range(8):
            chance = np.full(250, 0.1) if alike else rng.choice([0.1, 0.5], 250)
            audit = audit.updated(rng.random(250) < chance, rng.random(250) < RIGHT, chance)
            highest = max(highest, audit.lower)
        misses += highest > RIGHT
    assert misses <= binom.ppf(0.999, 150, delta)


def test_images_that_are_hard_may_be_drawn_more_often() -> None:
    """Weighted by 1/π the rate is right although wrong answers are drawn five times as often."""
    rng = np.random.default_rng(1)
    right = rng.random(200_000) < RIGHT
    chance = np.where(right, 0.05, 0.25)
    audit = Audit(0.05).updated(rng.random(200_000) < chance, right, chance)
    assert audit.rate == pytest.approx(RIGHT, abs=0.02) and 0.5 < audit.lower < RIGHT


def test_harm_is_bounded_by_what_is_spoilt_over_what_is_right() -> None:
    rng = np.random.default_rng(2)
    audit = Audit(0.1).updated(rng.random(20_000) < 0.1, rng.random(20_000) < RIGHT, 0.1)
    watch = Watch(0.015).updated(rng.random(20_000) < 0.003)
    assert 0.004 < harm_upper(watch, audit) < 0.008
    assert harm_upper(watch, Audit(0.1)) == 1


def test_parts_add_up_and_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    drawn, right = rng.random(4000) < 0.2, rng.random(4000) < RIGHT
    one, other = (Audit(0.2).updated(drawn[part], right[part], 0.2) for part in (slice(2000), slice(2000, None)))
    both = one.merged_with(other)
    assert both.audited == drawn.sum() and both.rate == pytest.approx(Audit(0.2).updated(drawn, right, 0.2).rate)
    assert Audit.from_json(Record(json.loads(json.dumps(both.to_json())), tmp_path / "a.json")).lower == both.lower
    with pytest.raises(UsageError):
        one.merged_with(Audit(0.1))


@pytest.mark.parametrize("chance", [0.05, 1.5])
def test_chances_that_were_not_promised_are_refused(chance: float) -> None:
    with pytest.raises(UsageError):
        Audit(0.1).updated(np.ones(3, bool), np.ones(3, bool), chance)
