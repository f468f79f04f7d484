"""What the pictures of the documentation are drawn from: Gain against Harm, scores of an easy and of a hard class."""

from __future__ import annotations

import numpy as np

from benchmarks.common import Figure, Result, mean_of_defined
from benchmarks.correction.cases import PAPER, Study, mean_over_classes, on_calibrate
from mien.certify.policy import Policy
from mien.metrics.ranking import gain_curve

HARMS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
"""Percent."""
BINS = 40


def against_harm(study: Study, result: Result, best: str) -> None:
    """Mean Gain over the classes at many Harms: correctors, and networks that were trained on the class."""
    harms = np.array(HARMS) / 100
    own = {left: study.readings(best)[left] for left in study.classes}
    curves: dict[str, list[list[np.ndarray]]] = {}
    for name in dict.fromkeys((PAPER, "logistic" if "logistic" in study.names else PAPER, best)):
        curves[name] = [
            [gain_curve(one.score_all, one.new, one.counts, harms) for one in of]
            for of in study.readings(name).values()
        ]
    for name in ("control", "R1", "R2"):
        curves[name] = [
            [
                gain_curve(score, one.new, one.counts, harms)
                for one, score in zip(own[left], study.references(left)[name], strict=True)
            ]
            for left in study.classes
        ]
    lines = []
    for name, of in curves.items():
        values = np.array(of)  # (classes, seeds, harms)
        line: dict[str, object] = {"score": name}
        for place, harm in enumerate(HARMS):
            means = mean_over_classes(values[:, :, place].tolist())
            line[f"{harm:g} %"] = Figure.over(means, len(study.classes), study.seeds)
        lines.append(line)
    result.table("Gain against Harm: means over the classes, fitted on all of correct", lines)


def score_shapes(study: Study, result: Result, best: str) -> None:
    """How the certified scores of the easiest and the hardest class (by calibrate) lie about their thresholds."""
    ease = {
        left: float(mean_of_defined([on_calibrate(one) for one in of])) for left, of in study.readings(best).items()
    }
    lines: list[dict[str, object]] = []
    for left in dict.fromkeys((max(ease, key=ease.__getitem__), min(ease, key=ease.__getitem__))):
        one = study.reading(study.seeds[0], left, best)
        edges = np.linspace(*np.quantile(one.score, [0.001, 0.999]), BINS + 1)
        kept = np.clip(one.score, edges[0], edges[-1])
        new, right = (np.histogram(kept[mask], edges)[0] / mask.sum() for mask in (one.new, one.counts))
        for place in range(BINS):
            lines.append(
                {
                    "left out": left,
                    "from": float(edges[place]),
                    "new": float(new[place]),
                    "f right": float(right[place]),
                }
            )
        for budget in (1, 2, 5):
            done = one.corrected(Policy(budget / 100))
            threshold = float(one.certified(Policy(budget / 100)).guarantees[0].threshold)
            gain = float(done.gain.values[one.left])
            lines.append({"left out": left, "budget": f"{budget} %", "τ": threshold, "Gain": gain})
    result.table(f"Scores of {best} on test, and certified thresholds: the easiest and the hardest class", lines)
