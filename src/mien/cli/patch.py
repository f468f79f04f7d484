"""mien patch: look at patches, apply them to a classifier, take them away again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.cli import Group
from mien.errors import RunError
from mien.storage.files import storage_errors
from mien.storage.folders import remove as remove_folder
from mien.storage.layout import APPLIED
from mien.storage.output import prepare_output

if TYPE_CHECKING:
    from mien.storage.files import Record


@click.group(cls=Group)
def patch() -> None:
    """Look at a patch, apply it to a classifier, or take it away."""


@patch.command()
@click.argument("folder", metavar="PATCH", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print patch.json")
def show(folder: Path, as_json: bool) -> None:
    """Say what a patch corrects, what is certified, and how it was made.

    \b
    Example:
      mien patch show fear.patch
    """
    from mien.data.provenance import RECORD, Provenance
    from mien.deploy.patch_io import PATCH, REMEDY
    from mien.storage.files import as_storage_error

    found = PATCH.read(folder, REMEDY)
    provenance = Provenance.from_patch(found)
    if as_json:
        click.echo(json.dumps({**found, RECORD: asdict(provenance)}, indent=2))
        return
    recorded = "" if RECORD in found else "not recorded, an earlier version made it; "
    with as_storage_error(folder / "patch.json"):
        _print(found, [recorded + provenance.description, *provenance.sources])


def _print(found: Record, provenance: list[str]) -> None:
    policy, about = found["policy"], found["about"]
    console = Console(highlight=False)
    pairs = [[escape(plain(text)) for text in pair] for pair in zip(found["targets"], found["correctors"], strict=True)]
    console.print("corrects   " + ", ".join(f"[bold]{target}[/] ({name})" for target, name in pairs))
    console.print(f"policy     {policy['rule']}, budget {100 * policy['budget']:g} %, {policy['action']}", markup=False)
    console.print(f"made       {plain(about.get('made', ''))}", markup=False)
    console.print(f"           {plain(about.get('command', ''))}", markup=False, soft_wrap=True)
    console.print(f"for        classifier {plain(found['base'])}, pictures {plain(found['data'])}", markup=False)
    for title, line in zip(("provenance", *[""] * len(provenance)), provenance, strict=False):
        console.print(f"{title:<10} {plain(line)}", markup=False, soft_wrap=True)
    table = Table("certified of", "budget", "confidence", "n", "harmed (allowed)", "holds")
    for column in table.columns[1:5]:
        column.justify = "right"
    for row in found["certificate"]:
        holds = "yes" if row["holds"] else f"no, needs n = {row['needed']}" if not row["feasible"] else "no"
        if row["holds"] and found["approximate"]:
            holds = "about"
        harmed = str(row["k"]) if row["feasible"] else "–"
        shares = (f"{100 * row[key]:g} %" for key in ("budget", "confidence"))
        table.add_row(escape(plain(row["group"])), *shares, str(row["n"]), harmed, holds)
    console.print(table)


@patch.command()
@click.argument("folder", metavar="PATCH", type=click.Path(path_type=Path))
@click.argument("place", metavar="BASE", type=click.Path(path_type=Path))
@click.option("--left-out", help="the study's classifier without this class, not the full one")
@click.option("--seed", type=int, help="which of the study's seeds; the first by default")
def apply(folder: Path, place: Path, left_out: str | None, seed: int | None) -> None:
    """Put a patch beside the classifier in BASE: from now on mien predict uses it. The classifier is not changed.

    Where one is applied already, both become one patch with one certificate; their order does not matter.

    \b
    Example:
      mien patch apply fear.patch runs/base
    """
    from mien.classifiers.cell import cell_of, open_run
    from mien.deploy.opening import is_patched, load_patch

    cell = cell_of(place, left_out=left_out, seed=seed)
    with prepare_output(cell / APPLIED):
        classifier = open_run(cell)
        new = load_patch(folder, classifier)
        if is_patched(cell):
            new = load_patch(cell / APPLIED, classifier).merged_with(new)
        new.save(cell / APPLIED)
    click.echo(f"applied to {cell}: {', '.join(new.targets)}")


@patch.command()
@click.argument("place", metavar="BASE", type=click.Path(path_type=Path))
@click.option("--left-out", help="the study's classifier without this class, not the full one")
@click.option("--seed", type=int, help="which of the study's seeds; the first by default")
def remove(place: Path, left_out: str | None, seed: int | None) -> None:
    """Take the applied patch away: the classifier in BASE answers as before.

    \b
    Example:
      mien patch remove runs/base
    """
    from mien.classifiers.cell import cell_of
    from mien.deploy.opening import is_patched

    cell = cell_of(place, left_out=left_out, seed=seed)
    if not is_patched(cell):
        raise RunError("no patch is applied", place=str(cell), remedy="mien patch apply PATCH BASE applies one")
    with prepare_output(cell / APPLIED), storage_errors(cell / APPLIED):
        remove_folder(cell / APPLIED)
    click.echo(f"removed from {cell}")


def plain(text: object) -> str:
    """The text of a stranger's file, without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "�" for sign in str(text))
