"""The watch of a patch: counts, evidence, merging, and a state that is small and whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from mien.errors import MienError, RunError, UsageError
from mien.storage.files import Record
from mien.watch.state import Watch, limit_of

LIMIT = 0.015
STREAMS = st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, np.nan]), max_size=60).map(np.array)


def alarmed_after(stream: np.ndarray, step: int = 20) -> int:
    watch = Watch(LIMIT)
    for start in range(0, len(stream), step):
        watch = watch.updated(stream[start : start + step])
        if watch.alarmed:
            return watch.images
    return 0


def test_false_alarms_at_the_limit_are_rare() -> None:
    rng, delta = np.random.default_rng(0), 0.1
    alarms = sum(Watch(0.05, delta).updated(rng.random(2000) < 0.05).alarmed for _ in range(300))
    assert 0 < alarms <= binom.ppf(0.999, 300, delta)


def test_tripled_harm_is_noticed_within_250_images() -> None:
    rng = np.random.default_rng(1)
    delays = [alarmed_after((rng.random(1500) < 3 * LIMIT).astype(float)) for _ in range(60)]
    assert min(delays) > 0 and np.median(delays) <= 250


def test_a_change_after_a_long_quiet_time_is_noticed_too_and_dated() -> None:
    rng = np.random.default_rng(2)
    quiet, after = (rng.random(6000) < LIMIT / 4).astype(float), (rng.random(2000) < 3 * LIMIT).astype(float)
    watch = Watch(LIMIT).updated(quiet)
    assert watch.standing == "certified"
    watch = watch.updated(after)
    assert watch.standing == "alarm" and 5000 < watch.since < 6600


@settings(deadline=None)
@given(STREAMS, st.integers(0, 60))
def test_in_pieces_or_at_once_is_the_same(stream: np.ndarray, cut: int) -> None:
    whole = Watch(LIMIT).updated(stream)
    parts = Watch(LIMIT).updated(stream[:cut]).updated(stream[cut:])
    assert parts.to_json() == pytest.approx(whole.to_json())


@settings(deadline=None)
@given(STREAMS, STREAMS)
def test_watches_of_two_workers_add_up_in_any_order(one: np.ndarray, other: np.ndarray) -> None:
    first, second = Watch(LIMIT).updated(one), Watch(LIMIT).updated(other)
    both = first.merged_with(second)
    assert both.to_json() == pytest.approx(second.merged_with(first).to_json())
    counts = Watch(LIMIT).updated(np.concatenate([one, other]))
    for name in ("images", "overridden", "harmed", "open"):
        assert getattr(both, name) == getattr(counts, name)
    assert both.upper == counts.upper


def test_an_override_without_a_verdict_is_kept_in_the_evidence_and_harmed_in_the_bound() -> None:
    quiet, late = Watch(LIMIT).updated(np.zeros(300)), Watch(LIMIT).updated(np.append(np.zeros(290), [np.nan] * 10))
    assert late.log_evidence == quiet.log_evidence and late.upper > quiet.upper
    assert (late.open, late.overridden, late.harmed) == (10, 10, 0)


def test_the_state_is_small_and_comes_back(tmp_path: Path) -> None:
    watch = Watch(LIMIT).updated((np.random.default_rng(0).random(5000) < 0.02).astype(float))
    text = json.dumps(watch.to_json())
    assert len(text) < 1000
    again = Watch.from_json(Record(json.loads(text), tmp_path / "watch.json"))
    assert again.updated(np.zeros(50)).to_json() == pytest.approx(watch.updated(np.zeros(50)).to_json())


@pytest.mark.parametrize(
    "edit",
    [
        {"harmed": 99},
        {"images": -1},
        {"images": "5"},
        {"limit": 2},
        {"open": 1.5},
        {"overridden": 10**9},
        {"colour": 1},
    ],
)
def test_a_state_that_was_edited_is_named(edit: dict[str, object], tmp_path: Path) -> None:
    stored = Watch(LIMIT).updated(np.array([0.0, 1.0])).to_json() | edit
    with pytest.raises(RunError, match=r"watch\.json"):
        Watch.from_json(Record(stored, tmp_path / "watch.json"))


def test_what_is_no_outcome_is_refused() -> None:
    with pytest.raises(UsageError, match="other values"):
        Watch(LIMIT).updated(np.array([0.0, 2.0]))
    with pytest.raises(UsageError, match="different limits"):
        Watch(LIMIT).merged_with(Watch(0.03))
    with pytest.raises(MienError):
        Watch(0.0)


def test_the_limit_is_no_lower_than_what_was_promised() -> None:
    assert limit_of(0.02, 750, 1000) >= 0.02 * 0.75
    assert limit_of(0.02, 1000, 1000) == 0.02
    with pytest.raises(UsageError):
        limit_of(0.02, 5, 4)
