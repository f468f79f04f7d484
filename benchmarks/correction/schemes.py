"""All labelled pictures for both jobs: schemes of fitting and certifying, on drawn faces, f fixed.

Each of 200 times the labelled pictures are drawn anew, and a corrector is fitted and certified on them in several ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import Result
from benchmarks.correction.guarantee import BUDGETS, REPEATS, Drawn, read
from mien.certify.thresholds import CONFIDENT, EXPECTED, order_statistic_threshold
from mien.correctors.linear import LDA
from mien.nets.device import keep_freed_memory
from mien.types import Bools, Floats, Ints, Outputs

LABELLED = 2500
"""Faces to fit and to certify on, each time."""
FOLDS = 5
DELTA = 0.05
PROVED, APPROXIMATE = "proved", "approximate"


@dataclass(frozen=True)
class Scores:
    """What correctors fitted on parts of the same labelled pictures give.

    Attributes
    ----------
    right : (N,) labelled pictures that f had right. fold : (N,) of them.
    split : share to fit on → scores of the rest (N,), NaN on what was fitted on, and of the test pictures.
    left_out : (N,) each picture's score by the member that was not fitted on its fold.
    members : (FOLDS, T) of the test pictures, by each member. whole : (T,) by a corrector fitted on all.
    """

    right: Bools
    fold: Ints
    split: dict[float, tuple[Floats, Floats]]
    left_out: Floats
    members: Floats
    whole: Floats

    @classmethod
    def of(cls, outputs: Outputs, labels: Ints, tested: Outputs, drawn: Drawn, seed: int) -> Scores:
        order = np.random.default_rng(seed).permutation(len(labels))
        fold = np.empty(len(labels), int)
        fold[order] = np.arange(len(labels)) % FOLDS

        def scored(learn: Bools) -> tuple[Floats, Floats]:
            g = LDA(drawn.absent).fit(outputs.take(np.flatnonzero(learn)), labels[learn])
            return np.where(learn, np.nan, g.propose(outputs).score), g.propose(tested).score

        fits = [scored(fold != number) for number in range(FOLDS)]
        left_out = np.nansum([held for held, _ in fits], axis=0)
        split = {0.6: scored(fold < 3), 0.8: fits[-1]}
        whole = scored(np.ones(len(labels), bool))[1]
        right = (outputs.predicted == labels) & drawn.known[labels]
        return cls(right, fold, split, left_out, np.stack([test for _, test in fits]), whole)

    def overrides(self, budget: float) -> Iterator[tuple[str, str, int, Bools]]:
        """Scheme, whether its guarantee is proved, number of fits, and (T,) which test pictures it overrides."""
        for share, (held, test) in self.split.items():
            calibrate = self.right & ~np.isnan(held)
            for kind in (CONFIDENT, EXPECTED):
                name = f"{100 * share:.0f} : {100 - 100 * share:.0f}, {kind}"
                yield name, PROVED, 1, test > threshold(held[calibrate], budget, kind)
        test = np.arange(self.members.shape[1])
        taus = [threshold(self.left_out[self.right & (self.fold == k)], budget, EXPECTED) for k in range(FOLDS)]
        chosen = test % FOLDS  # each picture has one member, whatever it shows
        one = self.members[chosen, test] > np.array(taus)[chosen]
        yield f"{FOLDS} members, each with its own threshold, one a picture, {EXPECTED}", PROVED, FOLDS, one
        for kind in (CONFIDENT, EXPECTED):
            tau = threshold(self.left_out[self.right], budget, kind)
            yield (
                f"{FOLDS} members averaged, out-of-fold threshold, {kind}",
                APPROXIMATE,
                FOLDS,
                self.members.mean(0) > tau,
            )
            yield f"fitted again on all, out-of-fold threshold, {kind}", APPROXIMATE, FOLDS + 1, self.whole > tau
        shrunk = threshold(self.left_out[self.right], 0.85 * budget, CONFIDENT)
        yield f"fitted again on all, 85 % of the budget, {CONFIDENT}", APPROXIMATE, FOLDS + 1, self.whole > shrunk
        yield f"cross-conformal (CV+) at half the budget, {EXPECTED}", PROVED, FOLDS, self.cross_conformal(budget)

    def cross_conformal(self, budget: float) -> Bools:
        """(T,) whether the cross-conformal p-value is so small that 2α' and a remainder stay within the budget.

        R. F. Barber, E. J. Candès, A. Ramdas, R. J. Tibshirani, *Predictive inference with the jackknife+*, Annals of
        Statistics 2021, theorem 4.
        """
        n = int(self.right.sum())
        remainder = min(2 * (1 - 1 / FOLDS) / (n / FOLDS + 1), (1 - FOLDS / n) / (FOLDS + 1))
        above = np.ones(self.members.shape[1])
        for number in range(FOLDS):
            ordered = np.sort(self.left_out[self.right & (self.fold == number)])
            above += len(ordered) - np.searchsorted(ordered, self.members[number], side="left")
        return np.asarray(above / (n + 1) <= (budget - remainder) / 2)


def threshold(scores: Floats, budget: float, kind: str) -> float:
    return order_statistic_threshold(scores, None, budget, DELTA, kind=kind).threshold


def table(result: Result) -> None:
    """Harm and Gain of each scheme over redrawn labelled pictures."""
    quick = bool(result.options.quick)
    repeats, labelled = (3, 300) if quick else (REPEATS, LABELLED)
    keep_freed_memory()
    harms: dict[tuple[float, str], list[float]] = defaultdict(list)
    gains: dict[tuple[float, str], list[float]] = defaultdict(list)
    about: dict[str, tuple[str, int]] = {}
    with threadpool_limits(2):
        drawn = Drawn.trained(quick)
        tested, truth = read(drawn.model, 1000 if quick else 50_000, 30_000_000)
        right = (tested.predicted == truth) & drawn.known[truth]
        new = truth == drawn.absent
        for number in range(repeats):
            outputs, labels = read(drawn.model, labelled, 40_000_000 + number * labelled)
            scores = Scores.of(outputs, labels, tested, drawn, number)
            for budget in BUDGETS:
                for name, proof, fits, overridden in scores.overrides(budget):
                    harms[budget, name].append(float(overridden[right].mean()))
                    gains[budget, name].append(float(overridden[new].mean()))
                    about[name] = proof, fits
    lines = [
        {
            "budget": f"{100 * budget:g} %", "scheme": name, "guarantee": about[name][0], "fits": about[name][1],
            "over the budget": int((np.array(values) > budget).sum()), "mean Harm": float(np.mean(values)),
            "share of the budget spent": float(np.mean(values)) / budget, "spread of Harm": float(np.std(values)),
            "Gain": float(np.mean(gains[budget, name])),
        }
        for (budget, name), values in harms.items()
    ]  # fmt: skip
    result.table(f"Schemes: {repeats} times {labelled} labelled drawn faces, f fixed, δ = 5 %", lines)
