"""How well wrong labels are found, with FER+'s ten votes as the truth about FER2013's labels.

    python benchmarks/labels.py --data PATH/TO/ferplus

Three modes, never mixed: *blind* knows the given labels alone; *seeded* knows 1,000 reviewed pictures besides, drawn at
random and left out of the scoring (a simulated reviewer answers with the plurality); *votes* learns from the votes of
other folds. Scored are pictures of which the votes name one of the seven emotions. The rival is cleanlab's usual
recipe: five folds of the same network, ranked by its normalised margin. Trainings are kept in runs/benchmark-labels.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import repair
import unsure
from common import Result, main, parser, seeds_of
from fer_labels import Truth, data_of
from label_modes import CURVE, FOLDS, PARTS, REVIEWS, Bench, Task, do, review_curve, summed_up

from mien.cli.audit import EPOCHS
from mien.errors import choice_error
from mien.study.engines import processes


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    flags.add_argument("--only", default=",".join([*PARTS, *OWN_TABLE]), help="some parts (default: %(default)s)")
    options = flags.parse_args()
    wanted = options.only.split(",")
    for part in wanted:
        if part not in PARTS and part not in OWN_TABLE:
            raise choice_error("part", part, [*PARTS, *OWN_TABLE], place="--only")
    result = Result("labels", options, {"epochs": EPOCHS, "reviews": REVIEWS, "folds": FOLDS})
    make, seeds = partial(Task, options.data, options.quick), seeds_of(options)
    modes = [part for part in wanted if part in PARTS]
    tasks = [make(seed, "audit") for seed in seeds if modes or "curve" in wanted]
    tasks += [
        make(seed, kind, fold) for kind in FOLDS if kind in wanted for seed in seeds for fold in range(FOLDS[kind])
    ]
    processes(do, tasks, lambda: None)
    data = data_of(options.data, options.quick)
    truth = Truth.of(data)
    benches = [Bench(make, seed, data, truth) for seed in seeds]
    if modes:
        lines = [line for part in modes for bench in benches for line in PARTS[part](bench)]
        result.table("Wrong labels of FER2013, against the plurality of FER+", lines)
        summed_up(result, lines)
    for part in wanted:
        if part in OWN_TABLE:
            OWN_TABLE[part](result, benches)
    counts = dict(zip(data.labelset.names, data.counts().tolist(), strict=True))
    wrong = float((truth.label != data.labels)[truth.scored].mean())
    about = {"name": Path(data.name).name, "classes": counts, "scored": int(truth.scored.sum()), "wrong": wrong}
    result.write({**about, "fingerprint": data.fingerprint()})


def curve(result: Result, benches: list[Bench]) -> None:
    """What reviews buy, at the first seed."""
    result.table("Reviews: what they buy", review_curve(benches[0], CURVE[:1] if result.options.quick else CURVE))


def repaired(result: Result, benches: list[Bench]) -> None:
    options = result.options
    repair.table(result, options.data, options.quick, [bench.seed for bench in benches])


def drawn(result: Result, benches: list[Bench]) -> None:
    unsure.table(result, result.options.quick, tuple(bench.seed for bench in benches))


OWN_TABLE = {"curve": curve, "repair": repaired, "drawn": drawn}
"""Parts that answer another question."""


if __name__ == "__main__":
    main(run)
