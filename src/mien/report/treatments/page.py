"""The report of a comparison of treatments: a recommendation, a ranking, and figures by class."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from mien.data.views import as_png
from mien.imbalance import get_treatment
from mien.report.common import layout
from mien.report.common.again import again
from mien.report.common.confusion import confusion_table
from mien.report.common.frame import RunPage, name_of
from mien.report.common.layout import Cell, Table, folded, section, side_by_side, stack, tabs, undefined
from mien.report.common.run_figures import (
    Number,
    TableRow,
    cell,
    chance,
    grouped,
    grouped_digits,
    mean,
    names,
    number,
    percent,
    rate,
    rows,
    seconds,
    signed,
)
from mien.report.treatments.advice import KEY, REAL, Key, advice, differences_from_none, treatments_best_first
from mien.report.treatments.tables import PLAIN
from mien.storage.files import read_arrays, write_text
from mien.storage.run import Run

SHOWN = 8
"""Made pictures of each class."""


PAGE = RunPage("compare", "mien compare", "comparison")


def write(run: Run) -> Path:
    """Write OUT/report.html from the tables, and return its path; RunError where it is no comparison."""
    manifest = PAGE.manifest(run)
    finished = {_cell_name(row["seed"], row["model"], row["treatment"]) for row in rows(run, "treatments")}
    expected = [
        _cell_name(seed, model, treatment)
        for seed in manifest["seeds"]
        for model, given in manifest["given"].items()
        for treatment in given
    ]
    more = [(sources, "treated_sources"), (generated, "generated")]
    sections = [advice, ranking, by_class, confusion, *(part for part, table in more if rows(run, table)), again]
    title = f"Unbalanced classes in {name_of(manifest, 'data')}"
    path = run.path("report.html")
    write_text(path, PAGE.render(run, title, expected, finished, sections))
    return path


def _cell_name(seed: int, model: str, treatment: str) -> str:
    return f"seed{seed}/{model}/{treatment}"


@section("Ranking", "ranking", needs=("treatments",))
def ranking(run: Run) -> Markup:
    """Means over the classes with 100 pictures or more (over all, where fewer than two have so many), on test, best on
    calibrate first: the first column is macro recall there. The change is against no treatment of the same model, with
    a 95 % interval over seeds and pictures (persons stay together) and Holm's p over all rows; a real one is coloured.
    Seconds are of training and of what comes after, per model. A corrector, and with-fit, learn from the pictures of
    the fit part besides, so they are not compared with the others."""
    by_key = grouped(rows(run, "treatments"), *KEY)
    differences = differences_from_none(run)
    lines = []
    for key in treatments_best_first(run):
        results = by_key[key]
        spent = number(results, "seconds")
        row = differences.get(key)
        lines.append(
            (
                _named(key, results),
                Cell(rate(number(results, "on_calibrate").value), tone="quiet"),
                cell(number(results, "macro_recall"), heat=lambda value: value),
                cell(number(results, "macro_f1")),
                cell(number(results, "accuracy"), tone="quiet"),
                cell(number(results, "worst")),
                _changed(key, row),
                Cell(seconds(spent.value), title=spent.title),
                _price(row, by_key.get((key[0], PLAIN), []), spent),
            )
        )
    head = (
        "", "On calibrate", "Macro recall", "Macro F1", "Accuracy", "Worst class", "Against none", "Time",
        "s per point",
    )  # fmt: skip
    return stack(Table("", head, lines))


def _name(key: Key) -> str:
    return f"{key[0]} · {key[1]}"


def _changed(key: Key, row: TableRow | None) -> Cell:
    if row is None:
        return undefined("this is what others are compared with" if key[1] == PLAIN else "no model without treatment")
    tone = ("good" if row["difference"] > 0 else "bad") if row["p_holm"] < REAL else "quiet"
    how_sure = f" · {chance(row['p_holm'])}" if row["seeds"] > 1 else ", of pictures alone"
    detail = f"{signed(row['low'])} to {signed(row['high'])}{how_sure}"
    return Cell(signed(row["difference"]), detail, tone=tone)


def _price(row: TableRow | None, plain: Sequence[TableRow], spent: Number) -> Cell:
    """Seconds beyond those of no treatment for each hundredth of macro recall that is gained."""
    if row is None or row["difference"] <= 0 or not plain:
        return undefined("nothing was gained")
    more = max(0.0, spent.value - number(plain, "seconds").value)
    return Cell(f"{more / (100 * row['difference']):.1f}")


def _named(key: Key, results: Sequence[TableRow]) -> Cell:
    name, collapsed = _name(key), [row for row in results if row["collapsed"]]
    if not collapsed:
        return Cell(name, get_treatment(key[1]).description)
    worst = max(collapsed, key=lambda row: float(row["share"]))
    return Cell(name, f"collapsed: {percent(worst['share'])} of its answers are {worst['most_answered']}", tone="bad")


@section("Class by class", "classes", needs=("treated_classes",))
def by_class(run: Run) -> Markup:
    """On test, best on calibrate first. Classes in grey are too rare, and in no mean."""
    measures = (("recall", "hits", "total"), ("precision", "hits", "named"), ("f1", "", ""))
    return tabs("classes", [(measure[0].capitalize(), _measure(run, *measure)) for measure in measures])


def _measure(run: Run, value: str, hits: str, total: str) -> Table:
    by_class, known = grouped(rows(run, "treated_classes"), *KEY, "class"), names(run, "classes")
    common = {row["class"]: bool(row["common"]) for row in rows(run, "treated_classes")}
    lines = []
    for key in treatments_best_first(run):
        numbers = {name: number(by_class[*key, name], value, hits, total) for name in known if (*key, name) in by_class}
        lines.append(
            (
                Cell(_name(key)),
                *(
                    cell(each, heat=lambda figure: figure, tone="" if common.get(name) else "quiet", brief=True)
                    for name, each in numbers.items()
                ),
                cell(mean([each for name, each in numbers.items() if common.get(name)])),
            )
        )
    counts = dict(zip(known, run.manifest()["data"]["counts"], strict=True))
    head: list[str | Cell] = ["", *(Cell(name, grouped_digits(counts[name])) for name in known), "mean"]
    return Table("", head, lines)


@section("Confusion", "confusion", needs=("treated_confusion",))
def confusion(run: Run) -> Markup:
    """Percent of each class's pictures (rows) by answer (columns), on test: without a treatment, and the best on
    calibrate beside it."""
    known = treatments_best_first(run)
    shown = [key for key in dict.fromkeys([(known[0][0], PLAIN), known[0]]) if key in known]
    others = [key for key in known if key not in shown]
    rest = [folded("The others", *(_matrix(run, key) for key in others))] if others else []
    return stack(side_by_side([_matrix(run, key) for key in shown]), *rest)


def _matrix(run: Run, key: Key) -> Table:
    table = rows(run, "treated_confusion", model=key[0], treatment=key[1])
    return confusion_table(_name(key), table, {name: name for name in names(run, "classes")})


@section("Within each source", "sources", needs=("treated_sources",))
def sources(run: Run) -> Markup:
    """Macro recall among the test pictures of one contributor, over the classes that it has. Where nearly all of a
    class came from one contributor, a classifier may recognise the contributor instead of the class; within a source
    that does not help it."""
    results = grouped(rows(run, "treated_sources"), "source", *KEY)
    known = list(dict.fromkeys(source for source, *_ in results))
    sizes = {row["source"]: (row["pictures"], row["classes"]) for row in rows(run, "treated_sources")}
    lines = [
        (
            Cell(_name(key)),
            *(
                cell(number(results.get((source, *key), []), "macro_recall"), heat=lambda value: value)
                for source in known
            ),
        )
        for key in treatments_best_first(run)
    ]
    head: list[str | Cell] = [
        "", *(Cell(source, f"{sizes[source][0]} pictures, {sizes[source][1]} classes") for source in known),
    ]  # fmt: skip
    return stack(Table("", head, lines))


@section("Made pictures", "generated", needs=("generated",))
def generated(run: Run) -> Markup:
    """What the generator made for classes with few pictures, first seed. A near-copy is nearer to a training picture
    than all but a hundredth of these are to each other; it was left out."""
    blocks = []
    for row in rows(run, "generated"):
        place = run.cell(row["seed"], row["model"], row["training"]).generated
        if row["seed"] == run.manifest()["seeds"][0] and place.exists():
            stored, known = read_arrays(place), names(run, "classes")
            sheets = []
            for c in np.unique(stored["labels"]):
                sheet = np.concatenate(stored["pixels"][stored["labels"] == c][:SHOWN], 1)
                sheets.append((known[c], base64.b64encode(as_png(sheet)).decode()))
            blocks.append(layout.render("generated.html", row=row, classes=sheets))
    return stack(*blocks)
