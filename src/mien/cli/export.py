"""mien export: reviewed labels of an audit, for other tools or as a corrected data set."""

from __future__ import annotations

from pathlib import Path

import click

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, audit_argument, moved_option
from mien.labels import FORMS
from mien.storage.files import read_json
from mien.storage.output import prepare_output


@click.command()
@audit_argument
@moved_option
@click.option(
    "--as", "form", type=click.Choice(FORMS), default="folder", show_default=True,
    help="Label Studio's tasks, FiftyOne's classification folder, or OUT/CLASS/PICTURE with labels.csv",
)  # fmt: skip
@click.option("--out", type=PATH, required=True, help="file or folder to write; it must not exist yet")
def export(folder: Path, source: str | None, form: str, out: Path) -> None:
    """Write the pictures of an audit with their labels, as corrected by the reviewers.

    A picture without a review keeps its label: suggestions of the audit are never applied on their own.

    \b
    Example:
      mien export runs/audit --as label-studio --out tasks.json
      mien export runs/audit --out corrected
    """
    from mien.labels.export import changed
    from mien.labels.export import export as export_
    from mien.labels.review_queue import ReviewQueue

    queue = ReviewQueue.open(folder, source)
    for note in queue.notes():
        to_stderr(f"note: {note}")
    with prepare_output(out, sources=[source or read_json(folder / "audit.json")["data"]["source"]]):
        count = export_(queue, form, out)
    click.echo(f"{out}: {count} pictures, {changed(queue)} with a label that reviewers changed")
