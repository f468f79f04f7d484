"""mien report: tables and page of a run, made again from its cells."""

from __future__ import annotations

from pathlib import Path

import click

from mien.errors import UsageError
from mien.storage.files import storage_errors
from mien.storage.layout import CELLS
from mien.storage.run import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--beside", type=click.Path(path_type=Path), help="another run: show what changed since, class by class")
def report(run: Path, beside: Path | None) -> None:
    """Make tables and report of a study or a comparison again, also if it was stopped or is still running.

    \b
    Example:
      mien report runs/first
      mien report runs/reviewed --beside runs/as-given
    """
    from mien.report.study import page, tables
    from mien.report.study.diff import compare
    from mien.report.treatments import page as treatments_page
    from mien.report.treatments import tables as treatments_tables

    done = Run(run)
    compared = done.manifest().get("kind") == "compare"
    if compared and beside:
        remedy = "leave it out: a comparison has everything beside each other"
        raise UsageError("works only with a study", place="--beside", remedy=remedy)
    (treatments_page if compared else page).PAGE.manifest(done)
    finished = None
    while (now := _finished(done)) != finished:  # a running study may finish cells meanwhile
        finished = now
        (treatments_tables if compared else tables).build(done)
        if beside:
            compare(done, Run(beside))
        written = (treatments_page if compared else page).write(done)
    click.echo(f"report: {written}")


def _finished(run: Run) -> dict[Path, int]:
    """The files by which work of a run is known to be finished, and when they were written."""
    kinds = ("cell.json", "answers-*.npz")
    with storage_errors(run.folder):
        return {path: path.stat().st_mtime_ns for kind in kinds for path in run.path(CELLS).rglob(kind)}
