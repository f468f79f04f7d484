"""The figures of a study in a few lines, for the terminal and `--json`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mien.runs import Run


def figures(run: Run) -> dict[str, Any]:
    """{"summary": {corrector: means}, "classes": {corrector: {class: figures}}}: means over seeds or None."""
    manifest = run.manifest()
    gains, costs = run.read_table("gain"), run.read_table("delta_fpr")
    ranking = [row for row in run.read_table("ranking") if row["fitted_on"] == "correct"]
    restored = [row for row in run.read_table("restored") if row["label"] == row["left_out"]]
    harms = run.read_table("harm")
    classes: dict[str, Any] = {}
    for corrector in manifest["correctors"]:
        classes[corrector] = {
            name: {
                "gain": _mean(gains, "rate", corrector, name),
                "harm": _pooled_harm(harms, corrector, name),
                "delta_fpr": _mean(costs, "delta_fpr", corrector, name),
                "restored": _mean(restored, "restored", corrector, name),
                "auroc": _mean(ranking, "auroc", corrector, name),
                "gain_at_harm_2": _mean(ranking, "gain_at_harm_2", corrector, name),
            }
            for name in manifest["left_out"]
        }
    summary = {}
    for corrector in manifest["correctors"]:
        rows = [row for row in run.read_table("summary") if row["corrector"] == corrector]
        keys = [key for key in (rows[0] if rows else ()) if key not in ("seed", "corrector")]
        summary[corrector] = {key: _average([row[key] for row in rows]) for key in keys}
    return {"run": str(run.folder), "seeds": manifest["seeds"], "summary": summary, "classes": classes}


def _mean(rows: list[dict[str, Any]], key: str, corrector: str, left_out: str) -> float | None:
    return _average([row[key] for row in rows if row["corrector"] == corrector and row["left_out"] == left_out])


def _pooled_harm(rows: list[dict[str, Any]], corrector: str, left_out: str) -> float | None:
    """Harm over all known classes together, the quantity that is certified."""
    chosen = [
        row
        for row in rows
        if row["corrector"] == corrector and row["left_out"] == left_out and row["label"] != left_out
    ]
    by_seed = {row["seed"] for row in chosen}
    shares = []
    for seed in by_seed:
        hits = sum(row["hits"] for row in chosen if row["seed"] == seed)
        total = sum(row["total"] for row in chosen if row["seed"] == seed)
        shares.append(hits / total if total else math.nan)
    return _average(shares)


def _average(values: list[float]) -> float | None:
    finite = [value for value in values if not math.isnan(value)]
    return round(float(np.mean(finite)), 6) if finite else None
