"""mien train: one base classifier."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from mien.cli.options import build, command_line, options, out_option, trained_by
from mien.cli.terminal import decimals, print_json, table
from mien.data.prepare import DataSettings
from mien.experiments.settings import ClassifierSettings
from mien.nets.settings import TrainSettings


@click.command()
@click.argument("source", metavar="DATA")
@out_option("runs/train")
@click.option("--seed", type=int, default=0, show_default=True, help="seed of split and model")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(ClassifierSettings, DataSettings, TrainSettings, without=("seeds",))
def train(out: Path, seed: int, as_json: bool, **values: Any) -> None:
    """Train one base classifier on the train part and score it on the test part, class by class.

    \b
    Example:
      mien train synthetic:n=2000 --epochs 10 --out runs/base
    """
    from mien.cli.progress import progress
    from mien.experiments.training.recalls import recalls_on_test
    from mien.experiments.training.training import train as train_

    settings = build(ClassifierSettings, values, train=trained_by(values["base"], values), seeds=(seed,))
    with progress() as on_event:
        done = train_(settings, out, command=command_line(), on_event=on_event)
    result = recalls_on_test(done, seed)
    if as_json:
        print_json(result)
        return
    shown = table("Test part", "class", "right", "of", "recall", "95 % interval", numbers=slice(0))
    for row in result["classes"]:
        interval = "–" if math.isnan(row["recall"]) else f"{row['low']:.3f}–{row['high']:.3f}"
        shown.add_row(escape(row["class"]), str(row["hits"]), str(row["total"]), decimals(row["recall"]), interval)
    Console().print(shown)
    click.echo(f"accuracy {result['accuracy']:.3f}, macro recall {result['macro_recall']:.3f}")
    click.echo(f"model: {result['model']}")
