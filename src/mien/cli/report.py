"""mien report: tables and page of a run, made again from its cells."""

from __future__ import annotations

from pathlib import Path

import click

from mien.runs import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--beside", type=click.Path(path_type=Path), help="another run: show what changed since, class by class")
def report(run: Path, beside: Path | None) -> None:
    """Make tables and report of a run again, also of one that is not finished yet.

    \b
    Example:
      mien report runs/first
      mien report runs/reviewed --beside runs/as-given
    """
    from mien.report import page, tables
    from mien.report.beside import compare

    done = Run(run)
    tables.build(done)
    if beside:
        compare(done, Run(beside))
    click.echo(f"report: {page.write(done)}")
