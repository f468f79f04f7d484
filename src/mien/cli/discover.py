"""mien discover: pictures that the classifier has probably never seen the like of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.cli.notes import to_stderr
from mien.cli.options import build, options
from mien.deploy.settings import DiscoverySettings
from mien.storage.output import prepare_output_dir

if TYPE_CHECKING:
    from mien.deploy.discovery import Discovery
    from mien.report.patch.discovery import Cluster


@click.command()
@click.argument("place", metavar="BASE", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("found"), show_default=True, help="folder to write"
)
@click.option("--left-out", help="the study's classifier without this class, not the full one")
@options(DiscoverySettings)
def discover(place: Path, files: tuple[Path, ...], out: Path, left_out: str | None, **values: Any) -> None:
    """Rank unlabelled pictures by how strange they are to the classifier in BASE, and group the strangest.

    A folder means all pictures in and below it; files that are left out are counted on standard error.

    Look at the page that it writes. A group that you can name becomes a corrector in one command.

    \b
    Example:
      mien discover runs/base photos/ --out found
      mien correct runs/base path/to/pictures --class disgust --found found:0
    """
    from mien.classifiers.cell import cell_of, open_run
    from mien.cli.predict import expand
    from mien.cli.progress import stages
    from mien.data.checks import by_kind
    from mien.deploy.discovery import discover as discover_
    from mien.report.patch.discovery import page
    from mien.storage.files import write_text

    settings, cell = build(DiscoverySettings, values), cell_of(place, left_out=left_out)
    paths = expand(files)
    with prepare_output_dir(out, "discover", "found.json", sources=files):
        with stages() as say:
            found = discover_(open_run(cell), paths, settings, say)
        found.save(out)
        clusters = _clusters(found)
        write_text(out / "index.html", page(str(out), len(found.paths), clusters, found.trained_on))
    strange = sum(cluster.pictures for cluster in clusters)
    click.echo(f"{strange} of {len(found.paths)} pictures in {found.count} clusters")
    if found.trained_on is None:
        click.echo("it is not known which of them the classifier was trained on")
    elif found.trained_on:
        click.echo(f"the classifier was trained on {found.trained_on} of them: these cannot be used to correct it")
    for kind in by_kind(found.problems):
        to_stderr(f"{kind.count} × {kind.name}, such as {kind.examples[0]}")
    click.echo(f"page: {out / 'index.html'}")


def _clusters(found: Discovery) -> list[Cluster]:
    """The groups, as the page shows them."""
    from mien.deploy.discovery import SHOWN
    from mien.report.patch.discovery import Cluster

    return [
        Cluster(
            len(found.members(number)),
            found.mean_score(number),
            found.most_frequent_answers(number),
            sheet,
            min(SHOWN, len(found.members(number))),
        )
        for number, sheet in enumerate(found.sheets)
    ]
