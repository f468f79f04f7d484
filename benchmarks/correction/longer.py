"""Adapters that learn for longer: what more time buys, beside retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.correction.cases import equal_harm, mean_over_classes
from benchmarks.correction.scored import Job, Reading, scored

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

NAMES = ("adapter", "adapter, 36 epochs")


def table(study: Study, result: Result) -> None:
    """Means over the classes of the first seed, on test, fitted on all of *correct*; P= against R1."""
    seed = study.seeds[0]
    jobs = {left: Job(study.jobs[seed, left].task, NAMES) for left in study.classes}
    scored(list(jobs.values()))
    lines = []
    for name in NAMES:
        found = {left: Reading.of(job, name, study.parts[seed]) for left, job in jobs.items()}
        quality = [one.quality() for one in found.values()]
        line: dict[str, object] = {"corrector": name, "AUROC": float(np.mean([of["auroc"] for of in quality]))}
        for harm in (1, 2, 5):
            line[f"Gain at {harm} %"] = float(np.mean([of[f"gain_{harm}"] for of in quality]))
        for harm in (1, 2, 5):
            networks = {left: study.references(left)["R1"][:1] for left in found}
            values = mean_over_classes(equal_harm([one], networks[left], harm)[0] for left, one in found.items())
            line[f"P= {harm} %, R1"] = values[0]
            if name != NAMES[0]:
                result.figures[f"longer_restored_at_equal_harm_{harm}"] = Figure.over(values, len(found), (seed,))
        lines.append(line)
    result.table("Adapters that learn for longer: means over the classes, first seed, test", lines)
