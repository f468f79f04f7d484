"""The worth of each choice of a corrector: layers, axes, whitening, coding and score, policy, novelty method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from benchmarks.common import Figure, Result, do_all, keep, mean_of_defined
from benchmarks.correction.layer_choice import best_layers
from benchmarks.correction.scored import largest, pooled
from benchmarks.correction.second_order import extract_second_order
from benchmarks.correction.trained import Task
from mien.certify.policy import Policy
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors import NOVELTY_SCORES
from mien.correctors.boosting import XGBoost
from mien.correctors.contract import Labels
from mien.correctors.fisher import RULES, Fisher
from mien.correctors.linear import LDA, Logistic
from mien.correctors.novelty import Novelty
from mien.correctors.projection import Nystroem
from mien.features import describe
from mien.metrics.ranking import auroc, gain_at_harm
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_json
from mien.storage.identity import identity
from mien.types import Outputs

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

KEPT = Path("runs/benchmark-variants")


class Narrow(Nystroem):
    """The kernel machine on axes that keep all of their spread."""

    whiten = 0.0


class Chosen(Nystroem):
    """The kernel machine on the layers that LDA does best on, by three folds."""

    def fit(self, outputs: Outputs, labels: Labels, features: Any = None) -> Self:
        self.layers = best_layers(lambda layers: LDA(self.target, layers=layers), outputs, labels)
        return super().fit(outputs, labels, features)


class White(Nystroem):
    """The kernel machine on white axes."""

    whiten = 1.0


MAKE: dict[str, dict[str, Callable[..., Any]]] = {
    "layers (kernel)": {
        "hidden layer": partial(Nystroem, layers=("hidden",)),
        "last layers": partial(Nystroem, layers=("hidden", "logits", "attention/1", "pooled")),
        "all, averaged over the picture": partial(Nystroem, layers=("*/1", "hidden", "logits")),
        "all, on the 3×3 grid": partial(Nystroem, layers=("*/3", "hidden", "logits")),
        "all (default)": Nystroem,
        "HOG alone, nothing of f": partial(Nystroem, layers=("hog",)),
        "chosen by three folds": Chosen,
        "all and HOG": partial(Nystroem, layers=("*", "hog")),
        "all and second order of the LSTM's map": partial(Nystroem, layers=("*", "lstm/2nd")),
    },
    "axes (kernel)": {f"{axes}": partial(Nystroem, components=axes) for axes in (16, 32, 64, 128, 256, 512, 1024)},
    "whitening (kernel)": {"none": Narrow, "half (default)": Nystroem, "full": White},
    "coding (LDA)": {
        f"{coding}, λ = {wrong:g}": partial(LDA, target_encoding=coding, error_weight=wrong)
        for coding in ("rest", "three", "classes") for wrong in ((1.0,) if coding == "rest" else (0.0, 1.0))
    },
    "coding (XGBoost)": {
        f"{coding}, λ = {wrong:g}": partial(XGBoost, target_encoding=coding, error_weight=wrong)
        for coding in ("rest", "three") for wrong in ((1.0,) if coding == "rest" else (0.0, 1.0))
    },
    "axes (logistic)": {f"{axes}": partial(Logistic, components=axes) for axes in (64, 256, 512)},
    "rule (Fisher)": {rule: partial(Fisher, rule=rule) for rule in RULES},
    "clusters (Fisher)": {f"{count}": partial(Fisher, clusters=count) for count in (1, 2, 4, 8)},
    "novelty, no labels": {method: partial(Novelty, method=method) for method in NOVELTY_SCORES},
}  # fmt: skip
PLAIN = ("*/1", "*/3", "hidden", "logits", "pooled")


def variants_of(task: Task) -> dict[str, dict[str, Callable[..., Any]]]:
    """All of them; two of each group, if it is only to be seen that they run."""
    return {group: dict(list(of.items())[:2]) if task.quick else of for group, of in MAKE.items()}


def file(task: Task) -> Path:
    names = {group: tuple(of) for group, of in variants_of(task).items()}
    return KEPT / f"{identity(task=task.folder.name, names=names)}.json"


def do(task: Task) -> None:
    """Every variant beside one classifier: fitted on *fit*, judged on *calibrate*, since choices follow from it."""
    keep(file(task), lambda: measured(task))


def measured(task: Task) -> dict[str, list[float]]:
    """Variant → its figures."""
    parts, model = task.parts(), task.load()
    target = parts.data.labelset.index(task.left_out)
    bench = FeatureStore.of(
        NetworkClassifier.of(model, parts.data), parts.data, AugmentSettings(), parts.rows["correct"], []
    )
    fit = parts.rows["fit"]
    held = np.setdiff1d(parts.rows["correct"], fit)
    plain = bench.seen(fit), bench.seen(held)
    pictures = parts.data.pictures
    seen = {"": plain}
    seen["HOG"] = tuple(
        one.with_features(describe(pictures[rows])) for one, rows in zip(plain, (fit, held), strict=True)
    )
    if "lstm" in model.layers:
        seen["second order"] = tuple(
            one.with_features({"lstm/2nd": extract_second_order(model, pictures[rows], "lstm")})
            for one, rows in zip(plain, (fit, held), strict=True)
        )
    truth = parts.data.labels[held]
    found = {}
    for group, variants in variants_of(task).items():
        for name, make in variants.items():
            learn, judge = seen[next((kind for kind in seen if kind and kind in name), "")]
            corrector = make(target=target).fit(learn, parts.data.labels[fit])
            score = corrector.propose(judge).score
            new = truth == target
            counts = (judge.predicted == truth) & ~new
            found[f"{group}|{name}"] = [auroc(score, new), gain_at_harm(score, new, counts, 0.02)]
    return found


def table(study: Study, result: Result) -> None:
    """Means over the classes of the first seed, on *calibrate*."""
    tasks = [job.task for (seed, _), job in study.jobs.items() if seed == study.seeds[0]]
    do_all(do, tasks)
    found = [read_json(file(task)) for task in tasks]
    for group, variants in variants_of(tasks[0]).items():
        lines = []
        for name in variants:
            areas, gains = np.array([one[f"{group}|{name}"] for one in found], dtype=float).T
            lines.append(
                {"variant": name, "AUROC": float(mean_of_defined(areas)), "Gain at 2 %": float(mean_of_defined(gains))}
            )
        result.table(f"{group}: fitted on fit, judged on calibrate, mean over the classes, first seed", lines)


POLICIES = {
    "certified, pooled (default)": Policy(),
    "certified, pooled, for accuracy": Policy(aim="accuracy"),
    "certified, pooled, all of the budget": Policy(aim="gain"),
    "certified, strict, rare classes together, all of the budget": Policy(scope="strict", pool_rare=True, aim="gain"),
    "certified, by predicted class, rare together, all of it": Policy(scope="predicted", pool_rare=True, aim="gain"),
    "probability above 0.5": Policy(rule="probability"),
    "balanced accuracy": Policy(rule="balanced_accuracy"),
    "cost: a false override as 5 missed": Policy(rule="cost", cost=5.0),
}


def policies(study: Study, result: Result) -> None:
    """The same scores under different policies, on test."""
    name = study.best
    lines = []
    for title, policy in POLICIES.items():
        rows = []
        for left, of in study.readings(name).items():
            i = study.labelset.index(left)
            for one in of:
                done = one.corrected(policy)
                rows.append(
                    [done.gain.values[i], pooled(done), largest(done), done.delta_fpr[i], done.recall_after.mean()]
                )
        means = mean_of_defined(rows, axis=0)
        titles = ("Gain", "pooled Harm", "largest Harm of a class", "ΔFPR", "macro recall of h")
        lines.append({"policy": title, **dict(zip(titles, means.tolist(), strict=True))})
    result.figures["policy_default_harm"] = Figure.over([lines[0]["pooled Harm"]], len(study.jobs), study.seeds)
    result.table(f"Policies, corrector {name}, budget 2 %, on test, mean over classes and seeds", lines)
