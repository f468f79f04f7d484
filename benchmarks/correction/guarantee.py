"""Whether certified budgets hold: one f and one g, 200 calibrations that share no picture, drawn faces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import Figure, Result
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.certify.thresholds import CONFIDENT, GUARANTEES
from mien.correctors.linear import LDA
from mien.data.faces import FaceSettings, draw
from mien.nets import saved
from mien.nets.device import keep_freed_memory, seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import Bools, Dataset, LabelSet, Outputs, Proposal

BUDGETS = (0.01, 0.02, 0.05)
LEFT_OUT = "sadness"
REPEATS = 200
CALIBRATION = 1500
"""Faces of each calibration."""
SIZE = 32


def faces(count: int, seed: int) -> Dataset:
    return draw(FaceSettings(n=count, size=SIZE, seed=seed)).dataset


def read(model: Network, count: int, seed: int) -> tuple[Outputs, np.ndarray]:
    """Fresh faces: what f makes of them, and their labels."""
    outputs, labels = [], []
    for start in range(0, count, 5000):
        data = faces(min(5000, count - start), seed + start)
        data = data.take(data.labels >= 0)
        names = np.char.add(f"{seed + start}-", data.ids)
        outputs.append(extract(model, data.pictures, names, vectors=("*/1", "hidden", "logits")))
        labels.append(data.labels)
    return Outputs.concat(outputs), np.concatenate(labels)


@dataclass(frozen=True)
class Drawn:
    """A classifier of drawn faces that never saw one class.

    Attributes
    ----------
    model : f. labelset : the classes. known : (K,) those that f was trained on. absent : index of the other.
    """

    model: Network
    labelset: LabelSet
    known: Bools
    absent: int

    @classmethod
    def trained(cls, quick: bool) -> Drawn:
        data = faces(300 if quick else 4000, 1)
        data = data.take(data.labels >= 0)
        absent = data.labelset.index(LEFT_OUT)
        seed_everything(0, 0)
        examples = Examples.of(data, np.arange(len(data)), absent)
        known = examples.targets.sum(0) > 0
        model = saved.build("attention", known, colour=False)
        fit(model, examples, None, TrainSettings(epochs=2 if quick else 20))
        return cls(model, data.labelset, known, absent)


def table(result: Result) -> None:
    """Violations among independent calibrations, and how much of the budget is spent."""
    quick = bool(result.options.quick)
    repeats = 4 if quick else REPEATS
    keep_freed_memory()
    with threadpool_limits(2):
        drawn = Drawn.trained(quick)
        learnt, labels = read(drawn.model, 300 if quick else 2000, 10_000_000)
        g = LDA(drawn.absent).fit(learnt, labels)
        pool, pool_labels = read(drawn.model, repeats * CALIBRATION, 20_000_000)
        tested, truth = read(drawn.model, 1000 if quick else 50_000, 30_000_000)
        pool_score, test_score = g.propose(pool).score, g.propose(tested).score
    report(result, drawn, repeats, (pool, pool_labels, pool_score), (tested, truth, test_score))


Read = tuple[Outputs, np.ndarray, np.ndarray]
"""What f makes of pictures, their labels, and the scores of g."""


def report(result: Result, drawn: Drawn, repeats: int, pool: Read, tested: Read) -> None:
    """The table: for each budget, kind of guarantee and group, how often the true Harm is above the budget."""
    outputs, truth, score = tested
    labelset, known = drawn.labelset, drawn.known
    right = (outputs.predicted == truth) & known[truth]
    named = {name: right & (truth == c) for c, name in enumerate(labelset.names) if known[c]}
    counted = {"pooled": right, **named}
    size = len(pool[1]) // repeats  # a little less than were drawn: some faces have no label
    lines: list[dict[str, object]] = []
    for budget, kind in product(BUDGETS, GUARANTEES):
        harms: dict[str, list[float]] = {group: [] for group in counted}
        sizes: dict[str, list[int]] = {group: [] for group in counted}
        for number in range(repeats):
            rows = np.arange(number * size, (number + 1) * size)
            proposal = Proposal(pool[0].ids[rows], pool[2][rows], np.full(size, drawn.absent))
            calibration = CalibrationSet.of(proposal, pool[1][rows], pool[0].predicted[rows])
            certified = calibration.certify(Policy(budget, guarantee=kind, aim="gain"), labelset, known)
            for guarantee in certified.guarantees:
                if guarantee.feasible:
                    of_group = counted[guarantee.group]
                    harms[guarantee.group].append(float((score[of_group] > guarantee.threshold).mean()))
                    sizes[guarantee.group].append(guarantee.n)
        for group, values in harms.items():
            line = {"budget": f"{100 * budget:g} %", "guarantee": kind, "certified of": group, "feasible": len(values)}
            if values:
                mean, error = float(np.mean(values)), float(np.std(values)) / np.sqrt(len(values))
                line |= {"mean n": round(float(np.mean(sizes[group]))), "test pictures": int(counted[group].sum())}
                line |= {"over the budget": int((np.array(values) > budget).sum()), "mean Harm": mean}
                line |= {"its standard error": error, "share of the budget spent": mean / budget}
            lines.append(line)
            if group == "pooled" and values:
                name = "budget_spent" if kind == CONFIDENT else "expected_budget_spent"
                result.figures[f"{name}_{100 * budget:g}"] = Figure.over([mean / budget], len(values))
    sure = [line for line in lines if line["guarantee"] == CONFIDENT and "over the budget" in line]
    over = [int(str(line["over the budget"])) for line in sure]
    result.figures["budget_violations"] = Figure.over([max(over, default=0)], repeats)
    result.table(f"{repeats} calibrations of {size} drawn faces, f and g fixed, δ = 5 %", lines)
