"""mien report: tables and page of a run, made again from its cells."""

from __future__ import annotations

from pathlib import Path

import click

from mien.runs import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Make tables and report of a run again, also of one that is not finished yet.

    \b
    Example:
      mien report runs/first
    """
    from mien.report import page, tables

    done = Run(run)
    tables.build(done)
    click.echo(f"report: {page.write(done)}")
