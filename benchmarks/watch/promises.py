"""Whether the promises beside the alarm hold: the upper bound, label until certified, Harm from an audit, warnings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
from scipy.stats import binom

from benchmarks.common import Figure, Result
from benchmarks.watch import rivals
from benchmarks.watch.simulated import LENGTH, STREAMS, percent, quartiles, share, simulated, whole
from benchmarks.watch.streams import BUDGET, CALIBRATION, DELTA, QUIET_VALUES, RIGHT, Job
from mien.types import Floats, Ints
from mien.watch.audit import Audit, harm_upper
from mien.watch.evidence import log_evidence_below, upper_bound
from mien.watch.schedule import Schedule
from mien.watch.shift import Shift
from mien.watch.state import Watch

CHANCES = (0.02, 0.1)
"""π of the audits."""
AUDITED, READINGS = 20_000, 12
"""Pictures of a stream with an audit, and how often its bound is read."""
SHIFT = 0.5
"""Standard deviations by which values shift."""
QUIET_LENGTH, SHIFTED_LENGTH = 10_000, 4000
"""Values without a shift, and at most after one."""


def bounds_of(job: Job) -> Floats:
    """(S, 4) whether each stream's upper bound ever fell below the truth; the bound after 1 %, 10 % and all of it.

    The evidence behind the bound rises with each picture that is not harmed, so it is highest just before a harmed one.
    """
    rng, lines = job.rng, []
    for _ in range(job.count):
        places = np.flatnonzero(rng.random(job.length) < job.value)
        images, harmed = np.append(places, job.length), np.arange(len(places) + 1)
        failed = bool((log_evidence_below(images, harmed, job.value) >= -log(DELTA)).any())
        stops = [job.length // 100, job.length // 10, job.length]
        lines.append([failed, *(upper_bound(stop, int(np.searchsorted(places, stop)), DELTA) for stop in stops)])
    return np.array(lines, float)


def certified_of(job: Job) -> Ints:
    """(S,) labels of right answers until the budget is certified; 0 if it never is."""
    schedule = Schedule.of(BUDGET, DELTA)
    harmed = job.rng.random((job.count, schedule.stops[-1])) < job.value
    return np.array([schedule.certified_after(row.astype(int)) for row in harmed])


def fixed_design(harm: float) -> int:
    """The least n with which the binomial test certifies the budget with chance ½ or more, at this Harm."""
    n = 1
    while True:
        allowed = int(binom.ppf(DELTA, n, BUDGET))
        allowed -= binom.cdf(allowed, n, BUDGET) > DELTA
        if allowed >= 0 and binom.cdf(allowed, n, harm) >= 0.5:
            return n
        n += 1


def audited_of(job: Job) -> Floats:
    """(S, 3) whether the bound on Harm ever fell below the truth; the bound at the end; answers drawn for a label."""
    rng, lines = job.rng, []
    for _ in range(job.count):
        watch, audit, failed = Watch(BUDGET * RIGHT, DELTA), Audit(job.value, DELTA), False
        stops = np.unique(np.geomspace(job.length / 40, job.length, READINGS).astype(int))
        for count in np.diff(stops, prepend=0):
            right = rng.random(count) < RIGHT
            watch = watch.updated(right & (rng.random(count) < BUDGET))
            audit = audit.updated(rng.random(count) < job.value, right, job.value)
            failed |= harm_upper(watch, audit) < BUDGET
        lines.append([failed, harm_upper(watch, audit), audit.audited])
    return np.array(lines, float)


def quiet_values(job: Job) -> Ints:
    """(S,) whether each stream without a shift gets a warning."""
    rng = job.rng
    return np.array([
        Shift.of(rng.normal(size=CALIBRATION), seed=number).updated(rng.normal(size=job.length)).warned
        for number in range(job.count)
    ], int)  # fmt: skip


def shifted_values(job: Job) -> Ints:
    """(S,) pictures from a shift to the warning; 0 for none, −1 for a warning before."""
    rng, delays = job.rng, []
    for number in range(job.count):
        shift = Shift.of(rng.normal(size=CALIBRATION), seed=number).updated(rng.normal(size=QUIET_VALUES))
        delay = -1 if shift.warned else 0
        while not shift.warned and shift.images < QUIET_VALUES + job.length:
            shift = shift.updated(rng.normal(job.value, 1, size=1))
            delay = shift.images - QUIET_VALUES if shift.warned else 0
        delays.append(delay)
    return np.array(delays)


def update_ms(updates: int) -> list[float]:
    """Milliseconds of one update with one picture: the median of so many, three times."""
    medians = []
    for _ in range(3):
        watch, seconds = Watch(BUDGET * RIGHT), []
        for number in range(updates):
            harmed = np.array([float(number % 70 == 0)])
            start = time.perf_counter()
            watch = watch.updated(harmed)
            seconds.append(time.perf_counter() - start)
        medians.append(1000 * float(np.median(seconds)))
    return medians


def state_bytes(length: int) -> dict[str, int]:
    """Bytes of each state as JSON, after so many pictures."""
    rng = np.random.default_rng(0)
    harmed, drawn = rng.random(length) < BUDGET * RIGHT, rng.random(length) < CHANCES[0]
    states = {
        "watch": Watch(BUDGET * RIGHT).updated(harmed),
        "audit": Audit(CHANCES[0]).updated(drawn, rng.random(length) < RIGHT, CHANCES[0]),
        "shift": Shift.of(rng.normal(size=CALIBRATION)).updated(rng.normal(size=min(length, 10_000))),
    }
    return {name: len(json.dumps(state.to_json()).encode()) for name, state in states.items()}


def bounds(result: Result) -> None:
    """Whether the upper bound holds at all times at once, and how wide it is."""
    values = {f"bound, {harm:g}": harm * BUDGET * RIGHT for harm in (0.25, 0.5, 1)}
    length, lines, wrong = 3000 if result.options.quick else LENGTH, [], []
    for name, parts in simulated(result, bounds_of, values, length).items():
        readings = np.concatenate(parts)
        wrong.append(share([readings[:, 0]]))
        line = {"truly spoilt": f"{100 * values[name]:.2g} %", "bound ever below it": percent(wrong[-1])}
        for place, stop in enumerate((length // 100, length // 10, length), 1):
            line[f"bound after {stop:,}"] = f"{100 * quartiles(readings[:, place]).value:.2f} %"
        lines.append(line)
    result.figures["bound_too_low"] = max(wrong, key=lambda figure: figure.value)
    result.table("Upper bound on the share spoilt, at all times at once: median", lines)


def certified(result: Result) -> None:
    """Labels until the budget is certified, beside a fixed design."""
    harms = {"0": 0.0, "α/8": BUDGET / 8, "α/4": BUDGET / 4, "α": BUDGET}
    lines, ratios = [], []
    for harm, parts in simulated(
        result, certified_of, harms, Schedule.of(BUDGET, DELTA).stops[-1], 10 * STREAMS
    ).items():
        labels = np.concatenate(parts)
        line = {"Harm": harm, "certified": percent(share([labels > 0]))}
        if harms[harm] < BUDGET:
            until, n = quartiles(labels), fixed_design(harms[harm])
            ratios.append(Figure(until.value / n, until.low / n, until.high / n, until.n, ()))
            line |= {"labels of right answers": whole(until), "fixed design": str(n)}
            line["ratio"] = f"{ratios[-1].value:.2f}"
        else:
            result.figures["false_certificates"] = share([labels > 0])
        lines.append(line)
    result.figures["certified_after_ratio"] = max(ratios, key=lambda figure: figure.value)
    result.table("Label until certified: median (quartiles)", lines)


def audit(result: Result) -> None:
    """Whether the bound on Harm from an audit holds; read twelve times, at Harm α."""
    values = {f"audit, {chance:g}": chance for chance in CHANCES}
    length, lines = 2000 if result.options.quick else AUDITED, []
    for name, parts in simulated(result, audited_of, values, length, STREAMS // 2).items():
        readings = np.concatenate(parts)
        kept, bound = share([readings[:, 0] == 0]), quartiles(readings[:, 1])
        line = {"π": f"{100 * values[name]:g} %", "answers with a label": whole(quartiles(readings[:, 2]))}
        line |= {
            "bound never below Harm": percent(kept),
            f"bound after {length:,} pictures": f"{100 * bound.value:.2f} %",
        }
        lines.append(line)
        result.figures[f"audit_coverage_{100 * values[name]:g}"] = kept
    result.table("Harm of 2 %, bounded with an audit: median (quartiles)", lines)


def warnings(result: Result) -> None:
    """False warnings without labels, and pictures until a shift is noticed."""
    quiet, after = (500, 300) if result.options.quick else (QUIET_LENGTH, SHIFTED_LENGTH)
    silent = share(simulated(result, quiet_values, {"quiet values": 0.0}, quiet, STREAMS // 4)["quiet values"])
    tasks: dict[str, Callable[[Job], Ints]] = {"mien": shifted_values}
    if rivals.has_monitors():
        tasks["MAPIE's OnlineMartingaleTest"] = rivals.exchangeable
    lines = []
    for name, task in tasks.items():
        parts = simulated(result, task, {"shifted values": SHIFT}, after, STREAMS // 4)["shifted values"]
        delay = quartiles(np.concatenate(parts))
        lines.append({"by": name, "pictures until the warning": whole(delay)})
        result.figures["shift_delay_pictures" if name == "mien" else "mapie_shift_delay_pictures"] = delay
    lines[0][f"false warnings in {quiet:,} pictures"] = percent(silent)
    result.figures["shift_false_warnings"] = silent
    result.table("Warnings without labels, δ = 1 %, a shift by half a standard deviation: median (quartiles)", lines)


def cost(result: Result) -> None:
    """Milliseconds of one update, and bytes of the state."""
    rounds, sizes = update_ms(200 if result.options.quick else 5000), state_bytes(LENGTH)
    result.figures["update_ms"] = Figure(min(rounds), min(rounds), max(rounds), len(rounds), ())
    result.figures["state_bytes"] = Figure.over([sizes["watch"]], 1)
    lines: list[dict[str, Any]] = [{"state": name, "bytes as JSON": str(size)} for name, size in sizes.items()]
    lines[0]["ms for an update with one picture"] = f"{min(rounds):.3f}"
    result.table("Size and cost", lines)
