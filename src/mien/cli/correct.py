"""mien correct: a patch for a classifier that is there already."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.certify.policy import Policy
from mien.cli.notes import note_data
from mien.cli.options import build, options
from mien.data.prepare import DataSettings
from mien.deploy.settings import CorrectSettings
from mien.storage.output import prepare_output

if TYPE_CHECKING:
    from mien.deploy.correction import Correction
    from mien.deploy.patch import Patch

TAKEN_FROM_BASE = ("size", "colour", "resize_mode")


@click.command()
@click.argument("place", metavar="BASE", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--class", "classes", multiple=True, required=True, help="target class, can be repeated")
@click.option("--out", type=click.Path(path_type=Path), help="patch folder; CLASS.patch by default")
@click.option(
    "--trained-on", multiple=True, metavar="PATH|unknown",
    help="data that BASE was trained on; can be repeated; needed only if its folder has no trained_on.npz",
)  # fmt: skip
@click.option("--left-out", help="correct the study's classifier without this class, not the full one")
@click.option("--base", help="base classifier from outside mien, as module:Name, if BASE is one")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(CorrectSettings, DataSettings, Policy, without=TAKEN_FROM_BASE)
def correct(
    place: Path,
    data: str,
    classes: tuple[str, ...],
    out: Path | None,
    left_out: str | None,
    base: str | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Fit a corrector beside the classifier in BASE on the labelled pictures DATA, certify it, and write it as a patch.

    The class may be new to the classifier, or one that it knows and often misses. BASE is the folder of a training or
    of a study. Its classifier is not changed; what that thinks of the pictures is kept beside it (20 KB a picture, 57
    for an adapter, in features/; not with --no-keep-features).

    Pictures that the classifier was trained on, and other pictures of their persons, are left out. For
    classifiers trained by mien they are on record. For others, name them with --trained-on PATH, or give --trained-on
    unknown.

    \b
    Example:
      mien correct runs/base path/to/pictures --class fear --budget 0.02 --out fear.patch
      mien predict photos/ --run runs/base --patch fear.patch
      mien correct foreign/ path/to/pictures --class fear --trained-on path/to/fer2013 --trained-on path/to/raf-db
    """
    from mien import correctors
    from mien.classifiers.cell import cell_of, open_run
    from mien.cli.options import command_line
    from mien.cli.progress import stages
    from mien.deploy.correction import correct as correct_
    from mien.report.patch.page import HARMS, page
    from mien.storage.files import write_text

    folder = out or Path("-".join(classes) + ".patch")
    settings = build(CorrectSettings, values, classes=classes)
    parts = build(DataSettings, values, source=data), settings, build(Policy, values)
    correctors.get_corrector(settings.corrector)()
    cell = cell_of(place, left_out=left_out, seed=settings.base_seed, flag="--base-seed")
    with prepare_output(folder, "patch.json", sources=[data]):
        with stages() as say:
            done = correct_(open_run(cell, base=base), *parts, command=command_line(), say=say)
        note_data(done.material.pictures.problems)
        done.patch.save(folder)
        shown = page(done.patch, done.scores, done.curves(HARMS), done.advice, counted(done))
        write_text(folder / "report.html", shown)
    if as_json:
        click.echo(json.dumps({"patch": str(folder), **as_figures(done)}, indent=2))
        return
    _print(done)
    click.echo(f"patch: {folder}\nreport: {folder / 'report.html'}")


def as_figures(done: Correction) -> dict[str, Any]:
    """What the patch does on the test part."""
    result, names = done.scores, done.patch.classes
    harm = result.harm
    rows = {
        name: {
            "pictures": int(result.support[c]),
            "recall_before": _number(result.recall_before.values[c]),
            "recall_after": _number(result.recall_after.values[c]),
            "gain": _number(result.gain.values[c]),
            "harm": _number(harm.values[c]),
        }
        for c, name in enumerate(names)
    }
    hurt, right = int(harm.hits.sum()), int(harm.totals.sum())
    return {
        "classes": rows,
        "harm": {"hits": hurt, "total": right, "rate": hurt / right if right else None},
        "macro_recall_before": _number(result.recall_before.mean()),
        "macro_recall_after": _number(result.recall_after.mean()),
        "pictures": counted(done),
        "advice": done.advice,
        "certificate": [vars(guarantee) for guarantee in certificate(done.patch)],
        "approximate": done.patch.approximate,
        "provenance": asdict(done.patch.provenance),
        "assurance": done.patch.assurance(),
    }


def counted(done: Correction) -> dict[str, int]:
    """Pictures of each part, and those left out because of what the classifier was trained on."""
    found = done.material.provenance
    return {**done.material.counts, "trained on, left out": found.pictures + found.persons}


def certificate(patch: Patch) -> list[Any]:
    """The guarantees of a patch, with infinities spelled as JSON can."""
    from dataclasses import replace

    return [
        replace(one, threshold=None if math.isinf(one.threshold) else one.threshold)  # type: ignore[arg-type]
        for one in patch.certified.guarantees
    ]


def _print(done: Correction) -> None:
    found, targets = as_figures(done), set(done.patch.targets)
    table = Table("class", "pictures", "recall before", "after", "gain", "harm", title_justify="left")
    table.title = "Test part, which neither fitted nor certified the patch"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in found["classes"].items():
        shown = [
            "–" if row[key] is None else f"{row[key]:.3f}" for key in ("recall_before", "recall_after", "gain", "harm")
        ]
        table.add_row(escape(name), str(row["pictures"]), *shown, style="bold" if name in targets else None)
    console = Console()
    console.print(table)
    harm = found["harm"]
    lost = f"{harm['hits']} of {harm['total']} right answers lost"
    click.echo(
        f"macro recall {_shown(found['macro_recall_before'])} → {_shown(found['macro_recall_after'])}; {lost}\n"
        + done.patch.assurance()
    )
    seen = done.material.provenance
    if seen.pictures or seen.persons:
        persons = f", and on other pictures of the persons on {seen.persons}" if seen.persons else ""
        out = seen.pictures + seen.persons
        click.echo(f"{out} pictures left out: the classifier was trained on {seen.pictures} of them{persons}")
    for line in done.advice:
        click.echo(f"note: {line}")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
