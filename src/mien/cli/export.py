"""mien export: a classifier with its patch as an ONNX graph, or reviewed labels of an audit for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, left_out_option, moved_option, seed_option
from mien.errors import UsageError
from mien.labels import FORMS
from mien.storage.files import read_json
from mien.storage.output import check_outside_data, prepare_output

AUDIT = "audit.json"
"""File by which the folder of an audit is known."""


@click.command()
@click.argument("place", metavar="BASE|AUDIT", type=PATH)
@click.option("--onnx", "graph", type=PATH, metavar="FILE", help="of a classifier: ONNX graph to write, a new file")
@click.option("--folder", type=PATH, help="of a classifier: folder to publish, with the graph, a model card, a script")
@click.option("--patch", type=PATH, help="of a classifier: its patch; the applied one by default")
@click.option("--patch-only", is_flag=True, help="the corrector alone, which reads the layers of the classifier")
@click.option("--check", metavar="DATA", default="", help="pictures to compare the graph on; drawn faces by default")
@left_out_option
@seed_option
@click.option("--corrector", help="which of the study's correctors; the last by default")
@click.option("--base", help="base classifier from outside mien, as module:Name, if the run has one")
@moved_option
@click.option(
    "--as", "form", type=click.Choice(FORMS), default="folder", show_default=True,
    help="of an audit: Label Studio's tasks, FiftyOne's classification folder, or OUT/CLASS/PICTURE with labels.csv",
)  # fmt: skip
@click.option("--out", type=PATH, help="of an audit: file or folder to write; it must not exist yet")
def export(place: Path, **choices: Any) -> None:
    """Write a classifier as an ONNX graph, or the labels of an audit for other tools.

    The graph has everything inside: normalisation, mirror images, the patch with its thresholds. Its answers are
    compared with those of mien predict, and its thresholds are certified on its own scores where the calibration
    pictures can be read.

    Of an audit, the pictures are written with their labels, as corrected by the reviewers. A picture without a review
    keeps its label: suggestions of the audit are never applied on their own.

    \b
    Example:
      mien export runs/base --patch fear.patch --onnx fear.onnx
      mien export runs/base --folder published
      mien export runs/audit --as label-studio --out tasks.json
    """
    if (place / AUDIT).exists() or (choices["out"] is not None and choices["graph"] is None):
        _labels(place, choices)
    else:
        _graph(place, choices)


def _labels(folder: Path, choices: dict[str, Any]) -> None:
    from mien.labels.export import changed
    from mien.labels.export import export as export_
    from mien.labels.review_queue import ReviewQueue

    out, source = choices["out"], choices["source"]
    if out is None:
        raise UsageError(
            "is required for an audit", place="--out", remedy="name a file or folder that is not there yet"
        )
    queue = ReviewQueue.open(folder, source)
    for note in queue.notes():
        to_stderr(f"note: {note}")
    with prepare_output(out, sources=[source or read_json(folder / AUDIT)["data"]["source"]]):
        count = export_(queue, choices["form"], out)
    click.echo(f"{out}: {count} pictures, {changed(queue)} with a label that reviewers changed")


def _graph(place: Path, choices: dict[str, Any]) -> None:
    from mien.deploy.onnx.exporting import check_new, export_graph
    from mien.deploy.opening import open_predictor

    file, folder, check = choices["graph"], choices["folder"], choices["check"]
    if (file is None) == (folder is None):
        cause = (
            "is required for a classifier" if file is None else "cannot be beside --folder, which has a graph as well"
        )
        raise UsageError(cause, place="--onnx", remedy="give --onnx FILE or --folder FOLDER, not there yet")
    out = file or folder
    check_new(out)
    names = ("left_out", "seed", "corrector", "base", "patch")
    predictor = open_predictor(place, **{name: choices[name] for name in names})
    check_outside_data(out, [check] if check else [])
    with prepare_output(out):
        exported = export_graph(predictor, patch_only=choices["patch_only"], check=check)
        if file:
            written = " and ".join(map(str, exported.write(file)))
        else:
            from mien.deploy.onnx.figures import measure
            from mien.deploy.onnx.publish import publish

            publish(exported, folder, *measure(exported, predictor, check))
            written = str(folder)
    click.echo(f"{written}: {exported.facts['kind']}, opset {exported.facts['opset']}")
    click.echo(f"{'compared':<11} {exported.parity}")
    if exported.calibration:
        click.echo(f"{'thresholds':<11} {exported.calibration}")
        click.echo(f"{'certificate':<11} {exported.facts['certificate']}")
