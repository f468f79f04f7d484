"""mien audit: find labels that are probably wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from mien.cli.options import build, options, out_option
from mien.cli.terminal import print_json, table
from mien.data.prepare import DataSettings, conflicts
from mien.experiments.settings import AuditSettings
from mien.nets.settings import TrainSettings
from mien.storage.files import write_text

if TYPE_CHECKING:
    from mien.labels.audit_result import Audit
    from mien.labels.reviewers import Reviewer

CONFLICTING = "duplicate conflict"


@click.command()
@click.argument("source", metavar="DATA")
@out_option("runs/audit")
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), default=AuditSettings.train.epochs, show_default=True,
    help="length of training",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(AuditSettings, DataSettings, TrainSettings, without=("epochs", "synthetic", "vote_sampling"))
def audit(out: Path, as_json: bool, **values: Any) -> None:
    """Train once on all pictures, and judge each label: probably wrong, ambiguous, of an unusual picture, or fine.

    Writes OUT/audit.csv, a row for each picture with a reason, the most suspicious first, and OUT/index.html, a page
    with the pictures. The data are not changed. A few hundred reviewed pictures make the verdicts much better: review
    them with mien review, and give the file of reviews with --reviews.

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

    settings = build(AuditSettings, values, data=build(DataSettings, values, reviews=""))

    def finish(result: Audit) -> None:
        contradictory = conflicts(settings.data) if result.conflicts else []
        write_text(out / "index.html", page(result, contradictory))

    with progress() as on_event:
        result = run_audit(settings, out, on_event=on_event, finish=finish)
    figures = as_figures(result)
    if as_json:
        print_json(figures)
        return
    _print(figures)
    click.echo(f"table: {out / 'audit.csv'}\npage: {out / 'index.html'}")


def as_figures(result: Audit) -> dict[str, Any]:
    """Counts of verdicts, whole and class by class, and of what each reviewer did."""
    labels, classes = result.suspects.labels, {}
    for c, name in enumerate(result.data.labelset.names):
        given = labels == c
        if given.any():
            classes[name] = {"pictures": int(given.sum()), **result.verdicts.counts(given)}
    return {
        "pictures": len(result.data),
        "reviewed": int((result.reviewed >= 0).sum()),
        "reviewers": {reviewer.who: _of_reviewer(reviewer) for reviewer in result.people},
        "verdicts": {**result.verdicts.counts(), CONFLICTING: len(result.conflicts)},
        "classes": classes,
    }


def _of_reviewer(reviewer: Reviewer) -> dict[str, float]:
    return {key: round(getattr(reviewer, key), 3) for key in ("pictures", "shared", "agreement", "quality")}


def _print(figures: dict[str, Any]) -> None:
    from mien.labels.verdicts import KINDS

    shown = table("Verdicts by given label", "class", "pictures", *KINDS)
    for name, row in figures["classes"].items():
        shown.add_row(escape(name), *(str(row[column]) for column in ("pictures", *KINDS)))
    Console().print(shown)
    for who, row in figures["reviewers"].items() if len(figures["reviewers"]) > 1 else ():
        agrees = f", agrees with the others on {row['agreement']:.0%} of {row['shared']}"
        agrees = "" if math.isnan(row["agreement"]) else agrees
        quality = "" if math.isnan(row["quality"]) else f", quality {row['quality']:.2f}"
        click.echo(f"reviewer {who or 'without a name'}: {row['pictures']} pictures{agrees}{quality}")
    if figures["verdicts"][CONFLICTING]:
        click.echo(f"{figures['verdicts'][CONFLICTING]} more are equal pictures with different labels")
