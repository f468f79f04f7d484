"""What certified correctors do on test, under each kind of guarantee, beside networks without a corrector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.correction.cases import PAPER, Study, mean_over_classes
from benchmarks.correction.scored import Reading, largest, pooled
from mien.certify.policy import Policy
from mien.metrics.classification import macro_recall, recall
from mien.metrics.correction import recovered_recall

BUDGETS = (1, 2, 5)
SCHEMES = (("confident", "gain"), ("expected", "macro_recall"), ("expected", "gain"))
"""Beside the default, which is confident and serves macro recall: guarantees and aims for the best corrector."""
TITLE = "Certified on calibrate: fitted on three fifths of correct if confident, on four fifths if expected"
Readings = dict[str, list[Reading]]


def table(study: Study, result: Result, best: str) -> None:
    """Three correctors under the default policy; the best one under each guarantee, with and without an aim."""
    lines = []
    for name in dict.fromkeys((PAPER, "logistic" if "logistic" in study.names else PAPER, best)):
        readings = study.readings(name)
        for budget in BUDGETS:
            found = at_budget(study, readings, Policy(budget / 100))
            lines.append(_line(name, Policy(budget / 100), found))
            if budget == 2 and name in (best, PAPER):
                _record(study, result, "" if name == best else "paper_", found)
    by_guarantee = {"confident": study.readings(best), "expected": study.fitted_on_most(best)}
    for guarantee, aim in SCHEMES:
        for budget in BUDGETS:
            policy = Policy(budget / 100, guarantee=guarantee, aim=aim)
            found = at_budget(study, by_guarantee[guarantee], policy)
            lines.append(_line(best, policy, found))
            if budget == 2:
                _record(study, result, f"{guarantee}_{aim}_", found)
            if aim == "gain":
                result.figures[f"real_{guarantee}_spent_{budget}"] = found["budget spent"]  # type: ignore[assignment]
    for key, answers in study.answers.items():
        values = [macro_recall(study.truths[s], answers[s], len(study.labelset)) for s in study.seeds]
        figure = Figure.over(values, len(study.truths[study.seeds[0]]), study.seeds)
        result.figures[f"macro_recall_{key}"] = figure
        lines.append({"corrector": f"{key} network, no corrector", "macro recall of h": figure})
    result.table(TITLE, lines)


def _line(name: str, policy: Policy, found: dict[str, object]) -> dict[str, object]:
    aim = "all of the budget" if policy.aim == "gain" else policy.aim.replace("_", " ")
    told = {"corrector": name, "guarantee": policy.guarantee, "threshold serves": aim}
    return {**told, "budget": f"{100 * policy.budget:g} %", **found}


def _record(study: Study, result: Result, prefix: str, found: dict[str, object]) -> None:
    result.figures[f"{prefix}mean_restored"] = found["P"]  # type: ignore[assignment]
    result.figures[f"{prefix}mean_certified_harm"] = found["pooled Harm"]  # type: ignore[assignment]
    result.figures[f"{prefix}macro_recall_corrected"] = found["macro recall of h"]  # type: ignore[assignment]
    largest_harm = Figure.over([float(str(found["largest pooled Harm"]))], len(study.classes), study.seeds)
    result.figures[f"{prefix}max_certified_harm"] = largest_harm


def at_budget(study: Study, readings: Readings, policy: Policy) -> dict[str, object]:
    """Means over the classes of what one corrector does under a policy."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for left, of in readings.items():
        i = study.labelset.index(left)
        done = [reading.corrected(policy) for reading in of]
        full = [recall(study.truths[s], study.answers["full"][s], len(study.labelset)) for s in study.seeds]
        found["Gain"].append([one.gain.values[i] for one in done])
        found["pooled Harm"].append([pooled(one) for one in done])
        found["budget spent"].append([pooled(one) / policy.budget for one in done])
        found["Harm of a class"].append([largest(one) for one in done])
        found["ΔFPR"].append([one.delta_fpr[i] for one in done])
        found["P"].append(
            [recovered_recall(h.recall_after.values, network.values)[i] for h, network in zip(done, full, strict=True)]
        )
        found["macro recall of h"].append([one.recall_after.mean() for one in done])
    return {
        **{key: _mean(study, values) for key, values in found.items() if key != "Harm of a class"},
        "largest pooled Harm": float(np.max(found["pooled Harm"])),
        "over the budget": f"{_over(found['pooled Harm'], policy.budget)} of {len(study.jobs)}",
        "largest Harm of a class": float(np.max(found["Harm of a class"])),
    }


def _mean(study: Study, values: Iterable[list[float]]) -> Figure:
    return Figure.over(mean_over_classes(values), len(study.classes), study.seeds)


def _over(harms: list[list[float]], budget: float) -> int:
    return int((np.array(harms) > budget).sum())
