"""mien discover: unlabelled pictures that look like none of the classes of a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, base_argument, build, left_out_option, options, out_option
from mien.deploy.settings import DiscoverySettings
from mien.storage.output import prepare_output_dir
from mien.types import NO_LABEL


@click.command()
@base_argument
@click.argument("files", nargs=-1, required=True, type=PATH)
@out_option("found")
@left_out_option
@options(DiscoverySettings)
def discover(place: Path, files: tuple[Path, ...], out: Path, left_out: str | None, **values: Any) -> None:
    """Rank unlabelled pictures by how unusual they are for the classifier in BASE, and group the most unusual.

    A folder means all pictures in and below it; files that are left out are counted on standard error.

    The page in the output folder shows the groups. mien correct --found makes a corrector of one that you can name.

    \b
    Example:
      mien discover runs/base photos/ --out found
      mien correct runs/base path/to/pictures --class disgust --found found:0
    """
    from mien.classifiers.cell import cell_of, open_run
    from mien.cli.left_out import LeftOut
    from mien.cli.progress import stages
    from mien.data.checks import by_kind
    from mien.deploy.discovery import discover as discover_
    from mien.incoming.files import each_path
    from mien.report.patch.discovery import page
    from mien.storage.files import write_text

    settings, cell = build(DiscoverySettings, values), cell_of(place, left_out=left_out)
    with LeftOut() as note:
        paths = list(each_path(files, note))
    with prepare_output_dir(out, "discover", "found.json", sources=files):
        with stages() as say:
            discovery = discover_(open_run(cell), paths, settings, say)
        discovery.save(out)
        write_text(out / "index.html", page(str(out), discovery))
    strange = int((discovery.cluster != NO_LABEL).sum())
    click.echo(f"{strange} of {len(discovery.paths)} pictures in {discovery.count} clusters")
    if discovery.trained_on is None:
        click.echo("it is not recorded which of them the classifier was trained on")
    elif discovery.trained_on:
        click.echo(f"the classifier was trained on {discovery.trained_on} of them: these cannot be used to correct it")
    for kind in by_kind(discovery.problems):
        to_stderr(f"{kind.count} × {kind.name}, such as {kind.examples[0]}")
    click.echo(f"page: {out / 'index.html'}")
