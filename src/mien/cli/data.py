"""mien data: inspect a picture set, or draw one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from mien.cli import Group
from mien.cli.options import PATH, build, options
from mien.cli.terminal import print_json, table
from mien.data.prepare import DataSettings
from mien.storage.output import prepare_output

if TYPE_CHECKING:
    from mien.report.data.page import Inspection


@click.group(cls=Group)
def data() -> None:
    """Inspect picture sets, or draw one."""


@data.command()
@click.argument("source", metavar="DATA")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON")
@click.option("--out", type=PATH, help="write a page with sample faces to this HTML file")
@click.option("--near", is_flag=True, help="look for nearly equal pictures as well (needs mien[near])")
@options(DataSettings)
def inspect(source: str, as_json: bool, out: Path | None, near: bool, **values: Any) -> None:
    """Count classes, parts, sizes and persons, and list every kind of problem.

    \b
    Example:
      mien data inspect synthetic
      mien data inspect path/to/pictures --out inspect.html
    """
    from mien.cli.progress import progress
    from mien.data.prepare import prepare_unfiltered
    from mien.report.data.page import inspect as inspect_
    from mien.report.data.page import page
    from mien.storage.files import write_text

    settings = build(DataSettings, values, source=source)
    with progress(notes=False) as on_event:
        unfiltered = prepare_unfiltered(settings, on_event)
    inspection = inspect_(unfiltered, near=near)
    if out:
        write_text(out, page(inspection))
    if as_json:
        print_json(inspection.as_json())
    else:
        _print(inspection)
        if out:
            click.echo(f"page: {out}")


def _print(inspection: Inspection) -> None:
    from mien.report.data.page import FEW

    console = Console(highlight=False)
    console.print(
        f"{escape(inspection.name)}: {inspection.usable:,} usable of {inspection.rows:,} rows",
        style="bold",
        soft_wrap=True,
    )
    classes = table("", "class", "pictures", "share", *inspection.parts)
    for row, name in enumerate(inspection.classes):
        counts = [int(part[row]) for part in inspection.parts.values()]
        shown = [f"[red]{count}[/]" if count < FEW else f"{count}" for count in counts]
        classes.add_row(escape(name), f"{inspection.totals[row]}", f"{100 * inspection.shares[row]:.1f} %", *shown)
    console.print(classes)
    console.print(f"sizes   {inspection.sizes_in_words}")
    console.print("modes   " + ", ".join(f"{mode} {count:,}" for mode, count in inspection.modes.items()))
    if inspection.sources:
        sources = ", ".join(f"{source} {counts.sum():,}" for source, counts in inspection.sources.items())
        console.print(f"sources {sources}", markup=False)
    if inspection.people:
        console.print(
            f"people  {inspection.people:,}; most pictures: {inspection.largest[0]}, {inspection.largest[1]}",
            markup=False,
        )
    console.print("problems" if inspection.problems else "no problems", style="bold")
    for kind in inspection.problems:
        console.print(f"  {kind.count:,} × {kind.name}", style="yellow")
        console.print(f"    {kind.examples[0]}", markup=False, soft_wrap=True)


@data.command()
@click.argument("out", type=PATH)
@click.option("-n", "--n", type=int, default=3000, show_default=True, help="how many pictures")
@click.option("--size", type=int, default=48, show_default=True, help="side of the pictures in pixels")
@click.option("--colour/--no-colour", default=False, show_default=True, help="RGB instead of grey")
@click.option("--seed", type=int, default=0, show_default=True, help="the same seed draws the same faces")
@click.option(
    "--profile",
    default="raf",
    show_default=True,
    help="class shares: raf (RAF-DB's seven), affectnet (AffectNet's eight), or even (all eight)",
)
def draw(out: Path, n: int, **values: Any) -> None:
    """Draw faces and write them as class folders with votes.csv: a data set whose true classes are known.

    \b
    Example:
      mien data draw faces/ --n 500 --size 96 --colour
    """
    from mien.data import faces

    settings = faces.FaceSettings(n=n, **values)
    with prepare_output(out):
        faces.write(faces.draw(settings), out)
    click.echo(f"{n:,} pictures, {out / 'votes.csv'} with votes, persons and the truth")
