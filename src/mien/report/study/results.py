"""Sections on the effect of correction: the paper's tables 2 to 4."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mien.report.common.layout import DASH, Block, Cell, Table, section, stack, tabs, undefined
from mien.report.common.run_figures import (
    NOTHING_COUNTED,
    Number,
    TableRow,
    cell,
    grouped,
    hue,
    mean,
    names,
    number,
    rate,
    rows,
    signed,
)
from mien.storage.run import Run

OWN_CLASS = "undefined: f never saw this class in training, so it had none of it right"
NO_PICTURE = "undefined: the test part has no picture of this class, or this network was not trained"
NO_BASE = "undefined: the full network recognises none of them"
STRONGEST_HARM = 0.1  # the share of right answers lost that gets the strongest tone


def correctors_best_first(run: Run) -> list[str]:
    """The correctors by their mean Gain at the Harm of the budget on calibrate, best first: test selects nothing."""
    summary = grouped(rows(run, "summary"), "corrector")
    gains = {name: number(same, "selection").value for name, same in summary.items()}
    known = names(run, "correctors") or list(gains)
    return sorted(
        known, key=lambda name: (-gains[name] if gains.get(name, math.nan) >= 0 else math.inf, known.index(name))
    )


def per_corrector(
    run: Run, anchor: str, table: Iterable[TableRow], body: Callable[[str, list[TableRow]], Block | Markup]
) -> Markup:
    """A tab per corrector that has rows, best first."""
    by_name = grouped(table, "corrector")
    shown = [name for name in correctors_best_first(run) if name in by_name]
    return tabs(f"{anchor}-corrector", [(name, body(name, by_name[name])) for name in shown])


def studied(run: Run, results: Mapping[str, object]) -> list[str]:
    """The left-out classes that have results, in the order of the study."""
    return [name for name in names(run, "left_out") if name in results]


@section("Retention and Harm", "retention", needs=("retention", "harm"))
def retention_harm(run: Run) -> Markup:
    """Of the pictures that f had right, the share that the corrected system h keeps (Retention) and loses (Harm =
    1 − Retention). Rows: the class of the pictures; columns: the class that was left out and corrected. The diagonal is
    undefined and no part of any mean."""
    kept = grouped(rows(run, "retention"), "corrector")

    def body(name: str, harm: list[TableRow]) -> Markup:
        return stack(_matrix(run, "Harm", harm), _matrix(run, "Retention", kept[name]))

    return per_corrector(run, "retention", rows(run, "harm"), body)


def _matrix(run: Run, title: str, table: list[TableRow]) -> Table:
    """Label by left-out class, with means of the defined cells on both sides."""
    figures = {key: number(same) for key, same in grouped(table, "label", "left_out").items()}
    columns, labels = studied(run, grouped(table, "left_out")), names(run, "classes")
    harm = title == "Harm"

    def heat(value: float) -> float:
        return (value if harm else value - (1 - STRONGEST_HARM)) / STRONGEST_HARM

    def entry(label: str, left: str) -> Cell:
        if label == left:
            return undefined(OWN_CLASS)
        return cell(figures.get((label, left), Number()), heat=heat, brief=True)

    def defined(keys: Iterable[tuple[str, str]]) -> Number:
        return mean([figures[key] for key in keys if key in figures and key[0] != key[1]])

    lines = [
        (Cell(label), *(entry(label, left) for left in columns), cell(defined((label, left) for left in columns)))
        for label in labels
    ]
    means = [defined((label, left) for label in labels) for left in columns]
    foot = (Cell("mean"), *map(cell, means), cell(mean(means)))
    spans = (("", 1), ("left out and corrected", len(columns)), ("", 1))
    return Table(title, ("Class", *columns, "mean"), lines, [foot], spans, heat="harm" if harm else "retention")


@dataclass(frozen=True)
class Measure:
    """A figure that is compared class by class: how it is read from its rows, written and coloured."""

    title: str
    read: Callable[[Sequence[TableRow]], Number]
    form: Callable[[float], str] = rate
    strongest: float = 1.0
    heat: str = "retention"
    why: str = NOTHING_COUNTED


def _delta_fpr(seed_rows: Sequence[TableRow]) -> Number:
    counts = [f"{row['hits_f']} → {row['hits_h']} of {row['total']}" for row in seed_rows]
    return number(seed_rows, "delta_fpr", bounds=False).replace(count=counts)


GAIN = Measure("Gain", number)
DELTA_FPR = Measure("ΔFPR", _delta_fpr, signed, STRONGEST_HARM, "harm")


@section("Gain and ΔFPR", "gain", needs=("gain", "delta_fpr"))
def gain(run: Run) -> Markup:
    """Gain: of the left-out class’s pictures, all of which f had wrong, the share that h has right. ΔFPR: the share of
    other pictures that h calls by this class, less the share that f does."""
    return stack(by_class(run, GAIN, rows(run, "gain")), by_class(run, DELTA_FPR, rows(run, "delta_fpr")))


def by_class(run: Run, measure: Measure, table: list[TableRow]) -> Table:
    """A line per corrector, best first, a column per left-out class, and the mean."""
    results = grouped(table, "corrector", "left_out")
    columns = studied(run, grouped(table, "left_out"))
    lines = []
    for name in correctors_best_first(run):
        line = [measure.read(results[name, left]) if (name, left) in results else Number() for left in columns]
        if any(figure.readings for figure in line):
            cells = (_coloured(figure, measure) for figure in line)
            over = cell(mean(line), measure.form, why=measure.why)
            lines.append((Cell(name, hue=hue(run, "correctors", name)), *cells, over))
    return Table(f"{measure.title} by left-out class", ("Corrector", *columns, "mean"), lines, heat=measure.heat)


def _coloured(figure: Number, measure: Measure) -> Cell:
    return cell(figure, measure.form, why=measure.why, heat=lambda value: value / measure.strongest)


@section("Recall per class, and what was restored", "restored", needs=("restored",))
def restored(run: Run) -> Markup:
    """Recall of each class (rows) by the system corrected for the column’s class; beside it the uncorrected full
    network, trained on all classes, and the network retrained on train and correct. P: recall of the corrected class,
    every override counted as the new class, over the full network’s, on the same pictures, with a paired bootstrap
    interval."""
    return per_corrector(run, "restored", rows(run, "restored"), lambda _, table: _recalls(run, table))


def _recalls(run: Run, table: list[TableRow]) -> Table:
    results = grouped(table, "label", "left_out")
    columns = studied(run, grouped(table, "left_out"))

    def recall(same: Sequence[TableRow], kind: str = "", of_target: bool = False) -> Cell:
        figure = number(same, f"{kind}recall", f"{kind}hits", bounds=False)
        return cell(figure, why=NO_PICTURE, heat=lambda value: value, tone="own" if of_target else "")

    lines = []
    for label in names(run, "classes"):
        line = {left: results.get((label, left), []) for left in columns}
        networks = line.get(label) or next(filter(None, line.values()), [])
        corrected = (recall(same, of_target=left == label) for left, same in line.items())
        lines.append((Cell(label), *corrected, recall(networks, "full_"), recall(networks, "retrained_")))
    shares = [number(results.get((left, left), []), "restored", hits="") for left in columns]
    over = mean(shares).value
    caption = f"Recall; mean of P: {DASH if math.isnan(over) else rate(over)}"
    foot = (Cell("P"), *(cell(share, why=NO_BASE) for share in shares), Cell(""), Cell(""))
    spans = (("", 1), ("corrected for", len(columns)), ("trained on all classes", 2))
    return Table(caption, ("Class", *columns, "full", "retrained"), lines, [foot], spans)
