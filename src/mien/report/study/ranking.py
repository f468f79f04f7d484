"""Sections that compare: gain-against-harm curves, ranking of the correctors, confusion before and after."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from markupsafe import Markup

from mien.experiments.tables import PERCENTS
from mien.report.common import figures
from mien.report.common.confusion import confusion_table
from mien.report.common.layout import Cell, Table, folded, section, side_by_side, stack, tabs
from mien.report.common.run_figures import Number, TableRow, cell, grouped, hue, mean_over_classes, names, number, rows
from mien.report.study.experiment import NETWORKS, curve_panels, spread_line
from mien.report.study.results import Measure, by_class, correctors_best_first, per_corrector, studied
from mien.storage.run import Run
from mien.types import row_name

FITTED_ON = {"correct": "fitted on all of correct", "fit": "fitted on fit: the one in force"}
TOO_FEW = "undefined: fewer than 5 pictures, or the network that it is compared with recovers none or was not trained"
SYSTEMS = {"f": "before", "h": "after", "full": "full network"}
SCORES = {
    "AUROC": ("auroc",),
    "Gain at Harm": tuple(f"gain_at_harm_{level}" for level in PERCENTS),
    "P at equal Harm, full": tuple(f"restored_at_equal_harm_{level}" for level in PERCENTS),
    "P at equal Harm, retrained": tuple(f"against_retrained_{level}" for level in PERCENTS),
}


@section("Gain against Harm", "curves", needs=("curves",))
def curves(run: Run) -> Markup:
    """Gain that each score would have at every Harm that it might be allowed: a property of the score alone, on test,
    which selects nothing. The networks trained on all classes are scored the same way, as overrides of the same f.
    Upright lines at 1, 2 and 5 %."""
    table = rows(run, "curves")
    drawn = grouped(table, "corrector")
    looks = {name: _look(run, name) for name in (*correctors_best_first(run), *NETWORKS.values()) if name in drawn}
    parts = grouped(table, "left_out")
    shown = {"mean over the classes": table, **{name: parts[name] for name in studied(run, parts)}}
    gain_curves = []
    for place, (title, part) in enumerate(shown.items()):
        lines = grouped(part, "corrector")
        drawn_in_turn = [(lines[name], look) for name, look in reversed(looks.items()) if name in lines]
        gains = [spread_line(grouped(line, "harm"), "gain", look) for line, look in drawn_in_turn]
        marks = [level / 100 for level in PERCENTS]
        gain_curves.append((title, figures.gain_curves(f"curve-{place}", gains, marks)))
    return curve_panels(run, "Gain against Harm, pooled over the right answers of f", gain_curves, looks)


def _look(run: Run, name: str) -> figures.Look:
    references = list(NETWORKS.values())
    if name in references:
        return figures.Look(None, 1 + references.index(name), 1.4)
    return figures.named(hue(run, "correctors", name))


@section("Ranking of the correctors", "ranking", needs=("ranking",))
def ranking(run: Run) -> Markup:
    """Compared at the same Harm, never at whatever threshold each chose. P at equal Harm: Gain of the corrector over
    Gain of the network trained on all classes (full, or retrained), both as overrides of the same f; 1 is as good as
    retraining. The best on calibrate stands first."""
    by_fit = grouped(rows(run, "ranking"), "fitted_on")
    tables = [(title, _ranking(run, by_fit[key])) for key, title in FITTED_ON.items() if key in by_fit]
    return tabs("ranking-fit", tables)


def _ranking(run: Run, table: list[TableRow]) -> Markup:
    """Means over the left-out classes, and on demand each class."""
    columns = {
        key: f"{key.rpartition('_')[2]}\u202f%" if key != "auroc" else "" for keys in SCORES.values() for key in keys
    }
    by_corrector = grouped(table, "corrector")
    lines = [
        (
            Cell(name, hue=hue(run, "correctors", name)),
            *(cell(mean_over_classes(by_corrector[name], key), why=TOO_FEW) for key in columns),
        )
        for name in correctors_best_first(run)
        if name in by_corrector
    ]
    spans = (("", 1), *((title, len(keys)) for title, keys in SCORES.items()))
    measures = [
        Measure(f"{title} {columns[key]}".strip(), partial(_with_interval, key=key), why=TOO_FEW)
        for title, keys in SCORES.items()
        for key in keys
    ]
    means = Table("Means over the left-out classes", ("Corrector", *columns.values()), lines, spans=spans)
    return stack(means, folded("Class by class", *(by_class(run, measure, table) for measure in measures)))


def _with_interval(seed_rows: Sequence[TableRow], key: str) -> Number:
    return number(seed_rows, key, f"{key}_hits", prefix=f"{key}_")


@section("Confusion, before and after", "confusion", needs=("confusion",))
def confusion(run: Run) -> Markup:
    """Percent of each class’s pictures (rows) by answer (columns), on test; hover over a figure for the counts. Before:
    the answers of f, trained without the class. After: the answers of h at the threshold in force."""

    def body(_: str, table: list[TableRow]) -> Markup:
        by_class_out = grouped(table, "left_out")
        return stack(*(_before_and_after(run, name, by_class_out[name]) for name in studied(run, by_class_out)))

    return per_corrector(run, "confusion", rows(run, "confusion"), body)


def _before_and_after(run: Run, left_out: str, table: list[TableRow]) -> Markup:
    by_system = grouped(table, "system")
    matrices = [_confusion(run, title, by_system[key], left_out) for key, title in SYSTEMS.items() if key in by_system]
    return side_by_side(matrices, f"{left_out} left out")


def _confusion(run: Run, title: str, table: list[TableRow], left_out: str) -> Table:
    """Rows of truth add up to 100 %; an abstaining system has one column more."""
    given = grouped(table, "answer")
    answers = {row_name(name) if row_name(name) in given else name: name for name in names(run, "classes")}
    answers |= {name: name for name in given if name not in answers}
    return confusion_table(title, table, answers, is_right=lambda truth, answer: truth == answer == left_out)
