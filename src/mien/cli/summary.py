"""The figures of a study in a few lines, for the terminal and `--json`."""

from __future__ import annotations

import math
from typing import Any

from mien.certify.thresholds import POOLED
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


def figures(run: Run) -> dict[str, Any]:
    """The figures of a study: {"summary": {corrector: means}, "classes": {corrector: {class: figures}}}.

    Figures are means over seeds, or None. Those by class are of the corrector in force, fitted on *fit*; Harm is
    pooled over the known classes. The means are the table `summary`, with its figures of the score alone of the
    corrector fitted on all of *correct*; "fitted_on" says so.
    """
    correctors = names(run, "correctors")
    return {
        "run": str(run.folder),
        "seeds": run.manifest()["seeds"],
        "fitted_on": {"summary": "correct", "classes": "fit"},
        "summary": {name: _means(run, name) for name in correctors},
        "classes": {name: {left: _of_class(run, name, left) for left in names(run, "left_out")} for name in correctors},
    }


def _means(run: Run, corrector: str) -> dict[str, float | None]:
    found = rows(run, "summary", corrector=corrector)
    keys = [key for key in (found[0] if found else ()) if key not in ("seed", "corrector")]
    return {key: _value(number(found, key)) for key in keys}


def _of_class(run: Run, corrector: str, left_out: str) -> dict[str, float | None]:
    return {
        figure: _value(number(rows(run, table, corrector=corrector, left_out=left_out, **where), column))
        for figure, (table, column, where) in FIGURES.items()
    }


def _value(figure: Number) -> float | None:
    return None if math.isnan(figure.value) else round(figure.value, 6)
