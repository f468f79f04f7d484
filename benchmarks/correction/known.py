"""Known classes: what a patch for one class does to the macro recall of a classifier that knows all of them."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import Figure, Result, do_all, seeds_of
from benchmarks.correction.halves import lines as lines_of_halves
from benchmarks.correction.scored import KEPT
from benchmarks.correction.trained import QUICK_EPOCHS, Task, trained
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.data.split import group_ids
from mien.metrics.correction import scores
from mien.nets.device import keep_freed_memory, one_thread
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_arrays, write_arrays
from mien.types import Ints, LabelSet, Proposal, Scores, digest

BASES = ("attention", "residual")
CORRECTOR = "adapter"
BUDGET = 0.02
POLICIES = {
    "macro recall (default)": Policy(BUDGET),
    "macro recall, expected": Policy(BUDGET, guarantee="expected"),
    "accuracy": Policy(BUDGET, aim="accuracy"),
    "gain: the whole budget": Policy(BUDGET, aim="gain"),
}


@dataclass(frozen=True)
class Job:
    """A corrector for one class of a classifier that was trained on all of them."""

    task: Task
    target: int

    @property
    def file(self) -> Path:
        return KEPT / f"{digest(self.task.folder.name, 'known', str(self.target))}.npz"


def fitted(job: Job) -> None:
    """Fit on *fit*, and keep the scores of *calibrate* and test."""
    if job.file.exists():
        return
    one_thread()
    keep_freed_memory()
    with threadpool_limits(1):
        parts, model = job.task.parts(), job.task.load()
        classifier = NetworkClassifier.of(model, parts.data)
        held = np.setdiff1d(parts.rows["correct"], parts.rows["fit"])
        empty = FeatureStore.of(classifier, parts.data, AugmentSettings(), held[:1], [])
        [corrector] = empty.build([CORRECTOR], job.target).values()
        if job.task.quick:
            corrector.set_params(epochs=QUICK_EPOCHS)  # type: ignore[attr-defined]
        store = FeatureStore.of(classifier, parts.data, AugmentSettings(), parts.rows["correct"], [corrector])
        tested = FeatureStore.of(
            NetworkClassifier.of(model, parts.tested), parts.tested, AugmentSettings(), parts.test, [corrector]
        )
        store.fit(corrector, parts.rows["fit"])
        write_arrays(
            job.file, score=tested.propose(corrector, parts.test).score, base=tested.seen(parts.test).predicted,
            truth=parts.tested.labels[parts.test], groups=group_ids(parts.tested)[parts.test].astype(str),
            **store.calibration(corrector, held).cell_arrays(),
        )  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What a patch does to the test pictures."""

    before: Scores
    after: Scores
    silent: bool

    @classmethod
    def of(cls, job: Job, policy: Policy, labelset: LabelSet) -> Reading:
        stored = read_arrays(job.file)
        certified = CalibrationSet.of_cell(stored, job.target).certify(policy, labelset)
        base, truth = stored["base"], stored["truth"]
        suggested: Ints = np.full(len(base), job.target)
        final = decide(Proposal(None, stored["score"], suggested), base, certified.thresholds).final  # type: ignore[arg-type]
        before, after = (scores(truth, base, answers, len(labelset)) for answers in (base, final))
        return cls(before, after, bool(np.isinf(certified.thresholds).all()))

    @property
    def points(self) -> float:
        """Change of macro recall, in points."""
        return 100 * (self.after.recall_after.mean() - self.after.recall_before.mean())

    @property
    def harm(self) -> float:
        return float(self.after.harm.hits.sum() / self.after.harm.totals.sum())


def jobs_of(options: Namespace) -> list[Job]:
    """A fitted corrector for every class, seed and network."""
    bases = BASES[:1] if options.quick else BASES
    make = partial(Task, options.data, options.test, options.quick, class_counts=options.class_counts)
    tasks = [make(base, seed) for base in bases for seed in seeds_of(options)]
    trained(tasks)
    classes = len(tasks[0].parts().data.labelset)
    jobs = [Job(task, target) for task in tasks for target in range(classes)]
    do_all(fitted, jobs)
    return jobs


def table(result: Result) -> None:
    """Change of macro recall for each known class, over seeds and networks, under four policies."""
    jobs, seeds = jobs_of(result.options), seeds_of(result.options)
    labelset = jobs[0].task.parts().data.labelset
    lines, by_class = [], defaultdict(dict)
    for name, policy in POLICIES.items():
        readings = {job: Reading.of(job, policy, labelset) for job in jobs}
        points = [reading.points for reading in readings.values()]
        harms = [reading.harm for reading in readings.values()]
        lines.append(
            {
                "aim": name, "points of macro recall": Figure.over(points, len(jobs), seeds), "worst": min(points),
                "best": max(points), "Gain": gain_of(readings), "Harm": mean(harms), "largest Harm": max(harms),
                "silent": sum(reading.silent for reading in readings.values()), "patches": len(jobs),
            }
        )  # fmt: skip
        if policy == POLICIES["macro recall (default)"]:
            result.figures["known_macro_recall_change_mean"] = Figure.over(points, len(jobs), seeds)
            result.figures["known_macro_recall_change_worst"] = Figure.over([min(points)], len(jobs), seeds)
        for target, label in enumerate(labelset.names):
            chosen = [reading.points for job, reading in readings.items() if job.target == target]
            by_class[label][name] = Figure.over(chosen, len(chosen), seeds)
    networks = " and ".join(dict.fromkeys(job.task.base for job in jobs))
    title = f"Known classes: a patch for each, {CORRECTOR}, budget {100 * BUDGET:g} %, {networks}"
    result.table(title, lines)
    result.table("Points of macro recall by class", [{"class": label, **values} for label, values in by_class.items()])
    sets = [(CalibrationSet.of_cell(read_arrays(job.file), job.target), job.target) for job in jobs]
    result.table(
        "Thresholds chosen on one half of calibrate, judged on the other", lines_of_halves(sets, labelset, BUDGET)
    )


def gain_of(readings: dict[Job, Reading]) -> float:
    """Mean Gain of the target classes."""
    return mean(reading.after.gain.values[job.target] for job, reading in readings.items())


def mean(values: object) -> float:
    return float(np.nanmean(list(values)))  # type: ignore[call-overload]
