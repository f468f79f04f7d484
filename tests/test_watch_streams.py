"""The simulated streams of the benchmark of the watch: their alarms are those of the watch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not part of the wheel")
from benchmarks.watch.promises import fixed_design
from benchmarks.watch.streams import (
    DELTA,
    EVERY,
    LATE,
    LIKENESS,
    PERSONS,
    QUIET,
    Alarms,
    Bets,
    Job,
    Kind,
    alarms,
    first_alarm,
    harmed_by_person,
    late_alarm,
    share_of_persons,
    streams,
)
from mien.watch.state import Watch


@pytest.mark.parametrize("kind", [Kind(1, at_limit=True), Kind(3), Kind(5, quiet=400), Kind(2, missing=True)])
def test_the_bets_and_the_first_alarm_are_those_of_the_watch(kind: Kind) -> None:
    job = Job(kind, 6, 1200, (0, 1))
    harmed, limit = streams(job, job.rng)
    for spoilt, beta in zip(harmed, limit.tolist(), strict=True):
        bets, alarm = Bets.start(beta).after(spoilt, beta), first_alarm(spoilt, beta)
        watch, first = Watch(beta, DELTA), 0
        for image, lost in enumerate(spoilt.tolist(), 1):
            watch = watch.updated(np.array([float(lost)]))
            first = first or image * watch.alarmed
        assert alarm == first
        for name in ("wealth", "recent", "weight"):
            assert getattr(bets, name)[-1] == pytest.approx(getattr(watch, name), rel=1e-12)


def test_late_verdicts_are_read_as_by_a_watch_on_the_whole_log() -> None:
    limit = 0.015
    for seed in range(4):
        harmed = np.random.default_rng(seed).random(3000) < 2 * limit
        places = np.flatnonzero(harmed)
        known = places + np.random.default_rng(seed).geometric(1 / LATE, len(places))
        first = 0
        for now in range(EVERY, len(harmed) + 1, EVERY):
            read = np.zeros(now)
            read[places[known <= now]] = 1
            if Watch(limit, DELTA).updated(read).alarmed:
                first = now
                break
        assert late_alarm(harmed, limit, np.random.default_rng(seed)).images.tolist() == [first]


def test_delays_begin_with_the_change_and_early_alarms_are_told_apart() -> None:
    job = Job(Kind(5, quiet=600), 20, 2000, (3,))
    streams_of_job = alarms(job)
    assert (streams_of_job.images <= 1400).all() and (streams_of_job.images > 0).sum() > 15
    assert streams_of_job.share == 1
    harmed, _ = streams(job, job.rng)
    assert harmed[:, :600].mean() < 2 * QUIET * harmed[:, 600:].mean() / 5
    joined = Alarms.joined([streams_of_job, streams_of_job])
    assert len(joined.images) == len(joined.verdicts) == 40


def test_pictures_of_a_person_are_alike_and_persons_are_harmed_as_often_as_promised() -> None:
    rng, rate = np.random.default_rng(0), 0.03
    harmed, _ = harmed_by_person(np.full(4, rate), 60_000, rng)
    assert harmed.mean() == pytest.approx(rate, rel=0.15)
    alike = float(np.mean(harmed[:, 1:] & harmed[:, :-1]))
    assert alike > rate**2 + 0.6 * rate * (1 - rate) / (LIKENESS + 1)
    job = Job(Kind(1, at_limit=True, unit=PERSONS), 20, 60_000, (0,))
    persons, limit = streams(job, job.rng)
    assert persons.mean() == pytest.approx(limit.mean(), rel=0.05)
    assert share_of_persons(1e-6) < 1e-4


def test_the_fixed_design_is_the_smallest_that_certifies_in_half_the_cases() -> None:
    assert [fixed_design(harm) for harm in (0.0, 0.0025, 0.005)] == [149, 149, 236]
