"""mien study: leave each class out in turn, correct, and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from mien.certify.policy import Policy
from mien.certify.thresholds import POOLED
from mien.cli.options import build, command_line, engine_option, options, out_option, trained_by
from mien.cli.terminal import decimals, print_json, table
from mien.data.prepare import DataSettings
from mien.experiments.settings import StudySettings
from mien.nets.settings import TrainSettings
from mien.report.common.run_figures import Number, names, number, rows
from mien.storage.run import Run

FIGURES = {  # figure: table, column, and which of its rows
    "gain": ("gain", "rate", {}),
    "harm": ("certificates", "harm", {"group": POOLED}),
    "delta_fpr": ("delta_fpr", "delta_fpr", {}),
    "restored": ("restored", "restored", {}),  # defined for the left-out class alone
    "auroc": ("ranking", "auroc", {"fitted_on": "fit"}),
    "gain_at_harm_2": ("ranking", "gain_at_harm_2", {"fitted_on": "fit"}),
}


@click.command()
@click.argument("source", metavar="DATA")
@out_option("runs/study")
@click.option(
    "--corrector", "correctors", multiple=True, default=StudySettings.correctors,
    help="corrector, can be repeated; xgboost, the paper's, and adapter by default",
)  # fmt: skip
@engine_option
@click.option("--json", "as_json", is_flag=True, help="print the summary as JSON")
@options(StudySettings, DataSettings, TrainSettings, Policy)
def study(out: Path, engine: str, as_json: bool, **values: Any) -> None:
    """Leave each class out in turn, train, correct, score, and draw the report.

    \b
    Example:
      mien study synthetic --out runs/first
      mien study path/to/ferplus --class-counts raf --seeds 0,1,2 --corrector logistic --out runs/raf

    Stop it at any moment and run the same command again: finished work is kept.
    """
    from mien.cli.progress import progress
    from mien.cli.report import make_report
    from mien.experiments.leave_one_out.study import run
    from mien.report.study.headline import too_rare

    settings = build(StudySettings, values, train=trained_by(values["base"], values))
    with progress() as on_event:
        done = run(settings, out, executor=engine, command=command_line(), on_event=on_event, finish=make_report)
    figures = as_figures(done)
    if as_json:
        print_json(figures)
    else:
        _print(figures["classes"])
        click.echo(too_rare(done), nl=bool(figures["too_rare"]))
        click.echo(f"report: {done.path('report.html')}")


def as_figures(run: Run) -> dict[str, Any]:
    """The figures of a study: {"summary": {corrector: means}, "classes": {corrector: {class: figures}}}.

    "too_rare" names the classes that have too few pictures to be left out.

    Figures are means over seeds, or NaN. Those by class are of the corrector in force, fitted on *fit*; Harm is
    pooled over the known classes. The means are the table `summary`, with its figures of the score alone of the
    corrector fitted on all of *correct*; "fitted_on" says so.
    """
    correctors = names(run, "correctors")
    return {
        "run": str(run.folder),
        "seeds": run.manifest()["seeds"],
        "fitted_on": {"summary": "correct", "classes": "fit"},
        "too_rare": list(run.manifest().get("data", {}).get("too_rare", [])),
        "summary": {name: _means(run, name) for name in correctors},
        "classes": {name: {left: _of_class(run, name, left) for left in names(run, "left_out")} for name in correctors},
    }


def _means(run: Run, corrector: str) -> dict[str, float]:
    table = rows(run, "summary", corrector=corrector)
    keys = [key for key in (table[0] if table else ()) if key not in ("seed", "corrector")]
    return {key: _rounded(number(table, key)) for key in keys}


def _of_class(run: Run, corrector: str, left_out: str) -> dict[str, float]:
    return {
        figure: _rounded(number(rows(run, table, corrector=corrector, left_out=left_out, **where), column))
        for figure, (table, column, where) in FIGURES.items()
    }


def _rounded(figure: Number) -> float:
    return round(figure.value, 6)


def _print(classes: dict[str, Any]) -> None:
    title = "Target classes recovered by the corrector in force (mean over seeds)"
    columns = ("corrector", "class", "gain", "harm", "ΔFPR", "P", "AUROC")
    shown = table(title, *columns, numbers=slice(2, None))
    for corrector, by_class in classes.items():
        for name, row in by_class.items():
            figures = (decimals(row[key]) for key in ("gain", "harm", "delta_fpr", "restored", "auroc"))
            shown.add_row(escape(corrector), escape(name), *figures)
        shown.add_section()
    Console().print(shown)
