"""How well wrong labels are found, with FER+'s ten votes as the truth about FER2013's labels.

    python -m benchmarks.labels.run --data PATH/TO/ferplus

Three modes, never mixed: *blind* knows the given labels alone; *seeded* knows 1,000 reviewed pictures besides, drawn at
random and left out of the scoring (a simulated reviewer answers with the plurality); *votes* learns from the votes of
other folds. Scored are pictures of which the votes name one of the seven emotions. The rival is cleanlab's usual
recipe: five folds of the same network, ranked by its normalised margin. Trainings are kept in runs/benchmark-labels.
"""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.common import Figure, Result, do_all, main, only, parsed, parser, seeds_of, wanted
from benchmarks.labels import repair, unsure
from benchmarks.labels.fer_labels import Truth, data_of
from benchmarks.labels.modes import CURVE, MODES, RESIDUAL, REVIEWS, Bench, Line, diagram, review_curve, thresholds
from benchmarks.labels.tasks import EPOCHS, FOLDS, Task, do


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    only(flags, PARTS)
    options = parsed(flags)
    parts = wanted(options, PARTS)
    result = Result("labels", options, {"epochs": EPOCHS, "reviews": REVIEWS, "folds": FOLDS})
    make, seeds = partial(Task, options.data, options.quick), seeds_of(options)
    data = data_of(options.data, options.quick)
    truth = Truth.of(data)
    benches = [Bench(make, seed, data, truth) for seed in seeds]
    for part in parts:
        with result.part(part):
            PARTS[part](result, benches)
    counts = dict(zip(data.labelset.names, data.counts().tolist(), strict=True))
    wrong = float((truth.label != data.labels)[truth.scored].mean())
    about = {"name": Path(data.name).name, "classes": counts, "scored": int(truth.scored.sum()), "wrong": wrong}
    result.write({**about, "fingerprint": data.fingerprint()})


def prepared(benches: list[Bench], kinds: Collection[str]) -> None:
    """Train what the ways to find wrong labels need, if it is not kept: first the audits, what is tuned after them."""
    do_all(do, [bench.task("audit") for bench in benches])
    folds = [
        bench.task(kind, fold) for kind in FOLDS if kind in kinds for bench in benches for fold in range(FOLDS[kind])
    ]
    do_all(do, folds)


def modes_of(options: Namespace) -> list[str]:
    """All modes; without the one that needs another package, if it is only to be seen that they run."""
    return [mode for mode in MODES if mode != "cleanlab" or not options.quick or find_spec("cleanlab")]


def modes(result: Result, benches: list[Bench]) -> None:
    """Every way to find wrong labels, beside each other and never mixed."""
    names = modes_of(result.options)
    prepared(benches, names)
    found = found_by(names, benches)
    result.table("Wrong labels of FER2013, against the plurality of FER+", [over_seeds(own) for own in found.values()])
    summed_up(result, found)
    if {"blind", "cleanlab"} <= found.keys():
        pairs = zip(found["blind"], found["cleanlab"], strict=True)
        ratios = [float(str(theirs["seconds"])) / float(str(ours["seconds"])) for ours, theirs in pairs]
        result.figures["speedup_over_cleanlab"] = Figure.over(ratios, len(ratios), [bench.seed for bench in benches])
    if "cleanlab" in names:
        called: dict[str, list[Line]] = defaultdict(list)
        for line in (line for bench in benches for line in thresholds(bench)):
            called[str(line["called wrong by"])].append(line)
        result.table("Labels that are called wrong, blind", [over_seeds(own) for own in called.values()])
    result.table("Reliability of mien audit --votes, first seed", diagram(benches[0]))


def residual(result: Result, benches: list[Bench]) -> None:
    """The same with a better network, which takes two to three times as long."""
    benches = [replace(bench, base="residual") for bench in benches]
    names = RESIDUAL[:1] if result.options.quick else RESIDUAL
    prepared(benches, names)
    found = found_by(names, benches)
    lines = [{**over_seeds(own), "seconds": None, "trained on": benches[0].device} for own in found.values()]
    result.table("The same with the residual network", lines)
    summed_up(result, found, "residual_")


def found_by(names: Collection[str], benches: list[Bench]) -> dict[str, list[Line]]:
    """Mode → its lines, one a seed."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in (line for name in names for bench in benches for line in MODES[name](bench)):
        found[str(line["mode"])].append(line)
    return found


def over_seeds(lines: list[Line]) -> Line:
    """Means over the seeds, from the lowest to the highest end of their intervals."""
    seeds, whole = tuple(int(str(line["seed"])) for line in lines), dict(lines[0])
    for name, cell in lines[0].items():
        if isinstance(cell, Figure):
            own = [of for line in lines if isinstance(of := line[name], Figure)]
            low, high = min(one.low for one in own), max(one.high for one in own)
            whole[name] = Figure(float(np.mean([one.value for one in own])), low, high, own[0].n, seeds)
        elif isinstance(cell, float):
            whole[name] = float(np.mean([float(str(line[name])) for line in lines]))
    return {**whole, "seed": ", ".join(map(str, seeds))}


def summed_up(result: Result, found: dict[str, list[Line]], before: str = "") -> None:
    """The result's figures."""
    for mode, lines in found.items():
        if ":" in mode:
            continue
        name, seeds = NAMES.get(mode, mode), [int(str(line["seed"])) for line in lines]
        figures = {key: of for key, of in over_seeds(lines).items() if isinstance(of, Figure)}
        result.figures |= {f"{before}{name}_{key}": of for key, of in figures.items()}
        for key in ("spearman", "ece_votes", "ece_plurality"):
            if key in lines[0] and not name.startswith("clusters"):
                own = Figure.over([float(str(line[key])) for line in lines], len(lines), seeds)
                plain = mode == "votes" and key != "spearman"
                result.figures[before + (key if plain else f"{key}_{name}")] = own


def curve(result: Result, benches: list[Bench]) -> None:
    """What reviews buy, at the first seed."""
    prepared(benches[:1], ())
    result.table("Reviews: what they buy", review_curve(benches[0], CURVE[:1] if result.options.quick else CURVE))


def repaired(result: Result, benches: list[Bench]) -> None:
    """What repaired labels are worth."""
    options = result.options
    repair.repaired(result, options.data, options.quick, [bench.seed for bench in benches])


def losses(result: Result, benches: list[Bench]) -> None:
    """What losses that withstand wrong labels are worth."""
    options = result.options
    repair.losses(result, options.data, options.quick, [bench.seed for bench in benches])


def drawn(result: Result, benches: list[Bench]) -> None:
    unsure.table(result, result.options.quick, tuple(bench.seed for bench in benches))


PARTS = {
    "modes": modes, "residual": residual, "curve": curve, "repair": repaired, "losses": losses, "drawn": drawn,
}  # fmt: skip
NAMES = {"votes, tuned": "tuned"}
"""Mode → what its figures are called, where it is another name."""


if __name__ == "__main__":
    main(run)
