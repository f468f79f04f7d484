"""mien discover: unlabelled pictures that look like none of the classes of a classifier, or like a class to label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, base_argument, build, left_out_option, options, out_option
from mien.data.prepare import DataSettings
from mien.deploy.label_table import FILE
from mien.deploy.settings import DiscoverySettings, LabellingSettings
from mien.errors import UsageError
from mien.storage.output import prepare_output_dir
from mien.types import NO_LABEL

if TYPE_CHECKING:
    from mien.deploy.discovery import Discovery
    from mien.deploy.labelling import LabellingOrder

OF_DATA = ("format", "names")
"""Flags of the labelled pictures."""
WITHOUT_FOR = tuple(field.name for field in fields(DiscoverySettings))
WITH_FOR = ("labelled", "features", *(field.name for field in fields(LabellingSettings)), *OF_DATA)
"""Flags that have no meaning with --for, and without it."""


@click.command()
@base_argument
@click.argument("files", nargs=-1, required=True, type=PATH)
@out_option("found")
@left_out_option
@click.option("--for", "name", metavar="CLASS", help="rank by how likely the pictures are of this class, to label it")
@click.option(
    "--labelled", multiple=True, metavar="DATA",
    help="labelled pictures, some of them of CLASS; or a folder of mien discover --for whose table was filled in; can "
         "be repeated",
)  # fmt: skip
@click.option(
    "--features", multiple=True, metavar="FOLDER",
    help="adopted network whose features are read beside those of BASE, such as a face encoder; can be repeated",
)  # fmt: skip
@options(
    DiscoverySettings, LabellingSettings, DataSettings,
    without=[field.name for field in fields(DataSettings) if field.name not in OF_DATA],
)  # fmt: skip
def discover(
    place: Path, files: tuple[Path, ...], out: Path, left_out: str | None, name: str | None, **values: Any
) -> None:
    """Rank unlabelled pictures by how unusual they are for the classifier in BASE, and group the most unusual.

    A folder means all pictures in and below it; files that are left out are counted on standard error.

    The page in the output folder shows the groups. mien correct --found makes a corrector of one that you can name.

    With --for CLASS and --labelled DATA, pictures are ranked by how likely they are of a class that hardly has any
    labelled ones: which to label next. The page shows the first ones, and label.csv lists them, to be filled in. The
    filled table is read by the next call, and by mien correct --found found:CLASS.

    \b
    Example:
      mien discover runs/base photos/ --out found
      mien correct runs/base path/to/pictures --class disgust --found found:0
      mien discover runs/base photos/ --for fear --labelled path/to/pictures --out fear
      mien discover runs/base photos/ --for fear --labelled path/to/pictures --labelled fear --out more
    """
    from mien.classifiers.cell import cell_of
    from mien.cli.left_out import LeftOut
    from mien.data.checks import by_kind
    from mien.incoming.files import each_path
    from mien.storage.files import write_text

    _check_flags(name, values)
    make = _groups if name is None else partial(_order, name)
    cell = cell_of(place, left_out=left_out)
    with LeftOut() as note:
        paths = list(each_path(files, note))
    with prepare_output_dir(out, "discover", "found.json", sources=[*files, *values["labelled"]]):
        result, content, summary = make(cell, paths, out, values)
        result.save(out)
        write_text(out / "index.html", content)
    click.echo(summary)
    if result.trained_on is None:
        click.echo("it is not recorded which of them the classifier was trained on")
    elif result.trained_on:
        click.echo(f"the classifier was trained on {result.trained_on} of them: these cannot be used to correct it")
    for kind in by_kind(result.problems):
        to_stderr(f"{kind.count} × {kind.name}, such as {kind.examples[0]}")
    click.echo(f"page: {out / 'index.html'}")
    if name is not None:
        click.echo(f"table to fill in: {out / FILE}")


def _check_flags(name: str | None, values: Mapping[str, Any]) -> None:
    """UsageError for flags that have no meaning with --for, or without it."""
    source = click.get_current_context().get_parameter_source
    useless = WITH_FOR if name is None else WITHOUT_FOR
    given = [flag for flag in useless if source(flag) is not ParameterSource.DEFAULT]
    if given:
        cause = (
            "ranks pictures for a class, and --for is missing" if name is None else "is for groups of unusual pictures"
        )
        remedy = "add --for CLASS" if name is None else "leave it out, or leave --for out"
        raise UsageError(cause, place=f"--{given[0]}", remedy=remedy)
    if name is not None and not values["labelled"]:
        remedy = "give --labelled DATA with at least one picture of the class, or leave --for out"
        raise UsageError("requires labelled pictures", place="--for", remedy=remedy)


def _groups(cell: Path, paths: list[Path], out: Path, values: Mapping[str, Any]) -> tuple[Discovery, str, str]:
    """Groups of unusual pictures, their page, and a summary."""
    from mien.classifiers.cell import open_run
    from mien.cli.progress import stages
    from mien.deploy.discovery import discover as discover_
    from mien.report.patch.discovery import page

    settings = build(DiscoverySettings, values)
    with stages() as say:
        result = discover_(open_run(cell), paths, settings, say)
    strange = int((result.cluster != NO_LABEL).sum())
    summary = f"{strange} of {len(result.paths)} pictures in {result.count} clusters"
    return result, page(str(out), result), summary


def _order(
    name: str, cell: Path, paths: list[Path], out: Path, values: Mapping[str, Any]
) -> tuple[LabellingOrder, str, str]:
    """The order in which pictures are labelled for a class, its page, and a summary."""
    from mien.classifiers.borrowing import borrowing, open_encoders
    from mien.classifiers.cell import open_run
    from mien.cli.progress import note_data, stages
    from mien.deploy.examples import read_examples
    from mien.deploy.label_table import check_not_filled_in
    from mien.deploy.labelling import label_next
    from mien.report.patch.labelling import page

    settings = build(LabellingSettings, values)
    check_not_filled_in(out)
    classifier = open_run(cell)
    classifier = borrowing(classifier, open_encoders(values["features"], classifier))
    with stages() as say:
        say("reading labelled pictures")
        examples = read_examples(name, values["labelled"], classifier.card, build(DataSettings, values, source=""))
        result = label_next(classifier, paths, examples, settings, say)
    note_data(examples.pictures.problems)
    summary = (
        f"{result.name}: the first {result.listed} of {len(result.paths)} pictures are to be labelled, ranked by "
        f"{result.examples} labelled pictures of the class and {result.others} of others"
    )
    if result.left_out:
        summary += f"\n{result.left_out} pictures have a label already, and are left out"
    return result, page(str(out), result), summary
