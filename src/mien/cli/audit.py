"""mien audit: which labels are wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.cli.options import build, options, out_option
from mien.data.prepare import DataSettings, conflicts
from mien.experiments.settings import AuditSettings
from mien.nets.settings import TrainSettings
from mien.storage.files import write_text

if TYPE_CHECKING:
    from mien.labels.audit_result import Audit
    from mien.labels.reviewers import Reviewer


@click.command()
@click.argument("data")
@out_option("runs/audit")
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), default=AuditSettings.train.epochs, show_default=True,
    help="length of training",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(AuditSettings, DataSettings, TrainSettings, without=("epochs", "synthetic", "vote_sampling"))
def audit(data: str, out: Path, as_json: bool, **values: Any) -> None:
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
    from mien.cli.progress import progress
    from mien.experiments.labels.audit import run_audit
    from mien.report.labels.page import page

    settings = build(
        AuditSettings, values, data=build(DataSettings, values, source=data, reviews=""),
        train=build(TrainSettings, values),
    )  # fmt: skip

    def finish(found: Audit) -> None:
        equal = conflicts(settings.data) if found.conflicts else []
        shown = page(found.data, found.suspects, found.verdicts, found.reviewed, equal, found.people)
        write_text(out / "index.html", shown)

    with progress() as on_event:
        found = run_audit(settings, out, on_event=on_event, finish=finish)
    if as_json:
        click.echo(json.dumps(as_figures(found), indent=2))
        return
    _print(found)
    click.echo(f"table: {out / 'audit.csv'}\npage: {out / 'index.html'}")


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
