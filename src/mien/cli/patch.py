"""mien patch: show patches, apply them to a classifier, remove them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from mien.certify.thresholds import CONFIDENT
from mien.cli import Group
from mien.cli.graph import show_graph
from mien.cli.options import PATH, base_argument, left_out_option, seed_option
from mien.cli.terminal import print_json, table
from mien.deploy.patch_io import PICTURES
from mien.errors import RunError
from mien.storage.files import storage_errors
from mien.storage.folders import remove as remove_folder
from mien.storage.layout import APPLIED
from mien.storage.output import prepare_output
from mien.types import plain

if TYPE_CHECKING:
    from mien.deploy.patch import Patch
    from mien.storage.files import Record


patch_argument = click.argument("folder", metavar="PATCH", type=PATH)


@click.group(cls=Group)
def patch() -> None:
    """Show a patch, apply it to a classifier, or remove it."""


@patch.command()
@patch_argument
@click.option("--json", "as_json", is_flag=True, help="print patch.json")
def show(folder: Path, as_json: bool) -> None:
    """Show what a patch corrects, what is certified, how it was made, and what its watch shows.

    PATCH may also be an ONNX graph that mien export wrote.

    \b
    Example:
      mien patch show fear.patch
      mien patch show fear.onnx
    """
    if folder.is_file():
        show_graph(folder, as_json)
        return
    from mien.data.provenance import RECORD, Provenance
    from mien.deploy.patch_io import PATCH, REMEDY
    from mien.deploy.watch_io import FOLDER, WATCH, read_watch, restraint_of
    from mien.storage.files import as_storage_error

    stored, watched = PATCH.read(folder, REMEDY), read_watch(folder)
    provenance = Provenance.from_patch(stored)
    if as_json:
        print_json({**stored, RECORD: asdict(provenance), **({"watch": watched} if watched else {})})
        return
    recorded = "" if RECORD in stored else "not recorded, since an earlier version made the patch; "
    with as_storage_error(folder / "patch.json"):
        _print(stored, [recorded + provenance.description, *provenance.sources])
    if watched:
        with as_storage_error(folder / FOLDER / WATCH.file):
            click.echo(f"{'watch':<10} {watched['standing']}: {watched['words']}")
        click.echo(f"{'in force':<10} {restraint_of(watched, folder) or 'what is certified'}")


def _print(stored: Record, provenance: list[str]) -> None:
    policy, about = stored["policy"], stored["about"]
    console = Console(highlight=False)
    pairs = [
        (escape(", ".join(map(plain, [target] if isinstance(target, str) else target))), escape(plain(name)))
        for target, name in zip(stored["targets"], stored["correctors"], strict=True)
    ]
    console.print("corrects   " + ", ".join(f"[bold]{target}[/] ({name})" for target, name in pairs))
    about_policy = [policy["rule"], f"budget {100 * policy['budget']:g} %", policy["action"]]
    about_policy += [plain(policy[name]) for name in ("guarantee", "aim") if name in policy]
    console.print(f"policy     {', '.join(about_policy)}", markup=False)
    console.print(f"made       {plain(about.get('made', ''))}", markup=False)
    console.print(f"           {plain(about.get('command', ''))}", markup=False, soft_wrap=True)
    console.print(
        f"for        classifier {plain(stored['base'])}, {plain(stored.get('unit', PICTURES))} {plain(stored['data'])}",
        markup=False,
    )
    for borrowed in stored.get("features", ()):
        console.print(
            f"borrows    features of {plain(str(borrowed['name']))} {plain(str(borrowed['id']))}, which reads "
            f"{plain(str(borrowed['inputs']))}; it lay in {plain(str(borrowed['place']))}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    for title, line in zip(("provenance", *[""] * len(provenance)), provenance, strict=False):
        console.print(f"{title:<10} {plain(line)}", markup=False, soft_wrap=True)
    columns = ("certified of", "kind", "budget", "n", "harmed (allowed)", "holds")
    shown = table("", *columns, numbers=slice(2, 5))
    for row in [*stored["certificate"], *stored.get("other_guarantees", [])]:
        holds = "yes" if row["holds"] else f"no, needs n = {row['needed']}" if not row["feasible"] else "no"
        if row["holds"] and stored["approximate"]:
            holds = "approximately"
        harmed = str(row["k"]) if row["feasible"] else "–"
        kind = row.get("kind", CONFIDENT)
        budget = f"{100 * row['budget']:g} %"
        shown.add_row(escape(plain(row["group"])), escape(plain(kind)), budget, str(row["n"]), harmed, holds)
    console.print(shown)


@patch.command()
@patch_argument
@base_argument
@left_out_option
@seed_option
def apply(folder: Path, place: Path, left_out: str | None, seed: int | None) -> None:
    """Put a patch beside the classifier in BASE: from now on mien predict uses it. The classifier is not changed.

    If another patch is applied already, both are merged into one with one certificate; their order does not matter.

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
        _check_unrestrained(new, folder)
        if is_patched(cell):
            applied = load_patch(cell / APPLIED, classifier)
            _check_unrestrained(applied, cell / APPLIED)
            new = applied.merged_with(new)
        new.save(cell / APPLIED)
    click.echo(f"applied to {cell}: {', '.join(new.targets)}")


def _check_unrestrained(patch: Patch, folder: Path) -> None:
    """Refuse a patch that an alarm restrained: the one that is applied would have no such restraint."""
    if patch.restraint:
        remedy = f"make it again on new pictures, or lift this with mien watch {folder} --fresh"
        raise RunError(str(patch.restraint), place=str(folder), remedy=remedy)


@patch.command()
@base_argument
@left_out_option
@seed_option
def remove(place: Path, left_out: str | None, seed: int | None) -> None:
    """Remove the applied patch: the classifier in BASE answers as before.

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
