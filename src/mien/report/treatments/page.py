"""The report of a comparison of treatments: what to do, what each is worth, class by class."""

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
from mien.report.common.layout import Block, Cell, Folded, Row, Table, Tabs, section, stack, undefined
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
from mien.report.treatments.advice import KEY, REAL, Key, advice, treatments_best_first
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
    the fit part besides: they are no rivals of the others."""
    found = grouped(rows(run, "treatments"), *KEY)
    differences = {(row["model"], row["treatment"]): row for row in rows(run, "differences")}
    lines = []
    for key in treatments_best_first(run):
        own = found[key]
        spent = number(own, "seconds")
        row = differences.get(key)
        lines.append(
            (
                _named(key, own),
                Cell(rate(number(own, "on_calibrate").value), tone="quiet"),
                cell(number(own, "macro_recall"), heat=lambda value: value),
                cell(number(own, "macro_f1")),
                cell(number(own, "accuracy"), tone="quiet"),
                cell(number(own, "worst")),
                _changed(key, row),
                Cell(seconds(spent.value), title=spent.title),
                _price(row, found.get((key[0], PLAIN), []), spent),
            )
        )
    head = (
        "", "On calibrate", "Macro recall", "Macro F1", "Accuracy", "Worst class", "Against none", "Time",
        "s per point",
    )  # fmt: skip
    return stack(Table("", head, lines))


def _changed(key: Key, row: TableRow | None) -> Cell:
    if row is None:
        return undefined("this is what others are compared with" if key[1] == PLAIN else "no model without treatment")
    tone = ("good" if row["difference"] > 0 else "bad") if row["p_holm"] < REAL else "quiet"
    how_sure = f" · {chance(row['p_holm'])}" if row["seeds"] > 1 else ", of pictures alone"
    detail = f"{signed(row['low'])} to {signed(row['high'])}{how_sure}"
    return Cell(signed(row["difference"]), detail, tone=tone)


def _price(row: TableRow | None, plain: Sequence[TableRow], spent: Number) -> Cell:
    """What a hundredth of macro recall more costs, in seconds beyond those of no treatment."""
    if row is None or row["difference"] <= 0 or not plain:
        return undefined("nothing was gained")
    more = max(0.0, spent.value - number(plain, "seconds").value)
    return Cell(f"{more / (100 * row['difference']):.1f}")


def _named(key: Key, own: Sequence[TableRow]) -> Cell:
    name, fallen = f"{key[0]} · {key[1]}", [row for row in own if row["collapsed"]]
    if not fallen:
        return Cell(name, get_treatment(key[1]).description)
    worst = max(fallen, key=lambda row: float(row["share"]))
    return Cell(name, f"collapsed: {percent(worst['share'])} of its answers are {worst['most_answered']}", tone="bad")


@section("Class by class", "classes", needs=("treated_classes",))
def by_class(run: Run) -> Markup:
    """On test, best on calibrate first. Classes in grey are too rare, and in no mean."""
    tabs = []
    for value, hits, total in (("recall", "hits", "total"), ("precision", "hits", "named"), ("f1", "", "")):
        tabs.append((value.capitalize(), Markup(_measure(run, value, hits, total).__html__())))
    return stack(Tabs("classes", tabs))


def _measure(run: Run, value: str, hits: str, total: str) -> Table:
    found = grouped(rows(run, "treated_classes"), *KEY, "class")
    known = names(run, "classes")
    common = {row["class"]: bool(row["common"]) for row in rows(run, "treated_classes")}
    lines = []
    for key in treatments_best_first(run):
        numbers = {name: number(found[(*key, name)], value, hits, total) for name in known if (*key, name) in found}
        lines.append(
            (
                Cell(f"{key[0]} · {key[1]}"),
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
    best = treatments_best_first(run)[0]
    shown = [
        key
        for key in dict.fromkeys([(best[0], PLAIN), best])
        if rows(run, "treatments", model=key[0], treatment=key[1])
    ]
    others = [key for key in treatments_best_first(run) if key not in shown]
    folded = Folded("The others", stack(*(_matrix(run, key) for key in others)))
    return stack(Row([_matrix(run, key) for key in shown]), *([folded] if others else []))


def _matrix(run: Run, key: Key) -> Table:
    table = rows(run, "treated_confusion", model=key[0], treatment=key[1])
    return confusion_table(f"{key[0]} · {key[1]}", table, {name: name for name in names(run, "classes")})


@section("Within each source", "sources", needs=("treated_sources",))
def sources(run: Run) -> Markup:
    """Macro recall among the test pictures of one contributor, over the classes that it has. Where nearly all of a
    class came from one contributor, a detector of the class may only be one of the contributor; within a source that is
    no help."""
    found = grouped(rows(run, "treated_sources"), "source", *KEY)
    known = list(dict.fromkeys(source for source, *_ in found))
    sizes = {row["source"]: (row["pictures"], row["classes"]) for row in rows(run, "treated_sources")}
    lines = [
        (
            Cell(f"{key[0]} · {key[1]}"),
            *(
                cell(number(found.get((source, *key), []), "macro_recall"), heat=lambda value: value)
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
    blocks: list[Block | Markup] = []
    for row in rows(run, "generated"):
        place = run.cell(row["seed"], row["model"], row["training"]).generated
        if row["seed"] == run.manifest()["seeds"][0] and place.exists():
            stored, known = read_arrays(place), names(run, "classes")
            classes = [
                (
                    known[c],
                    base64.b64encode(
                        as_png(np.concatenate(stored["pixels"][stored["labels"] == c][:SHOWN], 1))
                    ).decode(),
                )
                for c in np.unique(stored["labels"])
            ]
            blocks.append(layout.render("generated.html", row=row, classes=classes))
    return stack(*blocks)
