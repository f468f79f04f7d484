"""mien compare: treatments of unbalanced classes, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from mien.certify.policy import Policy
from mien.cli.options import build, command_line, engine_option, options, out_option
from mien.cli.terminal import decimals, print_json, table
from mien.data.prepare import DataSettings
from mien.experiments.settings import CompareSettings
from mien.nets.settings import TrainSettings
from mien.report.common.run_figures import grouped, number, rows
from mien.report.treatments.advice import KEY, REAL, advised, differences_from_none, treatments_best_first
from mien.storage.run import Run


@click.command()
@click.argument("source", metavar="DATA")
@out_option("runs/compare")
@engine_option
@click.option("--json", "as_json", is_flag=True, help="print the ranking as JSON")
@options(
    CompareSettings,
    DataSettings,
    TrainSettings,
    Policy,
    without=("weight_power", "weighting", "class_weight_target", "reweight_after", "sampling", "action"),
)
def compare(out: Path, engine: str, as_json: bool, **values: Any) -> None:
    """Train each model under each treatment of unbalanced classes, and recommend one for these data.

    \b
    Example:
      mien compare synthetic:n=2000 --models threeconv --epochs 20 --out runs/compare
      mien compare path/to/ferplus --models attention,threeconv --treatments none,weights,new-head --out runs/compare
      mien compare path/to/legend.csv --treatments none,oversample:1000,augment:3000,corrector --out runs/compare

    Stop it at any moment and run the same command again: finished work is kept, and more models, treatments or seeds
    may be named.
    """
    from mien.cli.progress import progress
    from mien.cli.report import make_report
    from mien.experiments.treatments.comparison import compare as compare_

    settings = build(CompareSettings, values)
    with progress() as on_event:
        done = compare_(settings, out, executor=engine, command=command_line(), on_event=on_event, finish=make_report)
    figures = as_figures(done)
    if as_json:
        print_json(figures)
        return
    _print(figures)
    click.echo(f"report: {done.path('report.html')}")


def as_figures(run: Run) -> dict[str, Any]:
    """The ranking for machines: means over the seeds, the best on calibrate first."""
    by_key = grouped(rows(run, "treatments"), *KEY)
    differences = differences_from_none(run)
    ranking = []
    for key in treatments_best_first(run):
        row = differences.get(key)
        figures = {
            name: number(by_key[key], name).value for name in ("macro_recall", "macro_f1", "accuracy", "seconds")
        }
        against = {name: row[name] for name in ("difference", "low", "high", "p_holm")} if row else None
        ranking.append(
            {
                "model": key[0], "treatment": key[1], **figures, "against_none": against,
                "collapsed": sum(result["collapsed"] for result in by_key[key]),
            }
        )  # fmt: skip
    return {"advice": [line for _, line in advised(run)], "ranking": ranking, "seeds": run.manifest()["seeds"]}


def _print(figures: dict[str, Any]) -> None:
    columns = ("model", "treatment", "macro recall", "macro F1", "accuracy", "against none")
    shown = table("On test, best on calibrate first (means over seeds)", *columns, numbers=slice(2, None))
    for row in figures["ranking"]:
        against = row["against_none"]
        change = (
            decimals(against["difference"], "+.3f") + (" *" if against["p_holm"] < REAL else "") if against else "–"
        )
        cells = (decimals(row[name]) for name in ("macro_recall", "macro_f1", "accuracy"))
        fallen = " (collapsed)" if row["collapsed"] else ""
        shown.add_row(escape(row["model"]), escape(row["treatment"] + fallen), *cells, change)
    Console().print(shown)
    for line in figures["advice"]:
        click.echo(line)
