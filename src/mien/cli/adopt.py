"""mien adopt: a classifier that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from mien.classifiers.declare import InputSettings
from mien.cli.options import PATH, build, options
from mien.cli.terminal import print_json, table
from mien.types import plain

if TYPE_CHECKING:
    from mien.classifiers.foreign import ForeignClassifier


@click.command()
@click.argument("source", metavar="MODEL")
@click.option("--out", type=PATH, help="folder to write: what every verb takes as BASE")
@click.option("--weights", type=PATH, help="weights of a torch module: safetensors, or a state_dict")
@click.option("--check", "data", metavar="DATA", help="labelled pictures to check the declaration on")
@click.option(
    "--layers", "listing", is_flag=True, help="list the layers that correctors may learn on, and write nothing"
)
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(InputSettings)
def adopt(
    source: str, out: Path | None, weights: Path | None, data: str | None, listing: bool, as_json: bool, **values: Any
) -> None:
    """Take in a classifier that was trained elsewhere, so that mien correct, predict and discover work with it.

    MODEL is an ONNX or skops file, module:factory of a torch module (with --weights), or module:function. Size, classes
    and layout are read from the file where they are there. All else must be given, and nothing is guessed. With --check
    DATA, other scalings, orders of colours, layouts and orders of the labels are tried on labelled pictures. What is
    better beyond chance is printed, and not changed.

    With --answers none it is an encoder: its layers are features beside those of a classifier, see --features of the
    verb correct.

    \b
    Example:
      mien adopt fer.onnx --classes angry,disgust,fear,happy,sad,surprise,neutral --scaling=-1..1 --out fer
      mien correct fer path/to/pictures --class disgust --trained-on unknown
    """
    from mien.data.prepare import DataSettings
    from mien.deploy.adoption import adopt as adopt_
    from mien.errors import UsageError
    from mien.storage.layout import ADOPTED
    from mien.storage.output import prepare_output

    if out is None and not listing:
        raise UsageError("no folder to write", place="--out", remedy="give --out FOLDER, or --layers to look only")
    checked_on = None if data is None else DataSettings(data)
    adopted = adopt_(source, build(InputSettings, values), weights=weights, checked_on=checked_on)
    if out is not None and not listing:
        with prepare_output(out, ADOPTED):
            adopted.save(out)
    declared, card, is_encoder = adopted.classifier.declared, adopted.classifier.card, adopted.classifier.is_encoder
    if as_json:
        print_json(
            {
                "folder": None if listing else str(out), "id": card.id, "classes": card.classes,
                "inputs": str(card.inputs), "output": declared.output, "answers": declared.answers,
                "layers": [vars(layer) for layer in declared.layers], "notes": adopted.notes,
                "check": None if adopted.check is None else vars(adopted.check),
            }
        )  # fmt: skip
        return
    _print(adopted.classifier)
    for line in (*adopted.notes, *(adopted.check.words if adopted.check else ())):
        click.echo(f"note: {plain(line)}")
    if not listing:
        click.echo(f"{'encoder' if is_encoder else 'classifier'}: {out}")


def _print(classifier: ForeignClassifier) -> None:
    declared, card = classifier.declared, classifier.card
    console = Console(highlight=False)
    is_encoder = classifier.is_encoder
    answers = "none: its layers are features beside those of a classifier" if is_encoder else (
        f"{declared.answers}, in its output {declared.output}"
    )  # fmt: skip
    for title, text in (
        *(() if is_encoder else (("classes", ", ".join(card.classes)),)), ("reads", str(card.inputs)),
        ("answers", answers),
    ):  # fmt: skip
        console.print(f"{title:<9}{escape(plain(text))}", soft_wrap=True)
    if declared.layers:
        shown = table("", "layer", "kind", "shape", "name in the model", numbers=slice(0))
        for layer in declared.layers:
            shape = " × ".join(map(str, layer.shape))
            shown.add_row(escape(plain(layer.name)), layer.kind, shape, escape(plain(layer.array)))
        console.print(shown)
