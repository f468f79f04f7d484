"""mien audit: which labels are wrong."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.cli.notes import note_data, note_reviews
from mien.cli.options import build, options
from mien.data.prepare import DataSettings, conflicts, prepare
from mien.data.review_files import read
from mien.data.reviewed import on_pictures
from mien.errors import MienError, UsageError
from mien.labels import MERGES
from mien.nets.settings import TrainSettings
from mien.storage.files import read_arrays, write_text
from mien.storage.output import prepare_output_dir
from mien.types import Dataset

if TYPE_CHECKING:
    from mien.labels.audit_result import Audit
    from mien.labels.reviewers import Reviewer

EPOCHS = 20
UNFINISHED = ".unfinished"
"""Folder with the checkpoints of an audit; removed at its end."""


@click.command()
@click.argument("data")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/audit"), show_default=True, help="folder to write"
)
@click.option(
    "--reviews",
    type=click.Path(path_type=Path),
    help="file of reviews to learn from: log, table, or export of Label Studio or FiftyOne",
)
@click.option(
    "--merge",
    type=click.Choice(MERGES),
    default=MERGES[0],
    show_default=True,
    help="of several reviewers: what most say, or weighed by how good each is (needs mien[crowd])",
)
@click.option(
    "--votes", is_flag=True, help="learn from the annotators' votes on other pictures, where the data have them"
)
@click.option(
    "--tune",
    is_flag=True,
    help="with --votes: tune the classifier itself on them too, in five folds; 2.5 times as long, finds more",
)
@click.option(
    "--base", default="attention", show_default=True, help="base classifier: one that mien brings, or module:Name"
)
@click.option("--seed", type=int, default=0, show_default=True, help="seed of the training")
@click.option("--epochs", type=click.IntRange(1, 10_000), default=EPOCHS, show_default=True, help="length of training")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(DataSettings, TrainSettings, without=("epochs", "reviews", "synthetic", "vote_sampling"))
def audit(
    data: str,
    out: Path,
    reviews: Path | None,
    merge: str,
    votes: bool,
    tune: bool,
    base: str,
    seed: int,
    epochs: int,
    as_json: bool,
    **values: Any,
) -> None:
    """Train once on all pictures, and say of each label whether it is wrong, ambiguous, or of an unusual picture.

    Writes OUT/audit.csv, a row a picture with a reason, the most suspicious first, and OUT/index.html to look through.
    Nothing of the data is changed. Some hundred reviewed pictures make it much better: look at them, write down what
    they show, and give the file with --reviews.

    \b
    Example:
      mien audit path/to/ferplus --labels fer2013 --out runs/audit
      mien audit path/to/ferplus --labels fer2013 --votes --tune --out runs/audit
      mien audit path/to/pictures --reviews reviews.csv --out runs/audit

    Stop it at any moment and run the same command again: finished epochs are kept.
    """
    from mien.cli.progress import decoding, stages
    from mien.experiments.labels.audit import audit as audit_
    from mien.experiments.labels.audit import check_settings
    from mien.report.labels.page import page

    settings = build(DataSettings, values, source=data)
    train = replace(build(TrainSettings, values), epochs=epochs)
    check_settings(train, base, votes=votes, tune=tune, colour=settings.colour)
    unfinished = out / UNFINISHED
    with prepare_output_dir(out, "audit", "audit.json", sources=[data]):
        with decoding() as progress:
            pictures = prepare(settings, progress)
        _check_same(out, pictures)
        note_data(pictures.problems)
        if reviews:
            note_reviews(on_pictures(read(reviews), pictures).problems)
        with stages() as say:
            found = audit_(
                settings, train, base=base, seed=seed, reviews=reviews, merge=merge, votes=votes, tune=tune,
                checkpoints=unfinished, say=say,
            )  # fmt: skip
        found.save(out, settings)
        equal = conflicts(settings) if found.conflicts else []
        shown = page(found.data, found.suspects, found.verdicts, found.reviewed, equal, found.people)
        write_text(out / "index.html", shown)
        shutil.rmtree(unfinished, ignore_errors=True)
    if as_json:
        click.echo(json.dumps(as_figures(found), indent=2))
        return
    _print(found)
    click.echo(f"table: {out / 'audit.csv'}\npage: {out / 'index.html'}")


def _check_same(out: Path, pictures: Dataset) -> None:
    """UsageError where OUT is the audit of other pictures: its reviews would count for pictures of the same names."""
    there: set[str] = set()
    with contextlib.suppress(MienError):  # none yet, or a damaged one, which is made anew
        there = set(read_arrays(out / "audit.npz")["hashes"].tolist())
    if there and pictures.hashes is not None and there.isdisjoint(pictures.hashes.tolist()):
        cause = "holds the audit of other pictures: none of them is in these data"
        raise UsageError(cause, place=f"--out {out}", remedy="give another folder with --out")


def as_figures(found: Audit) -> dict[str, Any]:
    """Counts of verdicts, whole and class by class."""
    names, labels = found.data.labelset.names, found.suspects.labels
    classes = {}
    for c, name in enumerate(names):
        own = labels == c
        if own.any():
            counts = {
                kind: int((found.verdicts.kind[own] == k).sum()) for k, kind in enumerate(found.verdicts.counts())
            }
            classes[name] = {"pictures": int(own.sum()), **counts}
    return {
        "pictures": len(found.data),
        "reviewed": int((found.reviewed >= 0).sum()),
        "reviewers": {one.who: _plain(one) for one in found.people},
        "verdicts": {**found.verdicts.counts(), "duplicate conflict": len(found.conflicts)},
        "classes": classes,
    }


def _plain(one: Reviewer) -> dict[str, float | None]:
    of = {"pictures": one.pictures, "shared": one.shared, "agreement": one.agreement, "quality": one.quality}
    return {key: None if math.isnan(value) else round(value, 3) for key, value in of.items()}


def _print(found: Audit) -> None:
    figures = as_figures(found)
    table = Table("class", "pictures", *found.verdicts.counts(), title_justify="left")
    table.title = "Verdicts by given label"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in figures["classes"].items():
        table.add_row(escape(name), *map(str, row.values()))
    Console().print(table)
    for one in found.people if len(found.people) > 1 else ():
        agrees = "" if math.isnan(one.agreement) else f", agrees with the others on {one.agreement:.0%} of {one.shared}"
        quality = "" if math.isnan(one.quality) else f", quality {one.quality:.2f}"
        click.echo(f"reviewer {one.who or 'without a name'}: {one.pictures} pictures{agrees}{quality}")
    equal = figures["verdicts"]["duplicate conflict"]
    if equal:
        click.echo(f"{equal} more are equal pictures with different labels")
