"""How much a patch for one known class could win at most: a retrained network as corrector, its threshold from test."""

from __future__ import annotations

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.correction.cases import Study
from benchmarks.correction.scored import network_probs
from mien.certify.aims import worth_matrix
from mien.types import Floats, Ints

LEAST = 1e-9
"""Probability below which the network does not tell classes apart."""


def table(study: Study, result: Result) -> None:
    """Points of macro recall by class; a corrector that must choose its threshold before test will win less."""
    points = np.array([[best(study, seed, target) for seed in study.seeds] for target in range(len(study.labelset))])
    lines: list[dict[str, object]] = [
        {"class": name, "points of macro recall": Figure.over(values, len(values), study.seeds)}
        for name, values in zip(study.labelset.names, points, strict=True)
    ]
    mean = Figure.over(points.mean(0), len(study.labelset), study.seeds)
    result.figures["known_macro_recall_change_ceiling"] = mean
    result.table(
        "Ceiling of a patch for one known class: the network retrained on train and correct, best threshold on test",
        [*lines, {"class": "mean", "points of macro recall": mean}],
    )


def best(study: Study, seed: int, target: int) -> float:
    """The most points of macro recall that overrides to one class can win, over all thresholds."""
    truth, base = study.truths[seed], study.answers["full"][seed]
    log_probs: Floats = np.log(np.maximum(network_probs(study.r2[seed], study.parts[seed]), LEAST))
    return most(log_probs, truth, base, worth_matrix(truth, study.labelset, "macro_recall"), target)


def most(log_probs: Floats, truth: Ints, base: Ints, worth: Floats, target: int) -> float:
    """The largest sum of changes over the images with the highest scores, in points.

    Parameters
    ----------
    log_probs : (N, K) of the corrector. truth, base : (N,) labels and answers before. worth : (K, K) of `worth_matrix`.
    """
    counts = np.bincount(truth, minlength=log_probs.shape[1])
    score = log_probs[:, target] - log_probs[np.arange(len(base)), base]
    even = np.log(np.maximum(counts[target], 1)) - np.log(np.maximum(counts, 1))
    change = np.where(base == target, 0.0, worth[truth, target] - worth[truth, base])
    won = np.cumsum(change[np.argsort(even[base] - score, kind="stable")])
    return float(100 * max(0.0, won.max()))
