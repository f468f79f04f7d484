"""How much f's own log-odds should count in the odds of several classes: on digits and drawn tables, no faces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.common import Result
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.correctors.linear import Logistic
from mien.correctors.log_odds import class_odds, most_probable
from mien.correctors.projection import Nystroem
from mien.metrics.classification import accuracy
from mien.types import Floats, Ints, LabelSet, Outputs

SHARES = (0.0, 0.1, 0.2, 1 / 3, 0.5)
SEEDS = 8


def _part(pixels: Floats) -> Floats:
    return pixels[:, 20:36]


def _cases(seed: int) -> dict[str, tuple[Floats, Ints, ClassifierMixin, int]]:
    """Name → rows, labels, an unfitted classifier, and how many rows fit the corrector."""
    pixels, digits = load_digits(return_X_y=True)
    table, labels = make_classification(
        6000, 20, n_informative=10, n_classes=6, n_clusters_per_class=2, class_sep=1.0, random_state=seed
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    part = make_pipeline(FunctionTransformer(_part), StandardScaler(), LogisticRegression(max_iter=2000))
    return {
        "digits, naive Bayes, which is too sure": (pixels, digits, GaussianNB(), 400),
        "digits, a fourth of the pixels": (pixels, digits, part, 400),
        "table, shallow forest": (table, labels, RandomForestClassifier(30, max_depth=4, random_state=seed), 1500),
        "table, forest, few to fit": (table, labels, RandomForestClassifier(60, random_state=seed), 400),
        "table, linear": (table, labels, linear, 1500),
    }


def shares(result: Result) -> None:
    """Accuracy after correction at 2 %, for each share and corrector."""
    lines: dict[tuple[str, str], dict[float, list[float]]] = {}
    before: dict[str, list[float]] = {}
    for seed in range(1 if result.options.quick else SEEDS):
        for name, case in _cases(seed).items():
            for kind in (Nystroem, Logistic):
                start, found = _accuracies(kind, seed, *case)
                before.setdefault(name, []).append(start)
                for share, value in found.items():
                    lines.setdefault((name, kind.name), {}).setdefault(share, []).append(value)
    table = [
        {"data and classifier": name, "corrector": kind, "before": float(np.mean(before[name])),
         **{f"share {share:.2f}": float(np.mean(values)) for share, values in found.items()}}
        for (name, kind), found in lines.items()
    ]  # fmt: skip
    result.table("Accuracy after correction at 2 %, by the share of f's own log-odds", table)


def _accuracies(
    kind: Callable[..., Nystroem | Logistic], seed: int, rows: Floats, labels: Ints, f: ClassifierMixin, count: int
) -> tuple[float, dict[float, float]]:
    """Before, and after with each share: a sixth trains f, `count` rows fit, half of the rest certify, half test."""
    order, classes = np.random.default_rng(seed).permutation(len(labels)), int(labels.max()) + 1
    cut = len(labels) // 6
    train, fit, left = np.split(order, [cut, cut + count])
    calibrate, test = np.array_split(left, 2)
    f.fit(rows[train], labels[train])
    probs = np.zeros((len(labels), classes))
    probs[:, f.classes_] = f.predict_proba(rows)
    outputs = Outputs(np.arange(len(labels)).astype(str), probs, np.ones(classes, bool), {"x": rows.astype(np.float32)})
    several = tuple(range(classes))
    log_probs = kind(several).fit(outputs.take(fit), labels[fit])._all_log_probs(outputs)
    names = LabelSet(tuple(map(str, several)))
    found = {}
    for share in SHARES:
        proposal = most_probable(class_odds(log_probs, outputs, share), outputs, several)
        held = CalibrationSet(
            labels[calibrate], outputs.predicted[calibrate], proposal.score[calibrate], proposal.suggested[calibrate]
        )
        thresholds = held.certify(Policy(0.02, aim="accuracy"), names, outputs.known).thresholds
        final = decide(proposal, outputs.predicted, thresholds).final
        found[share] = accuracy(labels[test], final[test])
    return accuracy(labels[test], outputs.predicted[test]), found
