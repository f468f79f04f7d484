"""mien correct: a patch for a trained classifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.markup import escape

from mien.certify.policy import Policy
from mien.cli.options import PATH, base_argument, build, command_line, options
from mien.cli.terminal import decimals, print_json, table
from mien.data.prepare import DataSettings
from mien.deploy.patch_io import PICTURES
from mien.deploy.settings import CorrectSettings
from mien.errors import UsageError
from mien.storage.output import prepare_output

if TYPE_CHECKING:
    from mien.deploy.correction import Correction

TAKEN_FROM_BASE = ("size", "colour", "resize_mode")
FOR_PICTURES = (
    "left_out", "base", "base_seed", "found", "keep_features", "layer", "fit_trained_on", "features", "drawn_faces",
    *(field.name for field in fields(DataSettings) if "help" in field.metadata and field.name not in TAKEN_FROM_BASE),
)  # fmt: skip
"""Flags without a meaning for tables of answers."""
Say = Callable[[str], object]


@click.command()
@base_argument
@click.argument("source", metavar="[DATA]", required=False)
@click.option(
    "--class", "classes", multiple=True, required=True, metavar="NAME|weak|all",
    help="target class, can be repeated; weak: those whose recall is clearly below the median, all: every class",
)  # fmt: skip
@click.option("--out", type=PATH, help="patch folder; CLASS.patch by default")
@click.option(
    "--trained-on", multiple=True, metavar="PATH|unknown",
    help="data that BASE was trained on; can be repeated; needed only if its folder has no trained_on.npz; for a "
         "table of answers, a table with the id or group of each row that was trained on",
)  # fmt: skip
@click.option(
    "--features", multiple=True, metavar="FOLDER",
    help="adopted network whose features are read beside those of BASE, such as a face encoder; can be repeated; what "
         "it was trained on belongs to --trained-on, too",
)  # fmt: skip
@click.option("--classifier-id", default="", help="name and version of the classifier that gave a table of answers")
@click.option("--left-out", help="correct the study's classifier without this class, not the full one")
@click.option("--base", help="base classifier from outside mien, as module:Name, if BASE is one")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(CorrectSettings, DataSettings, Policy, without=TAKEN_FROM_BASE)
def correct(place: Path, source: str | None, out: Path | None, as_json: bool, **values: Any) -> None:
    """Fit a corrector beside the classifier in BASE on the labelled pictures DATA, certify it, and write it as a patch.

    The class may be new to the classifier, or one that it often misses. Several classes are corrected by one corrector,
    which suggests the most probable of them, where its kind can do that.

    BASE is the folder of a training, of a study, or of a classifier from elsewhere (mien adopt). Its classifier is not
    changed. Its outputs for the pictures are kept in BASE (20 KB a picture, 57 for an adapter, in features/), unless
    --no-keep-features is given.

    Pictures that the classifier was trained on, and other pictures of their persons, are left out. For classifiers
    trained by mien they are on record. For others, name them with --trained-on PATH, or give --trained-on unknown.

    Where a table of its answers is all that is known of a classifier, the table (CSV, TSV, Parquet or NPZ) is BASE, and
    there are no DATA: a row for each case, with the columns p_CLASS (or prob_CLASS, logit_CLASS), label, and if there
    are any id, group, part, and features. docs/rare-events.md has an example.

    \b
    Example:
      mien correct runs/base path/to/pictures --class fear --budget 0.02 --out fear.patch
      mien predict photos/ --run runs/base --patch fear.patch
      mien correct foreign/ path/to/pictures --class weak --trained-on unknown --out weak.patch
      mien correct foreign/ path/to/pictures --class fear --trained-on path/to/fer2013 --trained-on path/to/raf-db
      mien correct answers.parquet --class fraud --budget 0.02 --trained-on trained.csv --out fraud.patch
    """
    from mien import correctors
    from mien.cli.progress import note_data, stages
    from mien.data.answers import is_table
    from mien.report.patch.page import page
    from mien.storage.files import write_text

    folder = out or Path("-".join(values["classes"]) + ".patch")
    make = _of_table(place, source, values) if is_table(place) else _of_pictures(place, source, values)
    correctors.get_corrector(values["corrector"])()
    with prepare_output(folder, "patch.json", sources=[source or place]):
        with stages() as say:
            done = make(say)
        note_data(done.material.pictures.problems)
        done.patch.save(folder)
        write_text(folder / "report.html", page(done))
    figures = as_figures(done)
    if as_json:
        print_json({"patch": str(folder), **figures})
        return
    _print(done, figures)
    click.echo(f"patch: {folder}\nreport: {folder / 'report.html'}")


def _of_pictures(place: Path, source: str | None, values: dict[str, Any]) -> Callable[[Say], Correction]:
    """How to correct the classifier in a folder on labelled pictures."""
    from mien.classifiers.cell import cell_of, open_run
    from mien.deploy.correction import correct as correct_

    if source is None:
        raise click.MissingParameter(param_hint="'DATA'", param_type="argument")
    if values["classifier_id"]:
        remedy = "leave it out: the classifier in a folder is known by its weights"
        raise UsageError("is for tables of answers", place="--classifier-id", remedy=remedy)
    settings = build(CorrectSettings, values)
    _check_drawn(settings)
    data = build(DataSettings, {**values, "source": source})
    cell = cell_of(place, left_out=values["left_out"], seed=settings.base_seed, flag="--base-seed")
    policy = build(Policy, values)

    def make(say: Say) -> Correction:
        classifier = open_run(cell, base=values["base"])
        return correct_(classifier, data, settings, policy, command=command_line(), say=say)

    return make


def _check_drawn(settings: CorrectSettings) -> None:
    """UsageError where drawn faces are asked for, and the corrector does not learn from them."""
    from mien.classifiers.drawn import learns_from_drawn
    from mien.correctors import get_corrector

    given = click.get_current_context().get_parameter_source("drawn_faces") is not ParameterSource.DEFAULT
    if given and settings.drawn_faces and not learns_from_drawn(get_corrector(settings.corrector)):
        remedy = "give --corrector prototypes, or leave it out"
        cause = f"the corrector {settings.corrector} does not learn from drawn faces"
        raise UsageError(cause, place="--drawn-faces", remedy=remedy)


def _of_table(place: Path, source: str | None, values: dict[str, Any]) -> Callable[[Say], Correction]:
    """How to correct the classifier that gave the answers in a table."""
    from mien.deploy.answer_rows import TABLE_CORRECTOR, correct_table

    if source is not None:
        remedy = f"leave {source} out; the column label of the table has the right classes"
        raise UsageError("a table of answers has its own rows and labels", place=source, remedy=remedy)
    sources = click.get_current_context().get_parameter_source
    given = [name for name in FOR_PICTURES if sources(name) is not ParameterSource.DEFAULT]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise UsageError("is for classifiers of pictures, not for tables of answers", place=flag, remedy="leave it out")
    if sources("corrector") is ParameterSource.DEFAULT:
        values["corrector"] = TABLE_CORRECTOR
    settings, policy = build(CorrectSettings, values), build(Policy, values)

    def make(say: Say) -> Correction:
        name = values["classifier_id"]
        return correct_table(place, settings, policy, name=name, command=command_line(), say=say)

    return make


def as_figures(done: Correction) -> dict[str, Any]:
    """What the patch does on the test part; undefined figures are NaN."""
    from mien.report.patch.page import counted

    result = done.scores
    rates = {
        "recall_before": result.recall_before, "recall_after": result.recall_after, "gain": result.gain,
        "harm": result.harm,
    }  # fmt: skip
    hurt, right = int(result.harm.hits.sum()), int(result.harm.totals.sum())
    return {
        "classes": {
            name: {
                done.material.unit: int(result.support[c]),
                **{key: float(rate.values[c]) for key, rate in rates.items()},
                **{key: int(column[c]) for key, column in vars(done.exchange).items()},
            }
            for c, name in enumerate(done.patch.classes)
        },
        "harm": {"hits": hurt, "total": right, "rate": hurt / right if right else math.nan},
        "accuracy_before": done.accuracy[0],
        "accuracy_after": done.accuracy[1],
        "macro_recall_before": result.recall_before.mean(),
        "macro_recall_after": result.recall_after.mean(),
        done.material.unit: counted(done),
        "advice": done.advice,
        "certificate": [vars(guarantee) for guarantee in done.patch.certified.guarantees],
        "other_guarantees": [vars(guarantee) for guarantee in done.patch.certified.others],
        "served": None if done.patch.certified.served is None else vars(done.patch.certified.served),
        "promise": done.promise.to_json() if done.promise else None,
        "promises": {each.guarantee.group: each.to_json() for each in done.promises if each.guarantee.holds},
        "approximate": done.patch.approximate,
        "provenance": asdict(done.patch.provenance),
        "assurance": done.patch.assurance(),
    }


def _print(done: Correction, figures: dict[str, Any]) -> None:
    from mien.deploy.assurance import both_kinds

    title = "Test part, which neither fitted nor certified the patch"
    unit = done.material.unit
    shown = table(title, "class", unit, "recall before", "after", "gain", "harm")
    for name, row in figures["classes"].items():
        rates = (decimals(row[key]) for key in ("recall_before", "recall_after", "gain", "harm"))
        style = "bold" if name in done.patch.targets else None
        shown.add_row(escape(name), str(row[unit]), *rates, style=style)
    Console().print(shown)
    before, after = (decimals(figures[f"macro_recall_{when}"]) for when in ("before", "after"))
    harm = figures["harm"]
    accuracy = " → ".join(map(decimals, done.accuracy))
    lost = f"{harm['hits']} of {harm['total']} right answers lost"
    click.echo(f"accuracy {accuracy}; macro recall {before} → {after}; {lost}")
    click.echo(done.patch.assurance())
    for line in both_kinds(done.patch):
        click.echo(f"  {line}")
    for promise in done.promises if done.promise else ():
        if promise is done.promise:
            click.echo(promise.words)
        elif promise.guarantee.holds and promise.standing == "broken":
            click.echo(f"{promise.guarantee.group}: {promise.words}")
    provenance = done.material.provenance
    left_out = provenance.pictures + provenance.persons
    if left_out:
        people = "persons" if unit == PICTURES else "groups"
        persons = f", and on other {unit} of the {people} on {provenance.persons}" if provenance.persons else ""
        use = "only to learn from" if done.material.fit_trained_on else "left out"
        click.echo(f"{left_out} {unit} {use}: the classifier was trained on {provenance.pictures} of them{persons}")
    for line in done.advice:
        click.echo(f"note: {line}")
