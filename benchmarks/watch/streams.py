"""Simulated streams of pictures, and when a watch gives an alarm on them.

Each stream has a promise of its own: the limit β that follows from a calibration. The evidence of a watch falls with
each picture that is not harmed, so an alarm comes with a harmed picture, and only there the evidence is computed. It is
the evidence of `mien.watch.state.Watch`, which a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Any

import numpy as np
from scipy.signal import lfilter
from scipy.stats import beta

from mien.types import Bools, Floats, Ints
from mien.watch.evidence import log_evidence_above
from mien.watch.state import MEMORY, MOST, Watch, limit_of

BUDGET, DELTA = 0.02, 0.05
RIGHT = 0.75
"""Share of the answers that f has right."""
CALIBRATION = 1500
OVERRIDDEN = 0.02
"""Share of the pictures that are overridden and not harmed."""
PERSON, LIKENESS = 30, 10.0
"""Pictures of a person in the mean (geometric). Each person's rate is of a beta distribution with this sum a + b."""
QUIET = 0.25
"""Harm of a quiet start, as a multiple of the budget."""
LATE, MISSING = 500, 0.1
"""Pictures until a verdict comes, in the mean (geometric), and the share of verdicts that never come."""
QUIET_VALUES = 2000
"""Values before a shift."""
EVERY = 100
"""Pictures after which late verdicts are collected, and all evidence is computed again."""
PICTURES, TOGETHER, PERSONS = "pictures", "pictures, person after person", "persons"
"""What is counted: independent pictures; pictures of one person after the other; persons harmed in any picture."""


@dataclass(frozen=True)
class Kind:
    """What a stream is like.

    Attributes
    ----------
    harm : the share spoilt, as a multiple. at_limit : whether of the limit β; if not, of what the budget allows, α·q.
    quiet : pictures of a quiet start. unit : what is watched and is independent, or is not: pictures in any order,
        pictures of one person after the other, or persons.
    late, missing : whether verdicts come late, and whether some never come.
    """

    harm: float
    at_limit: bool = False
    quiet: int = 0
    unit: str = PICTURES
    late: bool = False
    missing: bool = False


@dataclass(frozen=True)
class Job:
    """So many streams of one kind, drawn from these seeds.

    Attributes
    ----------
    value : the kind: a Kind, harm, a shift, or the chance of an audit. length : pictures of each stream.
    """

    value: Any
    count: int
    length: int
    seeds: tuple[int, ...]

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seeds)


@dataclass(frozen=True)
class Alarms:
    """When each of S streams gave its alarm.

    Attributes
    ----------
    images : (S,) pictures until the alarm, since the change if there was one; 0 for none, −1 for one before the change.
    verdicts : (S,) verdicts until then, since the change.
    """

    images: Ints
    verdicts: Ints

    @classmethod
    def joined(cls, parts: list[Alarms]) -> Alarms:
        return cls(np.concatenate([part.images for part in parts]), np.concatenate([part.verdicts for part in parts]))

    @property
    def share(self) -> float:
        """The share of streams with an alarm."""
        return float((self.images != 0).mean())


def limits(count: int, rng: np.random.Generator) -> Floats:
    """(count,) limits β, each from a calibration of its own."""
    right = rng.binomial(CALIBRATION, RIGHT, count)
    return np.array([limit_of(BUDGET, int(number), CALIBRATION) for number in right])


def streams(job: Job, rng: np.random.Generator) -> tuple[Bools, Floats]:
    """(S, N) what is harmed in the streams of a job, where no verdict is no harm, and (S,) their limits."""
    kind, limit = job.value, limits(job.count, rng)
    rate = kind.harm * (limit if kind.at_limit else np.full(job.count, BUDGET * RIGHT))
    if kind.unit == PERSONS:
        return persons_harmed(limit, rate, job.length, rng)
    harmed = harmed_by_person(rate, job.length, rng)[0] if kind.unit == TOGETHER else drawn(kind, rate, job.length, rng)
    if kind.missing:
        harmed &= rng.random(harmed.shape, np.float32) >= MISSING
    return harmed, limit


def alarms(job: Job) -> Alarms:
    """The alarms of the streams of a job."""
    kind, rng = job.value, job.rng
    harmed, limit = streams(job, rng)
    if kind.late:
        return Alarms.joined([late_alarm(row, float(value), rng) for row, value in zip(harmed, limit, strict=True)])
    images = np.array([first_alarm(row, float(value)) for row, value in zip(harmed, limit, strict=True)])
    since = np.maximum(images - kind.quiet, 0)
    spoilt = np.array([row[kind.quiet : image].sum() for row, image in zip(harmed, images, strict=True)])
    verdicts = spoilt + rng.binomial(since - spoilt, OVERRIDDEN)
    return Alarms(np.where((images > 0) & (images <= kind.quiet), -1, since), verdicts)


def drawn(kind: Kind, rate: Floats, length: int, rng: np.random.Generator) -> Bools:
    """(S, length) whether each picture is harmed, independent of all others."""
    draws = rng.random((len(rate), length), np.float32)
    return draws < np.where(np.arange(length) < kind.quiet, QUIET * BUDGET * RIGHT, rate[:, None])


def harmed_by_person(rate: Floats, length: int, rng: np.random.Generator) -> tuple[Bools, list[Ints]]:
    """(S, length) whether each picture is harmed, one person after the other; the first picture of each person."""
    harmed, starts = np.empty((len(rate), length), bool), []
    for row, mean in enumerate(rate):
        counts = rng.geometric(1 / PERSON, 3 * length // PERSON + 50)
        own_rate = rng.beta(LIKENESS * mean, LIKENESS * (1 - mean), len(counts))
        harmed[row] = rng.random(length) < np.repeat(own_rate, counts)[:length]
        first = np.concatenate([[0], np.cumsum(counts)])
        starts.append(first[first < length])
    return harmed, starts


def persons_harmed(limit: Floats, rate: Floats, length: int, rng: np.random.Generator) -> tuple[Bools, Floats]:
    """Persons of whom any picture is harmed, after the last of them, and the largest share of such persons promised."""
    harmed, starts = harmed_by_person(rate, length, rng)
    whole = min(len(first) for first in starts) - 1  # the last person may be cut off
    persons = np.stack([
        np.logical_or.reduceat(row, first)[:whole] for row, first in zip(harmed, starts, strict=True)
    ])  # fmt: skip
    return persons, np.array([share_of_persons(mean) for mean in limit.tolist()])


@lru_cache
def share_of_persons(rate: float) -> float:
    """The share of persons harmed where the share `rate` of pictures is: 1 − E (1 − p)^m."""
    p = beta(LIKENESS * rate, LIKENESS * (1 - rate)).ppf((np.arange(20_000) + 0.5) / 20_000)
    spared = (1 - p) / PERSON / (1 - (1 - p) * (1 - 1 / PERSON))
    return float(1 - spared.mean())


@dataclass(frozen=True)
class Bets:
    """The bets of a watch after each of N images: log of their evidence, and the sums behind them; all (N,)."""

    wealth: Floats
    recent: Floats
    weight: Floats

    @classmethod
    def start(cls, limit: float) -> Bets:
        """Those of a new watch, as if after one image."""
        watch = Watch(limit, DELTA)
        return cls(np.array([watch.wealth]), np.array([watch.recent]), np.array([watch.weight]))

    def after(self, harmed: Bools, limit: float) -> Bets:
        """The bets after each of these images, which follow the last of those before."""
        recent, weight = _discounted(harmed, self.recent[-1]), _discounted(np.ones(len(harmed)), self.weight[-1])
        stake = np.clip((recent[:-1] / weight[:-1] - limit) / (limit * (1 - limit)), 0, MOST / limit)
        wealth = self.wealth[-1] + np.cumsum(np.log1p(stake * (harmed - limit)))
        return Bets(wealth, recent[1:], weight[1:])

    def until(self, images: int) -> Bets:
        """The bets after each of the first images."""
        return Bets(self.wealth[:images], self.recent[:images], self.weight[:images])


def _discounted(values: Floats | Bools, start: float) -> Floats:
    """(N + 1,) sums of values that fade, before each value and after the last."""
    return np.asarray(lfilter([1.0], [1.0, 1 / MEMORY - 1], np.concatenate([[start], values])))


def evidence_at(places: Ints, counts: Ints, wealth: Floats, limit: float) -> Floats:
    """(H,) log of the evidence after the harmed images at `places`. counts : (H,) harmed until then."""
    return np.asarray(np.logaddexp(log_evidence_above(places + 1, counts, limit), wealth) - log(2))


def first_alarm(harmed: Bools, limit: float) -> int:
    """The image with which the evidence of a stream first reaches 1/δ, from 1; 0 for none."""
    wealth, places = Bets.start(limit).after(harmed, limit).wealth, np.flatnonzero(harmed)
    evidence = evidence_at(places, np.arange(1, len(places) + 1), wealth[places], limit)
    high = places[evidence >= -log(DELTA)]
    return int(high[0]) + 1 if len(high) else 0


def late_alarm(harmed: Bools, limit: float, rng: np.random.Generator) -> Alarms:
    """The alarm of one stream whose verdicts come late.

    All evidence is computed again every EVERY pictures, in the order of the pictures, with the verdicts that are there;
    an override without one counts as kept. What lies before the first harmed picture without a verdict is settled.
    """
    places = np.flatnonzero(harmed)
    known = places + rng.geometric(1 / LATE, len(places))
    settled, bets = 0, Bets.start(limit)
    for now in range(EVERY, len(harmed) + 1, EVERY):
        first, stop = np.searchsorted(places, [settled, now])
        here = np.arange(first, stop)[known[first:stop] <= now]
        window = np.zeros(now - settled, bool)
        window[places[here] - settled] = True
        path = bets.after(window, limit)
        counts = first + np.arange(1, len(here) + 1)
        evidence = evidence_at(places[here], counts, path.wealth[places[here] - settled], limit)
        if len(here) and evidence.max() >= -log(DELTA):
            others = rng.integers(0, now, rng.binomial(now - stop, OVERRIDDEN))
            in_time = others + rng.geometric(1 / LATE, len(others)) <= now
            return Alarms(np.array([now]), np.array([first + len(here) + int(in_time.sum())]))
        late = np.arange(first, stop)[known[first:stop] > now]
        until = int(places[late[0]]) if len(late) else now
        if until > settled:
            bets, settled = path.until(until - settled), until
    return Alarms(np.array([0]), np.array([0]))
