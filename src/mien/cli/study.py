"""mien study: the main job."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.certify.policy import Policy
from mien.cli.notes import note_data
from mien.cli.options import build, options, trained_by
from mien.data.prepare import DataSettings, prepare
from mien.experiments.executor import ENGINES
from mien.experiments.settings import StudySettings
from mien.nets.settings import TrainSettings
from mien.storage.output import prepare_output_dir

EXAMPLE = """Leave each class out in turn, train, correct, score, and draw the report.

    \b
    Example:
      mien study synthetic --out runs/first
      mien study path/to/ferplus --class-counts raf --seeds 0,1,2 --corrector logistic --out runs/raf

    Stop it at any moment and run the same command again: finished work is kept.
    """


@click.command(help=EXAMPLE)
@click.argument("data")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/study"), show_default=True, help="run folder"
)
@click.option("--corrector", multiple=True, help="corrector, can be repeated; xgboost and logistic by default")
@click.option(
    "--engine", type=click.Choice(ENGINES), default=ENGINES[0], show_default=True, help="the numbers are the same"
)
@click.option("--json", "as_json", is_flag=True, help="print the summary as JSON")
@options(StudySettings, DataSettings, TrainSettings, Policy)
def study(data: str, out: Path, corrector: tuple[str, ...], engine: str, as_json: bool, **values: Any) -> None:
    from mien.cli.progress import decoding, watching
    from mien.cli.summary import figures
    from mien.experiments.leave_one_out.study import run
    from mien.experiments.preflight import check
    from mien.report.study import page, tables

    settings = assemble(data, values)
    if corrector:
        settings = build(
            StudySettings,
            {**values, "correctors": corrector},
            data=settings.data,
            train=settings.train,
            policy=settings.policy,
        )
    check(settings.train, [settings.base], settings.correctors, colour=settings.data.colour)
    with prepare_output_dir(out, "study", "run.json", sources=[data]):
        with decoding() as progress:
            pictures = prepare(settings.data, progress)
        note_data(pictures.problems)
        with watching(settings.train.epochs) as watch:
            done = run(settings, out, engine_name=engine, command=command_line(), watch=watch)
        tables.build(done)
        report = page.write(done)
    if as_json:
        click.echo(json.dumps(figures(done), indent=2))
    else:
        _print(figures(done)["classes"])
        click.echo(f"report: {report}")


def assemble(data: str, values: dict[str, Any]) -> StudySettings:
    """The settings of a study from the values of its flags."""
    parts: dict[str, Any] = {
        "data": build(DataSettings, values, source=data),
        "train": trained_by(values["base"], values),
        "policy": build(Policy, values),
    }
    return build(StudySettings, values, **parts)


def command_line() -> str:
    """How this was called, to call it again."""
    return shlex.join(["mien", *sys.argv[1:]])


def _print(classes: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        "corrector",
        "class",
        "gain",
        "harm",
        "ΔFPR",
        "P",
        "AUROC",
        title="Classes won back by the corrector in force (mean over seeds)",
        title_justify="left",
    )
    for column in table.columns[2:]:
        column.justify = "right"
    for corrector, found in classes.items():
        for name, row in found.items():
            cells = (
                f"{row[key]:.3f}" if row[key] is not None else "–"
                for key in ("gain", "harm", "delta_fpr", "restored", "auroc")
            )
            table.add_row(escape(corrector), escape(name), *cells)
        table.add_section()
    console.print(table)
