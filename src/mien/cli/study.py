"""mien study: the main job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.certify.policy import Policy
from mien.cli.options import build, command_line, engine_option, options, out_option, trained_by
from mien.data.prepare import DataSettings
from mien.experiments.settings import StudySettings
from mien.nets.settings import TrainSettings
from mien.storage.run import Run

EXAMPLE = """Leave each class out in turn, train, correct, score, and draw the report.

    \b
    Example:
      mien study synthetic --out runs/first
      mien study path/to/ferplus --class-counts raf --seeds 0,1,2 --corrector logistic --out runs/raf

    Stop it at any moment and run the same command again: finished work is kept.
    """


@click.command(help=EXAMPLE)
@click.argument("data")
@out_option("runs/study")
@click.option("--corrector", multiple=True, help="corrector, can be repeated; xgboost and logistic by default")
@engine_option
@click.option("--json", "as_json", is_flag=True, help="print the summary as JSON")
@options(StudySettings, DataSettings, TrainSettings, Policy)
def study(data: str, out: Path, corrector: tuple[str, ...], engine: str, as_json: bool, **values: Any) -> None:
    from mien.cli.progress import progress
    from mien.cli.summary import figures
    from mien.experiments.leave_one_out.study import run
    from mien.report.study import page, tables

    settings = build(
        StudySettings, values | ({"correctors": corrector} if corrector else {}),
        data=build(DataSettings, values, source=data), train=trained_by(values["base"], values),
        policy=build(Policy, values),
    )  # fmt: skip

    def finish(done: Run) -> None:
        tables.build(done)
        page.write(done)

    with progress() as on_event:
        done = run(settings, out, executor=engine, command=command_line(), on_event=on_event, finish=finish)
    if as_json:
        click.echo(json.dumps(figures(done), indent=2))
    else:
        _print(figures(done)["classes"])
        click.echo(f"report: {done.path('report.html')}")


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
        title="Target classes recovered by the corrector in force (mean over seeds)",
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
