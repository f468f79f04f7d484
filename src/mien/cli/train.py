"""mien train: one base classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.cli.notes import note_data
from mien.cli.options import build, options, trained_by
from mien.data.prepare import DataSettings, prepare
from mien.experiments.settings import StudySettings
from mien.nets.settings import BASE_HELP, TrainSettings
from mien.storage.output import prepare_output_dir


@click.command()
@click.argument("data")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/train"), show_default=True, help="run folder"
)
@click.option("--base", default="attention", show_default=True, help=BASE_HELP)
@click.option("--seed", type=int, default=0, show_default=True, help="seed of split and model")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@options(DataSettings, TrainSettings)
def train(data: str, out: Path, base: str, seed: int, as_json: bool, **values: Any) -> None:
    """Train one base classifier on the train part and score it on the test part, class by class.

    \b
    Example:
      mien train synthetic:n=2000 --epochs 10 --out runs/base
    """
    from mien.cli.progress import decoding, watching
    from mien.cli.study import command_line
    from mien.experiments.leave_one_out.study import run
    from mien.experiments.preflight import check
    from mien.experiments.results import recalls_on_test

    settings = StudySettings(
        build(DataSettings, values, source=data), trained_by(base, values), base=base, seeds=(seed,)
    )
    check(settings.train, [base], colour=settings.data.colour)
    with prepare_output_dir(out, "train", "run.json", sources=[data]):
        with decoding() as progress:
            pictures = prepare(settings.data, progress)
        note_data(pictures.problems)
        with watching(settings.train.epochs) as watch:
            done = run(settings, out, kind="train", command=command_line(), watch=watch)
    result = recalls_on_test(done, seed)
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    table = Table("class", "right", "of", "recall", "95 % interval", title="Test part", title_justify="left")
    for row in result["classes"]:
        rate = "–" if row["recall"] is None else f"{row['recall']:.3f}"
        interval = "–" if row["recall"] is None else f"{row['low']:.3f}–{row['high']:.3f}"
        table.add_row(escape(row["class"]), str(row["hits"]), str(row["total"]), rate, interval)
    Console().print(table)
    click.echo(
        f"accuracy {result['accuracy']:.3f}, macro recall {result['macro_recall']:.3f}\nmodel: {result['model']}"
    )
