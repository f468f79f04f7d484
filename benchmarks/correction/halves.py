"""How sure a better threshold must be: chosen on one half of *calibrate*, judged on the other, never on test."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np

from mien.certify import aims
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.metrics.classification import macro_recall
from mien.types import Bools, Floats, LabelSet, Proposal

ERRORS = (0.0, 1.0, 2.0, 3.0, 1e9)
SPLITS = 40
AIM = "macro_recall"
NOTABLE = -0.3
"""Points of macro recall."""


def lines(
    calibrations: Sequence[tuple[CalibrationSet, int]], labelset: LabelSet, budget: float
) -> list[dict[str, object]]:
    """For each number of standard errors: points of macro recall on the other half, over correctors and splits.

    Parameters
    ----------
    calibrations : calibration sets and their target classes.
    """
    rows: list[dict[str, object]] = []
    for errors in ERRORS:  # the last is more than any difference
        points = np.concatenate([_points(each, target, labelset, budget, errors) for each, target in calibrations])
        name = "never: the break-even alone" if errors == ERRORS[-1] else f"{errors:g}"
        share = float((points < NOTABLE).mean())
        rows.append(
            {
                "moved if better by standard errors": name, "points of macro recall": float(points.mean()),
                "lowest 5 %": float(np.quantile(points, 0.05)), "lowest 1 %": float(np.quantile(points, 0.01)),
                f"share below {NOTABLE}": share,
            }
        )  # fmt: skip
    return rows


def _points(calibration: CalibrationSet, target: int, labelset: LabelSet, budget: float, errors: float) -> Floats:
    """(SPLITS,) change of macro recall on the half that thresholds were not chosen on."""
    least = calibration.certify(Policy(budget, aim=aims.SPENDS_ALL), labelset).thresholds
    score, base, truth, rng = calibration.joint.score, calibration.base, calibration.truth, np.random.default_rng(0)
    groups = np.arange(len(score)).astype(str) if calibration.groups is None else calibration.groups
    names, unit = np.unique(groups, return_inverse=True)
    points = []
    for _ in range(SPLITS):
        chosen: Bools = (rng.permutation(len(names)) < len(names) / 2)[unit]
        given = Proposal(None, score[chosen], np.full(int(chosen.sum()), target))  # type: ignore[arg-type]
        with patch.object(aims, "ERRORS", errors):
            worth = aims.worth_matrix(truth[chosen], labelset, AIM)
            thresholds, *_ = aims.raised(given, truth[chosen], base[chosen], least, worth)
        final = np.where((score > thresholds[base]) & (base != target), target, base)[~chosen]
        before, after = (macro_recall(truth[~chosen], answers, len(labelset)) for answers in (base[~chosen], final))
        points.append(100 * (after - before))
    return np.array(points)
