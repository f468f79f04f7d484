"""Recommendations from a comparison of treatments, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from mien.imbalance import get_treatment
from mien.metrics.classification import common_classes
from mien.report.common import layout
from mien.report.common.layout import section, stack
from mien.report.common.run_figures import TableRow, grouped, names, number, percent, rate, rows, signed
from mien.report.treatments.tables import PLAIN
from mien.storage.run import Run

REAL = 0.05
"""p after Holm below which a difference is called real."""
KEY = ("model", "treatment")
BY_RECALL, BY_F1 = "on_calibrate", "f1_on_calibrate"
"""What the best may be chosen by: macro recall, or macro F1, of *calibrate*."""
Key = tuple[str, str]


def treatments_best_first(run: Run, by: str = BY_RECALL, models: Collection[str] = ()) -> list[Key]:
    """Models (these, or all) with treatments by their mean on calibrate, best first: test pictures select nothing.

    Means are over the seeds that all have. Those that collapsed come last.
    """
    table = [row for row in rows(run, "treatments") if not models or row["model"] in models]
    results = grouped(table, *KEY)
    shared = set.intersection(*({row["seed"] for row in same} for same in results.values())) if results else set()

    def order(key: Key) -> tuple[bool, float]:
        compared = [row for row in results[key] if row["seed"] in shared or not shared]
        return any(row["collapsed"] for row in results[key]), -number(compared, by).value

    return sorted(results, key=order)


def differences_from_none(run: Run) -> dict[Key, TableRow]:
    """Model and treatment → its row of the table of differences from no treatment."""
    return {(row["model"], row["treatment"]): row for row in rows(run, "differences")}


@section("What to do", "advice", needs=("treatments",))
def advice(run: Run) -> Markup:
    """The treatment with the highest macro recall on the calibration part, judged on test pictures, which chose
    nothing."""
    return stack(Markup(layout.render("advice.html", lines=advised(run))))


def advised(run: Run) -> list[tuple[str, str]]:
    """(tone, sentence), the most important first."""
    results = grouped(rows(run, "treatments"), *KEY)
    differences = differences_from_none(run)
    lines = [("lead", _recommended(run, results, differences))]
    lines += [("", sentence) for sentence in (*_by_f1(run, results), *_of_fit(differences))]
    for key, same in results.items():
        fallen = [row for row in same if row["collapsed"]]
        if fallen:
            share = max(row["share"] for row in fallen)
            collapsed = f"{key[0]} with {key[1]} collapsed on {len(fallen)} of {len(same)} seeds: it answers"
            answers = f"{fallen[0]['most_answered']} for {percent(share)} of the pictures"
            lines.append(("bad", f"{collapsed} {answers}. Its accuracy means nothing."))
    if len(names(run, "seeds")) == 1:
        lines.append(("", "One seed cannot tell a treatment from the luck of one training: give three, --seeds 0,1,2."))
    counts = np.array(run.manifest()["data"]["counts"])
    rare = (counts > 0) & ~common_classes(counts)
    if rare.any():
        named = zip(names(run, "classes"), counts.tolist(), rare.tolist(), strict=True)
        listed = ", ".join(f"{name} ({count})" for name, count, apart in named if apart)
        too_rare = "Too rare for a figure to mean much, and left out of all means"
        lines.append(("", f"{too_rare}: {listed}. More pictures help most."))
    return lines


def _rivals(run: Run, by: str = BY_RECALL) -> list[Key]:
    """Models and treatments that learn from the same pictures, best first."""
    return [key for key in treatments_best_first(run, by) if not get_treatment(key[1]).uses_fit]


def _by_f1(run: Run, results: Mapping[Key, Sequence[TableRow]]) -> list[str]:
    """A sentence on the best by macro F1, if macro recall has another best."""
    by_recall, by_f1 = _rivals(run)[:1], _rivals(run, BY_F1)[:1]
    if by_recall == by_f1 or any(row["collapsed"] for key in by_f1 for row in results[key]):
        return []
    above, here = (rate(number(results[key], "macro_f1").value) for key in (*by_recall, *by_f1))
    ((model, treatment),) = by_f1
    named = f"{model} as it is" if treatment == PLAIN else f"{model} with {treatment}"
    return [
        f"Where a false alarm is as bad as a miss, judge by macro F1: {named} was best by that on calibrate, "
        f"{here} on test; the above has {above}."
    ]


def _of_fit(differences: Mapping[Key, TableRow]) -> list[str]:
    """Sentences on the effect of the pictures of the fit part, for a corrector and for a training that has them too."""
    sentences = []
    for (model, treatment), row in differences.items():
        if get_treatment(treatment).corrector:
            beginning = f"With the pictures of fit besides, a corrector beside {model} changes macro recall by"
            control = differences.get((model, "with-fit"))
            trained = f"; a training that has them too, by {_change(control)}" if control else ""
            sentences.append(f"{beginning} {_change(row)}, without another training{trained}.")
    return sentences


def _recommended(run: Run, results: Mapping[Key, Sequence[TableRow]], differences: Mapping[Key, TableRow]) -> str:
    fair = _rivals(run)
    if not fair:
        return "All of these have pictures that others would not have. Add none, and treatments, to compare."
    best = fair[0]
    model, treatment = best
    value = rate(number(results[best], "macro_recall").value)
    if all(row["collapsed"] for row in results[best]):
        return "Every model collapsed: train for longer, or give more pictures."
    row = differences.get(best)
    better = [key for key in fair if key in differences and _is_better(differences[key])]
    also = ", ".join(f"{name} with {other}" for name, other in better)
    if treatment == PLAIN:
        if better:
            return (
                f"Train {model} as it is: that did best on calibrate, with macro recall {value} on test. Beside no "
                f"treatment of the same model, these were better on test: {also}."
            )
        tried = sum(key[0] == model for key in fair) - 1
        if not tried:
            return f"{model} as it is: macro recall {value} on test. Name treatments to compare it with."
        none = f"of {tried} treatments none was better on calibrate"
        return f"Train {model} as it is: {none}. Macro recall on test: {value}."
    what = f"{model} with {treatment} ({get_treatment(treatment).description})"
    if row is None:
        return f"Best on calibrate: {what}, macro recall {value} on test. Add none to see what the treatment is worth."
    if _is_better(row):
        return f"Train {what}: macro recall {value} on test, {_change(row)} beside no treatment."
    if better:
        return (
            f"Best on calibrate is {what}: macro recall {value} on test, {_change(row)} beside no treatment; that may "
            f"be chance. Better beyond chance, each beside no treatment of its model: {also}."
        )
    if row["seeds"] < 2:
        return (
            f"Best on calibrate: {what}, macro recall {value} on test, {_change(row)} beside none, on one seed so far."
        )
    return (
        f"No treatment is better beyond chance. Best on calibrate is {what}: macro recall {value} on test, "
        f"{_change(row)} beside no treatment."
    )


def _is_better(row: TableRow) -> bool:
    return bool(row["p_holm"] < REAL and row["difference"] > 0)


def _change(row: TableRow) -> str:
    return f"{signed(row['difference'])} ({signed(row['low'])} to {signed(row['high'])})"
