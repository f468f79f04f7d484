"""mien report: tables and page of a run, made again from its cells."""

from __future__ import annotations

from pathlib import Path

import click

from mien.cli.options import PATH
from mien.errors import UsageError
from mien.storage.files import storage_errors
from mien.storage.layout import CELLS
from mien.storage.run import Run


@click.command()
@click.argument("run", type=PATH)
@click.option("--beside", type=PATH, help="an earlier run to compare with, class by class; for studies only")
def report(run: Path, beside: Path | None) -> None:
    """Make tables and report of a study or a comparison again, also if it was stopped or is still running.

    \b
    Example:
      mien report runs/first
      mien report runs/reviewed --beside runs/as-given
    """
    done = Run(run)
    if _is_comparison(done) and beside:
        remedy = "leave it out: a comparison has everything beside each other"
        raise UsageError("works only with a study", place="--beside", remedy=remedy)
    finished = None
    while (now := _finished(done)) != finished:  # a running study may finish cells meanwhile
        finished = now
        written = make_report(done, Run(beside) if beside else None)
    click.echo(f"report: {written}")


def make_report(run: Run, beside: Run | None = None) -> Path:
    """Write the tables and the page of a study or a comparison, and return the path of the page.

    Parameters
    ----------
    beside : another study; the page then has a section that compares both.
    """
    from mien.report.study import page, tables
    from mien.report.study.diff import compare
    from mien.report.treatments import page as treatments_page
    from mien.report.treatments import tables as treatments_tables

    if _is_comparison(run):
        treatments_tables.build(run)
        return treatments_page.write(run)
    page.PAGE.manifest(run)  # refuses other kinds of runs before anything is written
    tables.build(run)
    if beside:
        compare(run, beside)
    return page.write(run)


def _is_comparison(run: Run) -> bool:
    return bool(run.manifest().get("kind") == "compare")


def _finished(run: Run) -> dict[Path, int]:
    """The files by which work of a run is known to be finished, and when they were written."""
    kinds = ("cell.json", "answers-*.npz")
    with storage_errors(run.folder):
        return {path: path.stat().st_mtime_ns for kind in kinds for path in run.path(CELLS).rglob(kind)}
