"""How rarely a watch gives a false alarm, and how soon a true one, beside MAPIE's monitor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.common import Result
from benchmarks.watch import rivals
from benchmarks.watch.simulated import AFTER, LENGTH, STREAMS, percent, quartiles, share, simulated, whole
from benchmarks.watch.streams import BUDGET, DELTA, PERSONS, RIGHT, TOGETHER, Alarms, Kind, alarms, limits
from mien.watch.state import Watch

KINDS = {
    "independent": Kind(1),
    "after_quiet_5000": Kind(1, quiet=5000),
    "after_quiet_50000": Kind(1, quiet=50_000),
    "late": Kind(1, late=True),
    "missing": Kind(1, missing=True),
    "persons": Kind(1, unit=PERSONS),
    "person_after_person": Kind(1, unit=TOGETHER),
}
TITLES = {
    "independent": "independent pictures",
    "after_quiet_5000": "the same, quiet for 5,000 pictures",
    "after_quiet_50000": "the same, quiet for 50,000 pictures",
    "late": "the same, verdicts late",
    "missing": "the same, a tenth of the verdicts missing",
    "persons": "persons, counted by person",
    "person_after_person": "persons, counted by picture",
}
NOT_PROMISED = "person_after_person"
"""Pictures of one person are alike: δ is promised for persons."""
HARMS = (2, 3, 5)
POWER = (0.5, 1, 1.25, 1.5, 2, 3, 5)
STOPS = (300, 1000, 10_000, 100_000)
EXAMPLES = {"at half the budget": 0.5, "at the budget": 1.0, "quiet, then tripled": 3.0}
"""Multiples of the budget."""
TURN, END, STEP = 1500, 3000, 50
"""Pictures of an example until harm is tripled, in all, and from one reading to the next."""


def false_alarms(result: Result) -> None:
    """Streams with an alarm although no more is spoilt than was promised."""
    shares = {"at the limit": 1.0, "at half of it": 0.5}
    values = {
        f"{name}, {where}": replace(kind, harm=harm, at_limit=True)
        for name, kind in KINDS.items()
        for where, harm in shares.items()
    }
    returned = simulated(result, alarms, values, 3000 if result.options.quick else LENGTH)
    ever = {name: share([part.images != 0 for part in parts]) for name, parts in returned.items()}
    lines = []
    for name, title in TITLES.items():
        line = {"streams": title, "δ is promised": {NOT_PROMISED: "no", "late": "not proved"}.get(name, "yes")}
        lines.append(line | {where: percent(ever[f"{name}, {where}"]) for where in shares})
    promised = [ever[f"{name}, at the limit"] for name in KINDS if name != NOT_PROMISED]
    result.figures["false_alarms"] = max(promised, key=lambda figure: figure.value)
    result.figures["false_alarms_person_after_person"] = ever[f"{NOT_PROMISED}, at the limit"]
    result.table("Streams with a false alarm, ever", lines)


def delays(result: Result) -> None:
    """Pictures and verdicts until the alarm, for multiples of the budget."""
    after = 2000 if result.options.quick else AFTER
    lines: list[dict[str, Any]] = []
    for name, kind in KINDS.items():
        if name == NOT_PROMISED:
            continue
        values = {f"{name}, {harm}": replace(kind, harm=harm) for harm in HARMS}
        for harm, parts in zip(HARMS, simulated(result, alarms, values, kind.quiet + after).values(), strict=True):
            streams = Alarms.joined(parts)
            images, verdicts = quartiles(streams.images), quartiles(streams.verdicts, streams.images)
            line = {"streams": TITLES[name], "harm": f"{harm}×"}
            if kind.unit == PERSONS:
                line["pictures"] = f"{whole(images)} persons"
            else:
                line |= {"pictures": whole(images), "verdicts": whole(verdicts)}
            line["no alarm"], line["before"] = str((streams.images == 0).sum()), str((streams.images < 0).sum())
            lines.append(line)
            if name == "independent":
                result.figures |= {f"delay_{harm}x_pictures": images, f"delay_{harm}x_verdicts": verdicts}
            else:
                result.figures[f"delay_{harm}x_{name}"] = images
    result.table("Until the alarm: median (quartiles)", lines)


def power(result: Result) -> None:
    """The share of streams that have an alarm, against harm; and the evidence of single streams."""
    length = 3000 if result.options.quick else LENGTH
    returned = simulated(result, alarms, {f"power, {harm:g}": Kind(harm) for harm in POWER}, length, STREAMS // 4)
    lines = []
    for harm in POWER:
        images = Alarms.joined(returned[f"power, {harm:g}"]).images
        within = {f"{stop:,}": float(((images > 0) & (images <= stop)).mean()) for stop in STOPS}
        lines.append({"harm": harm, **within})
    result.table("Share of streams with an alarm within so many pictures, by harm as a multiple of the budget", lines)
    result.table("Log evidence of single streams", single_streams(result.options.seeds))


def single_streams(seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Rows of pictures and the log evidence of one stream of each example; harm is tripled late in the last."""
    rng = np.random.default_rng(seeds)
    limit = float(limits(1, rng)[0])
    columns: dict[str, list[float]] = {}
    for name, harm in EXAMPLES.items():
        watch, columns[name] = Watch(limit, DELTA), [0.0]
        for stop in range(STEP, END + 1, STEP):
            multiple = min(EXAMPLES.values()) if harm > 1 and stop <= TURN else harm
            watch = watch.updated(rng.random(STEP) < multiple * BUDGET * RIGHT)
            columns[name].append(round(watch.log_evidence, 3))
    return [
        {"pictures": STEP * row, **{name: values[row] for name, values in columns.items()}}
        for row in range(END // STEP + 1)
    ]


def mapie(result: Result) -> None:
    """MAPIE's monitor on the first of the same streams."""
    if not rivals.has_monitors():
        return
    after = 2000 if result.options.quick else AFTER
    values = {f"independent, {harm}": Kind(harm) for harm in HARMS}
    tasks = {"as it is": ("mapie", rivals.monitored), "with all of δ": ("mapie_all", rivals.fairly_monitored)}
    lines = []
    for name, (key, task) in tasks.items():
        for harm, parts in zip(HARMS, simulated(result, task, values, after, STREAMS // 10).values(), strict=True):
            images = quartiles(np.concatenate(parts))
            result.figures[f"{key}_delay_{harm}x_pictures"] = images
            lines.append({"MAPIE's monitor": name, "harm": f"{harm}×", "pictures, all with a label": whole(images)})
    result.table("MAPIE until the alarm, a tenth of the independent streams: median (quartiles)", lines)
