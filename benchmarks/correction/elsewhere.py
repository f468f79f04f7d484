"""Nothing here is about faces alone: digits, and rare events in a table, with classifiers that are none of ours."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from benchmarks.common import Figure, Result, mean_of_defined
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.correctors.blend import Blend
from mien.correctors.boosting import XGBoost
from mien.correctors.fisher import Fisher
from mien.correctors.linear import LDA, Logistic
from mien.correctors.projection import Nystroem
from mien.metrics.correction import scores
from mien.metrics.ranking import auroc, gain_at_harm
from mien.types import LabelSet, Outputs

KINDS = {
    "xgboost": partial(XGBoost, layers=("*",)),
    "logistic": Logistic,
    "lda": LDA,
    "kernel": Nystroem,
    "fisher": Fisher,
    "blend": Blend,
}


def elsewhere(result: Result) -> None:
    """The table of both sets."""
    repeats = 1 if result.options.quick else 5
    lines = []
    for name, make in (("digits, 9 left out", digits), ("rare events, known to f", rare_events)):
        found: dict[str, list[list[float]]] = {}
        for seed in range(repeats):
            for kind, values in make(seed).items():
                found.setdefault(kind, []).append(values)
        for kind, values in found.items():
            area, gain, won, harm, before, after = mean_of_defined(values, axis=0)
            lines.append({"data": name, "corrector": kind, "AUROC": area, "Gain at 2 %": gain, "certified Gain": won,
                          "pooled Harm": harm, "recall before": before, "after": after})  # fmt: skip
            key = f"{'digits' if 'digits' in name else 'rare'}_{kind}"
            result.figures[f"{key}_gain_at_harm_2"] = Figure.over([row[1] for row in values], repeats)
    result.table(f"Other data, other classifiers, budget 2 %, mean of {repeats} seeds", lines)


def digits(seed: int) -> dict[str, list[float]]:
    """A random forest that never saw a nine; pixels stand in for activations."""
    pixels, labels = load_digits(return_X_y=True)
    train, fit, calibrate, test = np.array_split(np.random.default_rng(seed).permutation(len(labels)), [500, 900, 1300])
    seen = train[labels[train] != 9]
    forest = RandomForestClassifier(200, random_state=seed).fit(pixels[seen], labels[seen])
    probs = np.zeros((len(labels), 10))
    probs[:, forest.classes_] = forest.predict_proba(pixels)
    return judged(
        Outputs(np.arange(len(labels)).astype(str), probs, np.arange(10) != 9, {"pixels": pixels}),
        labels,
        9,
        fit,
        calibrate,
        test,
    )


def rare_events(seed: int) -> dict[str, list[float]]:
    """Fraud-like: 1 % of 40,000 rows, the base a gradient boosting that misses most; its raw table is all there is."""
    table, labels = make_classification(
        40_000, 30, n_informative=8, n_redundant=6, n_clusters_per_class=4, weights=[0.99], class_sep=0.8, flip_y=0.002,
        random_state=seed,
    )  # fmt: skip
    train, fit, calibrate, test = np.array_split(
        np.random.default_rng(seed).permutation(len(labels)), [10_000, 20_000, 30_000]
    )
    model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=seed).fit(table[train], labels[train])
    probs = model.predict_proba(table)
    outputs = Outputs(
        np.arange(len(labels)).astype(str), probs, np.ones(2, bool), {"table": table, "odds": np.log(probs + 1e-9)}
    )
    return judged(outputs, labels, 1, fit, calibrate, test)


def judged(outputs, labels, target, fit, calibrate, test) -> dict[str, list[float]]:  # type: ignore[no-untyped-def]
    """Corrector → AUROC, Gain at Harm 2 %, certified Gain and Harm, recall before and after."""
    K = outputs.probs.shape[1]
    found = {}
    for name, kind in KINDS.items():
        corrector = kind(target=target).fit(outputs.take(fit), labels[fit])
        held, tested = outputs.take(calibrate), outputs.take(test)
        names = LabelSet(tuple(str(number) for number in range(K)))
        certified = CalibrationSet.of(corrector.propose(held), labels[calibrate], held.predicted).certify(
            Policy(), names, outputs.known
        )
        proposal = corrector.propose(tested)
        decision = decide(proposal, tested.predicted, certified.thresholds)
        truth = labels[test]
        done = scores(truth, decision.base, decision.final, K)
        missed = (truth == target) & (tested.predicted != target)
        counts = (tested.predicted == truth) & (truth != target)
        found[name] = [
            auroc(proposal.score, truth == target), gain_at_harm(proposal.score, missed, counts, 0.02),
            done.gain.values[target], done.harm.hits.sum() / done.harm.totals.sum(), done.recall_before.values[target],
            done.recall_after.values[target],
        ]  # fmt: skip
    return found
