"""Orders that the sections of a study's report share: correctors, the ranked Harm, and networks to compare with."""

from __future__ import annotations

import math

from mien.experiments.tables import PERCENTS
from mien.report.common.run_figures import grouped, names, number, rows
from mien.storage.layout import FULL, RETRAINED
from mien.storage.run import Run

NETWORKS = {FULL: "full network", RETRAINED: "retrained network"}
"""Cells that are references, and their names for readers."""


def level(run: Run) -> int:
    """The Harm, in percent, at which correctors are ranked: the one of 1, 2, 5 next to the budget in force."""
    budget = run.manifest().get("policy", {}).get("budget", 0.02)
    return min(PERCENTS, key=lambda percent: abs(math.log(percent / 100) - math.log(budget)))


def correctors_best_first(run: Run) -> list[str]:
    """The correctors by their mean Gain at the Harm of the budget on calibrate, best first: test selects nothing."""
    summary = grouped(rows(run, "summary"), "corrector")
    gains = {name: number(found, "selection").value for name, found in summary.items()}
    known = names(run, "correctors") or list(gains)
    return sorted(
        known, key=lambda name: (-gains[name] if gains.get(name, math.nan) >= 0 else math.inf, known.index(name))
    )


def certifies(run: Run) -> bool:
    """Whether thresholds were chosen by the rule that certifies the budget; the other rules guarantee nothing."""
    return bool(run.manifest().get("policy", {}).get("rule", "certified") == "certified")
