"""A classifier of scikit-learn, corrected once as an estimator and once as the ONNX file that skl2onnx writes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import mien
from benchmarks.common import Figure, Result, mean_of_defined
from mien.metrics.correction import scores
from mien.metrics.ranking import gain_at_harm
from mien.types import Decision, Floats, Ints

LEFT_OUT, BUDGET, CORRECTOR = 9, 0.02, "nystroem"
WAYS = ("estimator", "onnx")
NAMES = ("gain_at_harm_2", "recall_before", "recall_after", "harm", "certified")


def digits(result: Result) -> None:
    """Gain, recall and certificate of both ways, and how many decisions differ between them."""
    repeats = 1 if result.options.quick else 5
    rows: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    differ, gaps = [], []
    for seed in range(repeats):
        measured, decisions = _both(seed)
        for way in WAYS:
            rows[way].append(measured[way])
        first, second = (decisions[way] for way in WAYS)
        differ.append(float((first.final != second.final).sum()))
        gaps.append(float(np.abs(_scores(first) - _scores(second)).max()))
    lines = []
    for way in WAYS:
        lines.append({"way": way, **dict(zip(NAMES, mean_of_defined(rows[way], axis=0), strict=True))})
        for place, name in enumerate(NAMES):
            result.figures[f"digits_{way}_{name}"] = Figure.over([row[place] for row in rows[way]], repeats)
    result.figures["digits_decisions_that_differ"] = Figure.over([max(differ)], repeats)
    result.figures["digits_largest_difference_of_scores"] = Figure.over([max(gaps)], repeats)
    result.table(f"Digits, {LEFT_OUT} left out, {CORRECTOR}, budget 2 %, mean of {repeats} seeds", lines)


def _both(seed: int) -> tuple[dict[str, list[float]], dict[str, Decision]]:
    """For each way the figures named NAMES, and its decisions for the test rows."""
    X, y = load_digits(return_X_y=True)
    train, rest, test = np.split(np.random.default_rng(seed).permutation(len(y)), [500, 1300])
    known = train[y[train] != LEFT_OUT]
    forest = RandomForestClassifier(200, random_state=seed).fit(X[known], y[known])
    measured, decisions = {}, {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        path.write_bytes(to_onnx(forest, X[:1].astype(np.float32), options={"zipmap": False}).SerializeToString())
        of_file = mien.open(str(path), classes=tuple(map(str, forest.classes_)))
        for way, f in zip(WAYS, (forest, of_file), strict=True):
            corrected = mien.correct(
                f, (X[rest], y[rest]), [LEFT_OUT], corrector=CORRECTOR, budget=BUDGET, assume_unseen=True
            )
            decisions[way] = corrected.decide(X[test])
            holds = corrected.certificate_ is not None and corrected.certificate_.holds
            measured[way] = [*_figures(decisions[way], y[test]), float(holds)]
    return measured, decisions


def _figures(decision: Decision, truth: Ints) -> list[float]:
    """Gain at Harm 2 %, recall of the digit before and after, and Harm."""
    compared = scores(truth, decision.base, decision.final, 10)
    missed = (truth == LEFT_OUT) & (decision.base != LEFT_OUT)
    counts = (decision.base == truth) & (truth != LEFT_OUT)
    recalls: list[Any] = [rates.values[LEFT_OUT] for rates in (compared.recall_before, compared.recall_after)]
    harm = compared.harm.hits.sum() / compared.harm.totals.sum()
    return [gain_at_harm(_scores(decision), missed, counts, BUDGET), *map(float, recalls), float(harm)]


def _scores(decision: Decision) -> Floats:
    assert decision.score is not None
    return decision.score
