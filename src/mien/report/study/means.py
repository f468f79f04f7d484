"""The table `summary`: means over the left-out classes, one row for each seed and corrector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.experiments.tables import PERCENTS
from mien.metrics.classification import macro_recall
from mien.metrics.correction import column_means, harm_matrix
from mien.report.study.collect import Case, Tested, by_corrector, matrix
from mien.storage.csv_tables import Row
from mien.storage.layout import FULL, RETRAINED
from mien.types import Floats

OF_THE_SCORE = ("auroc", *(f"{name}_{p}" for name in ("gain_at_harm", "restored_at_equal_harm") for p in PERCENTS))


def summary(cases: Sequence[Case], ranks: Sequence[Row]) -> list[Row]:
    """Means of the defined figures, and, as n_…, over how many left-out classes that was.

    Harm is averaged over the other classes first; "weighted" means weigh classes by their test pictures. `selection`,
    by which the best corrector is chosen, is measured on *calibrate*. Figures of the score alone, taken from the
    table `ranking`, are of the corrector fitted on all of *correct*.
    """
    rank = {(row["seed"], row["corrector"], row["left_out"]): row for row in ranks if row["fitted_on"] == "correct"}
    table: list[Row] = []
    for (seed, corrector), study in by_corrector(cases).items():
        row: dict[str, Any] = {"seed": seed, "corrector": corrector}
        for name, (values, weights) in _figures(study, [rank[*case.key.values()] for case in study]).items():
            row[name], row[f"n_{name}"] = _mean(np.asarray(values, dtype=float), weights)
        table.append(row)
    return table


def _figures(study: Sequence[Case], ranks: Sequence[Row]) -> dict[str, tuple[Sequence[float], Floats | None]]:
    """Per figure its value for each left-out class, and the weights of the classes if they do not count alike."""
    left = [case.left for case in study]
    support = study[0].scores.support.astype(float)
    harm = matrix(study, harm_matrix)
    gains = [case.scores.gain.values[case.left] for case in study]
    return {
        "selection": ([case.selection for case in study], None),
        "mean_gain": (gains, None),
        "weighted_gain": (gains, support[left]),
        "mean_harm": (column_means(harm)[left].tolist(), None),
        "weighted_harm": (column_means(harm, support)[left].tolist(), None),
        "mean_delta_fpr": ([case.scores.delta_fpr[case.left] for case in study], None),
        "mean_restored": ([case.restored[0] for case in study], None),
        "macro_recall_f": ([case.answers.recall_before.mean() for case in study], None),
        "macro_recall_h": ([case.answers.recall_after.mean() for case in study], None),
        "macro_recall_full": ([_macro(case.references.get(FULL)) for case in study], None),
        "macro_recall_retrained": ([_macro(case.references.get(RETRAINED)) for case in study], None),
        **{f"mean_{name}": ([row[name] for row in ranks], None) for name in OF_THE_SCORE},
    }


def _macro(tested: Tested | None) -> float:
    return math.nan if tested is None else macro_recall(tested.truth, tested.predicted, tested.probs.shape[1])


def _mean(values: Floats, weights: Floats | None) -> tuple[float, int]:
    """Mean of the defined values, weighted or not, and how many there are."""
    defined = ~np.isnan(values)
    share = (np.ones(len(values)) if weights is None else weights)[defined]
    mean = float(values[defined] @ share / share.sum()) if share.sum() > 0 else math.nan
    return mean, int(defined.sum())
