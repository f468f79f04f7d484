"""All classifiers and correctors of the benchmark of correction, and what they did: the readings that tables are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, partial

import numpy as np

from benchmarks.common import Parts, mean_of_defined
from benchmarks.correction.scored import Job, Reading, network_probs, network_score, scored
from benchmarks.correction.trained import Task, trained
from mien.metrics.intervals import bootstrap_ratio
from mien.metrics.ranking import gain_at_harm, overridden_at_harm, restored_at_equal_harm

PAPER = "xgboost"


class Study:
    """The readings of all seeds, classes and correctors, with their references."""

    def __init__(self, options: object, base: str, names: Sequence[str], seeds: Sequence[int]) -> None:
        self.names, self.seeds = tuple(names), tuple(seeds)
        counts = options.class_counts  # type: ignore[attr-defined]
        make = partial(Task, options.data, options.test, options.quick, base, class_counts=counts)  # type: ignore[attr-defined]
        self.r1, self.r2, self.control = (
            {seed: make(seed, rows=rows) for seed in seeds} for rows in ("train", "train and correct", "correct")
        )
        self.parts: dict[int, Parts] = {seed: self.r1[seed].parts() for seed in seeds}
        self.labelset = self.parts[seeds[0]].data.labelset
        self.classes = [name for name in self.labelset.names if self.enough(name)]
        if options.quick:  # type: ignore[attr-defined]
            self.classes = self.classes[-2:]
        self.truths = {seed: of.tested.labels[of.test] for seed, of in self.parts.items()}
        self.jobs = {(s, name): Job(make(s, name), self.names) for s in seeds for name in self.classes}

    def enough(self, name: str) -> bool:
        """Whether a class has pictures to learn from and to test on in every seed."""
        index = self.labelset.index(name)
        return all(
            (of.data.labels[of.rows["fit"]] == index).sum() >= 3 and (of.tested.labels[of.test] == index).any()
            for of in self.parts.values()
        )

    def run(self, *, control: bool = True) -> None:
        """Train and fit what is missing, with or without the networks trained on *correct* alone."""
        networks = [*self.r2.values(), *self.r1.values(), *(job.task for job in self.jobs.values())]
        trained([*networks, *self.control.values()] if control else networks)
        scored(list(self.jobs.values()))

    def reading(self, seed: int, left: str, name: str) -> Reading:
        return Reading.of(self.jobs[seed, left], name, self.parts[seed])

    def readings(self, name: str) -> dict[str, list[Reading]]:
        """Class → one reading a seed."""
        return {left: [self.reading(seed, left, name) for seed in self.seeds] for left in self.classes}

    def fitted_on_most(self, name: str) -> dict[str, list[Reading]]:
        """The same of a corrector that was fitted on four fifths of *correct*."""
        jobs = {key: Job(job.task, (name,), "most") for key, job in self.jobs.items()}
        scored(list(jobs.values()))
        return {
            left: [Reading.of(jobs[seed, left], name, self.parts[seed]) for seed in self.seeds] for left in self.classes
        }

    def references(self, left: str) -> dict[str, list[np.ndarray]]:
        """Name → (N,) scores of each seed's network for the class."""
        index = self.labelset.index(left)
        named = {"R1": self.r1, "R2": self.r2, "control": self.control}
        return {
            name: [network_score(tasks[seed], self.parts[seed], index) for seed in self.seeds]
            for name, tasks in named.items()
        }

    @cached_property
    def answers(self) -> dict[str, dict[int, np.ndarray]]:
        """ "full" (R1) and "retrained" (R2): each seed's answers on test."""
        networks = {"full": self.r1, "retrained": self.r2}
        return {
            name: {seed: network_probs(task, self.parts[seed]).argmax(1) for seed, task in tasks.items()}
            for name, tasks in networks.items()
        }

    @cached_property
    def best(self) -> str:
        """Chosen on *calibrate*: highest mean Gain at Harm 2 %."""

        def quality(name: str) -> float:
            found = [reading for of in self.readings(name).values() for reading in of]
            return float(mean_of_defined([on_calibrate(reading) for reading in found]))

        return max(self.names, key=quality)


def on_calibrate(reading: Reading, harm: float = 0.02) -> float:
    seen = reading.calibration
    right = (seen.base == seen.truth) & reading.known[seen.truth]
    return gain_at_harm(seen.score[0], seen.truth == reading.left, right, harm)


def mean_over_classes(values: Iterable[Sequence[float]]) -> list[float]:
    """Class by class a value for each seed → for each seed the mean over the classes."""
    return mean_of_defined(list(values), axis=0).tolist()


def equal_harm(
    readings: Sequence[Reading], networks: Sequence[np.ndarray], harm: int
) -> tuple[list[float], float, float]:
    """P at equal Harm of each seed, and the interval of all seeds together by pictures that travel together."""
    pairs = list(zip(readings, networks, strict=True))
    values = [restored_at_equal_harm(one.score_all, net, one.new, one.counts, harm / 100) for one, net in pairs]
    won, by_network = (
        np.concatenate([overridden_at_harm(score(one, net), one.counts, harm / 100)[one.new] for one, net in pairs])
        for score in (lambda one, net: one.score_all, lambda one, net: net)
    )
    return values, *bootstrap_ratio(won, by_network, np.concatenate([one.groups[one.new] for one in readings]))
