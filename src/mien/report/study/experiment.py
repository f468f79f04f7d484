"""Sections on the experiment itself: data, models, training, cost, and how to run it again."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mien.report.common import figures
from mien.report.common.layout import (
    Cell,
    Table,
    folded,
    missing,
    panels,
    render,
    section,
    stack,
    undefined,
)
from mien.report.common.run_figures import (
    Number,
    SeedValue,
    TableRow,
    cell,
    grouped,
    grouped_digits,
    hue,
    mean,
    names,
    number,
    percent,
    rows,
    seconds,
)
from mien.storage.layout import FULL, RETRAINED, left_out_of
from mien.storage.run import Run
from mien.types import PARTS

NETWORKS = {FULL: "full network", RETRAINED: "retrained network"}
"""Cells that are references, and their names for readers."""
MEASURES = (
    ("train_loss", "Loss, train", "loss", None),
    ("validation_loss", "Loss, validation", "loss", None),
    ("validation_macro_recall", "Macro recall, validation", "macro recall", 1.0),
)
"""Column, title, axis and top of each training curve."""
UNITS = {"map": "channels", "vector": "units", "logits": "classes"}
PNG, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"  # the first and last bytes of a whole picture


@section("Classes and parts", "classes", needs=("splits",))
def classes(run: Run) -> Markup:
    """Pictures per class in each part. Train and validation make the network, fit and calibrate the corrector; test is
    the same for every seed. Copies of a picture and pictures of one person never stand in two parts."""
    table = grouped(rows(run, "splits"), "class", "part")
    known = names(run, "classes")
    counts = {key: Number(tuple(SeedValue(row["seed"], row["count"]) for row in same)) for key, same in table.items()}
    parts = [part for part in PARTS if any((name, part) in counts for name in known)]
    totals = {name: sum(counts[name, part].value for part in parts if (name, part) in counts) for name in known}
    widest, whole = max(totals.values(), default=1) or 1, sum(totals.values()) or 1
    lines = []
    for name in known:
        shares = [(PARTS.index(part), counts[name, part].value / widest) for part in parts if (name, part) in counts]
        lines.append(
            (
                Cell(name, hue=hue(run, "classes", name)),
                *(cell(counts.get((name, part), Number()), grouped_digits) for part in parts),
                Cell(grouped_digits(totals[name])),
                Cell(percent(totals[name] / whole), tone="quiet"),
                Cell(render("bar.html", shares=shares), tone="left"),
            )
        )
    sums = [sum(counts[name, part].value for name in known if (name, part) in counts) for part in parts]
    foot = (Cell("all"), *(Cell(grouped_digits(total)) for total in (*sums, whole)), Cell(""), Cell(""))
    key = Cell(render("bar_key.html", parts=[(PARTS.index(part), part) for part in parts]))
    bars = Table("Pictures per class and part", ("Class", *parts, "all", "share", key), lines, [foot])
    return stack(bars, _samples(run))


def _samples(run: Run) -> Markup:
    """The sheet of sample faces, one row per class, inside the page."""
    path = run.path("samples.png")
    if not path.exists():
        return missing("The sheet of sample faces, samples.png, is not there yet.")
    content = path.read_bytes()
    if not (content.startswith(PNG) and content.endswith(PNG_END)):
        return missing("The sheet of sample faces, samples.png, is damaged, so it is left out.")
    width, height = struct.unpack(">II", content[16:24])
    known = names(run, "classes")
    return render(
        "samples.html",
        data=base64.b64encode(content).decode(),
        size=(width, height),
        names=known if height % max(1, len(known)) == 0 else [],
    )


@section("Network and corrector", "model")
def scheme(run: Run) -> Markup:
    """The network f stays as it is. The corrector g reads its activations and overrides its answer where the score is
    above the threshold, which was chosen for the harm budget."""
    manifest = run.manifest()
    base: Mapping[str, Any] = manifest.get("base", {})
    data: Mapping[str, Any] = manifest.get("data", {})
    size = data.get("size")
    picture = f"{size}×{size}, {'colour' if data.get('colour') else 'grey'}" if size else ""
    return render(
        "scheme.html",
        name=base.get("name", ""),
        parameters=grouped_digits(base["parameters"]) if base.get("parameters") else "",
        picture=picture,
        layers=_layers(base),
        policy=manifest.get("policy", {}),
    )


def _layers(base: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The lines in the box of each layer; runs of earlier versions have the names alone, as "taps"."""
    if "layers" not in base:
        return [(str(name),) for name in base.get("taps", [])]
    return [(str(layer["name"]), f"{layer['width']} {UNITS[layer['kind']]}") for layer in base["layers"]]


@section("Training curves", "training", needs=("history",))
def training(run: Run) -> Markup:
    """One network per left-out class, trained without it; the full network on all classes of train; the retrained one
    on train and correct together."""
    by_cell = grouped(rows(run, "history"), "cell")
    looks = {name: _look(run, name) for name in by_cell}
    curves = []
    for key, title, what, top in MEASURES:
        lines = [spread_line(grouped(table, "epoch"), key, looks[name]) for name, table in by_cell.items()]
        curves.append((title, figures.training_curves(f"training-{key}", what, lines, top)))
    return curve_panels(run, "By epoch", curves, {_cell_name(name): look for name, look in looks.items()})


def curve_panels(
    run: Run, caption: str, curves: Sequence[tuple[str, Markup]], looks: Mapping[str, figures.Look]
) -> Markup:
    """Curves (title, SVG) over a legend of the looks of their lines, which have bands where there are several seeds."""
    spread = "; bands span the seeds" if len(names(run, "seeds")) > 1 else ""
    return panels(caption + spread, curves, [(name, figures.swatch(look)) for name, look in looks.items()])


def _cell_name(key: str) -> str:
    """The name of a cell, for readers."""
    left_out = left_out_of(key)
    return NETWORKS.get(key, key) if left_out is None else f"without {left_out}"


def _look(run: Run, key: str) -> figures.Look:
    if key in NETWORKS:
        return figures.Look(None, list(NETWORKS).index(key), 2.0)
    return figures.named(hue(run, "classes", left_out_of(key) or key))


def spread_line(points: Mapping[float, list[TableRow]], key: str, look: figures.Look) -> figures.Line:
    """The line of column `key` over x, mean over the seeds, with a band between least and greatest of several."""
    xs = sorted(points)
    over = [mean_over_seeds(points[x], key) for x in xs]
    several = any(len(each.readings) > 1 for each in over)
    low, high = zip(*(each.range for each in over), strict=True) if several else ((), ())
    return figures.Line(xs, [each.value for each in over], look, low, high)


def mean_over_seeds(table: list[TableRow], key: str) -> Number:
    """Per seed the mean of a column, as one figure."""
    return mean([number([row], key, bounds=False) for row in table])


@section("Cost", "cost", needs=("cost",))
def cost(run: Run) -> Markup:
    """Seconds on the machine named below, measured while the study ran. A corrector is fitted beside the finished
    network; retraining trains it again on train and correct."""
    again = training_seconds(run, RETRAINED)
    lines = []
    for name in names(run, "correctors"):
        fit = corrector_seconds(run, name)
        share = undefined("no retraining yet")
        if fit.defined and again.defined:
            share = Cell(percent(fit.value / again.value))
        lines.append((Cell(name, hue=hue(run, "correctors", name)), cell(fit, seconds), share))
    foot = [(Cell("retraining"), cell(again, seconds), Cell(percent(1.0)))]
    compared = Table(
        "Fitting a corrector against retraining, mean over the left-out classes", ("", "Seconds", "Share"), lines, foot
    )
    return stack(compared, folded("Every stage", _stages(run)))


def _stages(run: Run) -> Table:
    stages = grouped(({**row, "kind": _kind(row["cell"])} for row in rows(run, "cost")), "kind", "stage")
    lines = []
    for (kind, stage), same in stages.items():
        total = math.fsum(row["seconds"] for row in same)
        pictures = math.fsum(row["pictures"] for row in same)
        pace = undefined("no pictures were counted")
        if total > 0 and not math.isnan(pictures):
            pace = Cell(grouped_digits(pictures / total))
        mean_seconds = cell(mean_over_seeds(same, "seconds"), seconds)
        lines.append((Cell(f"{kind}: {stage}"), mean_seconds, Cell(str(len(same))), Cell(seconds(total)), pace))
    return Table("", ("Stage", "Mean", "Times", "In all", "Pictures per second"), lines)


def _kind(key: str) -> str:
    return _cell_name(key) if left_out_of(key) is None else "without a class"


def corrector_seconds(run: Run, corrector: str) -> Number:
    """Seconds of fitting a corrector, mean over the left-out classes: on all of correct where timed, else on fit."""
    stages = grouped(rows(run, "cost"), "stage")
    fitting = next((stages[name] for name in (f"fit {corrector} on all", f"fit {corrector}") if name in stages), [])
    return mean_over_seeds(fitting, "seconds")


def training_seconds(run: Run, key: str) -> Number:
    """Seconds of training of the cell `key`."""
    return number(rows(run, "cost", cell=key, stage="train"), "seconds", bounds=False)
