"""Tables of the classifier before and after: all classes at once, single classes, a class that it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.common import Figure, Result
from benchmarks.foreign.contestants import CONTESTANTS, MIXED, odds_of
from benchmarks.foreign.faces import CLASSES, Faces, Fold, faces
from benchmarks.foreign.judged import Tested, corrected, gains, tested
from mien.certify.policy import Policy
from mien.correctors.adapter import Adapter
from mien.correctors.projection import Nystroem
from mien.metrics.classification import accuracy
from mien.metrics.ranking import auroc
from mien.types import Floats, Ints, Proposal

ALL = tuple(range(len(CLASSES)))
POLICIES = {
    f"{guarantee} {100 * budget:.0f} %, aim {aim.replace('_', ' ')}": Policy(budget, guarantee=guarantee, aim=aim)
    for guarantee in ("confident", "expected")
    for aim in ("macro_recall", "accuracy")
    for budget in (0.02, 0.05)
}
DEFAULT = "adapter on a map"
"""What `mien correct` takes by default: the figures of the result are of it."""
POWER = {"adapter on a map": 0.5, "adapter on pixels": 0.5, MIXED: 0.25}
"""Exponents of the class weights that log-odds contain already; of the others 0."""
FIGURES = {
    "confident 5 %, aim accuracy": "",
    "confident 2 %, aim accuracy": "_2",
    "confident 5 %, aim macro recall": "_macro",
    "confident 2 %, aim macro recall": "_2_macro",
}
"""Policy → what follows the names of its figures."""
SINGLE = ("neutral", "sadness", "disgust", "fear")
HARMS = (0.01, 0.02, 0.05)
SLOW_ON_TRAIN = ("layers, stack",)
"""Too slow for the many pictures of the training part."""
FEW = (20, 50, 100)
DRAWS = 3
FEWER_DRAWS = {"adapter on a map": 2, "adapter on pixels": 1}
"""Of correctors that take minutes to fit."""


def _faces(result: Result) -> Faces:
    options = result.options
    return faces(options.model, options.data, quick=options.quick)


def valid(result: Result) -> None:
    """All classes at once, fitted on pictures that the classifier never saw."""
    names = [*CONTESTANTS, MIXED]
    _all_at_once(result, "fitted on fair pictures", on_train=False, names=names, key="fer_valid")


def train(result: Result) -> None:
    """All classes at once, fitted on pictures that the classifier was trained on, with better labels."""
    names = [name for name in (*CONTESTANTS, MIXED) if name not in SLOW_ON_TRAIN]
    _all_at_once(result, "fitted on the training part", on_train=True, names=names, key="fer_all")


def _all_at_once(result: Result, where: str, *, on_train: bool, names: Sequence[str], key: str) -> None:
    known = _faces(result)
    folds = known.folds(on_train=on_train)
    tables: dict[str, list[dict[str, object]]] = {title: [] for title in POLICIES}
    figures: dict[str, dict[str, Tested]] = {title: {} for title in POLICIES}
    single: list[dict[str, object]] = []
    for name in names:
        odds = [_held_odds(name, known, fold, on_train=on_train) for fold in folds]
        for title, policy in POLICIES.items():
            figures[title][name] = outcome = corrected(known, folds, odds, policy, POWER.get(name, 0.0))
            tables[title].append({"corrector": name, **_line(outcome)})
        single.append({"corrector": name, **_single(known, folds, odds)})
    count = sum(len(fold.test) for fold in folds)
    fit = len(folds[0].fit)
    for title, lines in tables.items():
        before = next(iter(figures[title].values()))
        lines.insert(0, {"corrector": "none", **_line(before, before.base)})
        result.table(f"All classes at once, {where} ({fit:,}), {title}: {count:,} pictures in 4 folds", lines)
    result.table(f"One class at a Harm of 1 / 2 / 5 %, {where}: Gain by its log-odds alone", single)
    result.table(f"Without f, {where}: the corrector's own answers", _controls(known, folds, on_train=on_train))
    for title, suffix in FIGURES.items():
        outcome = figures[title][DEFAULT]
        values = {"accuracy": outcome.accuracy, "macro_recall": outcome.macro_recall(), "harm": outcome.harm}
        for name, value in values.items():
            result.figures[f"{key}_{name}{suffix}"] = Figure.over([value], count)
    _before(result, before, count)
    for title in FIGURES:
        _classes(result, figures[title][DEFAULT], f"{where}, {DEFAULT}, {title}")


def _held_odds(name: str, known: Faces, fold: Fold, *, on_train: bool) -> Floats:
    """(N, K) log-odds for the held rows; what is fitted on the training part is fitted once for all folds."""
    if not on_train:
        return odds_of(name, known, fold.fit, fold.held, ALL)
    rows = np.sort(fold.held)
    whole = odds_of(name, known, fold.fit, rows, ALL)
    return np.asarray(whole[np.searchsorted(rows, fold.held)])


def _line(outcome: Tested, answers: Ints | None = None) -> dict[str, object]:
    if answers is not None:
        return {"accuracy": accuracy(outcome.truth, answers), "macro recall": outcome.macro_recall(answers)}
    return {
        "accuracy": outcome.accuracy, "macro recall": outcome.macro_recall(), "Harm": outcome.harm,
        "certified": "yes" if outcome.certified else "no",
    }  # fmt: skip


def _single(known: Faces, folds: Sequence[Fold], odds: Sequence[Floats]) -> dict[str, object]:
    lines = {}
    for name in SINGLE:
        values = gains(known, folds, odds, CLASSES.index(name), HARMS)
        lines[name] = " / ".join(f"{value:.2f}" for value in values)
    return lines


def _controls(known: Faces, folds: Sequence[Fold], *, on_train: bool) -> list[dict[str, object]]:
    """What networks that learn on a map or on pixels answer themselves, with no limit to the Harm."""
    lines = []
    for name in ("adapter on a map", "adapter on pixels"):
        parts = []
        for fold in folds:
            odds, count = _held_odds(name, known, fold, on_train=on_train), len(fold.calibrate)
            base = known.outputs.take(fold.test).predicted
            parts.append((known.data.labels[fold.test], base, odds[count:, ALL].argmax(1)))
        outcome = Tested(*(np.concatenate(column) for column in zip(*parts, strict=True)), certified=False)
        lines.append({"network": name, **_line(outcome)})
    return lines


def _before(result: Result, outcome: Tested, count: int) -> None:
    result.figures["fer_before_accuracy"] = Figure.over([accuracy(outcome.truth, outcome.base)], count)
    result.figures["fer_before_macro_recall"] = Figure.over([outcome.macro_recall(outcome.base)], count)


def _classes(result: Result, outcome: Tested, title: str) -> None:
    rows = zip(CLASSES, outcome.recall(outcome.base), outcome.recall(outcome.final), strict=True)
    counts = np.bincount(outcome.truth, minlength=len(CLASSES))
    lines = [
        {"class": name, "pictures": int(counts[c]), "recall before": before, "after": after}
        for c, (name, before, after) in enumerate(rows)
    ]
    result.table(f"Recall of each class, {title}", lines)


def three_ways(result: Result) -> None:
    """One corrector for each class, an adapter of all classes, the boosted stack of all classes."""
    known = _faces(result)
    folds = known.folds(on_train=False)
    ways = {
        "a kernel machine for each class": partial(_one_each, known, "nystroem"),
        "one kernel machine of all classes": partial(_joint, known, "layers, nystroem"),
        "an adapter for each class": partial(_one_each, known, "adapter"),
        "one adapter of all classes": partial(_joint, known, "adapter on a map"),
        "the stack (boosting, all classes)": partial(_joint, known, "layers, stack"),
    }
    for title in FIGURES:
        lines = []
        for name, judge in ways.items():
            some = folds[:1] if name == "an adapter for each class" or result.options.quick else folds
            for used in {len(some): some, 1: folds[:1]}.values():
                lines.append({"way": name, "folds": len(used), **_line(judge(used, POLICIES[title]))})
        result.table(f"Three ways to correct all classes, fitted on fair pictures, {title}", lines)


def _joint(known: Faces, name: str, folds: Sequence[Fold], policy: Policy) -> Tested:
    odds = [odds_of(name, known, fold.fit, fold.held, ALL) for fold in folds]
    return corrected(known, folds, odds, policy, POWER.get(name, 0.0))


_ONE_EACH: dict[tuple[str, int], list[Proposal]] = {}


def _one_each(known: Faces, kind: str, folds: Sequence[Fold], policy: Policy) -> Tested:
    return tested(known, folds, [_proposals(known, kind, fold) for fold in folds], policy)


def _proposals(known: Faces, kind: str, fold: Fold) -> list[Proposal]:
    key = (kind, int(fold.test[0]))
    if key not in _ONE_EACH:
        layer = next(each.name for each in known.classifier.card.layers if each.kind == "map")
        if kind == "adapter":
            learn, held = known.views(fold.fit, layer), known.maps(fold.held, layer)
        else:
            learn, held = known.outputs.take(fold.fit), known.outputs.take(fold.held)
        made = (Adapter(c, layer) if kind == "adapter" else Nystroem(c) for c in ALL)
        _ONE_EACH[key] = [each.fit(learn, known.soft(fold.fit)).propose(held) for each in made]
    return _ONE_EACH[key]


def contempt(result: Result) -> None:
    """A class that the classifier lacks, from few pictures: AUROC among fair pictures."""
    known = _faces(result)
    [fold, *_] = known.folds(on_train=False)
    rng = np.random.default_rng(0)
    new, fair = known.data.labels == known.new, known.fair
    pool = np.flatnonzero(new & ~fair & ~np.isin(known.groups, known.groups[fair]))
    held = np.concatenate([fold.held, np.flatnonzero(new & fair)])
    classes = (*ALL, known.new)
    lines = []
    names = [name for name in CONTESTANTS if name not in ("own features, HOG", "layers, stack")]
    draws = [rng.permutation(pool) for _ in range(DRAWS)]
    areas: dict[tuple[str, int], list[float]] = {}
    for name in names:
        for count in FEW:
            for drawn in draws[: FEWER_DRAWS.get(name, DRAWS)]:
                fit = np.sort(np.concatenate([fold.fit, drawn[:count]]))
                odds = odds_of(name, known, fit, held, classes)
                area = auroc(odds[:, known.new], known.data.labels[held] == known.new)
                areas.setdefault((name, count), []).append(area)
        few = {f"{count} pictures": Figure.over(areas[name, count], DRAWS) for count in FEW}
        lines.append({"corrector": name, **few})
    tested_on = int((new & fair).sum())
    result.table(
        f"Contempt as a new class: AUROC on {tested_on} of it among {len(fold.held):,}, up to {DRAWS} draws", lines
    )
    for count in FEW:
        result.figures[f"fer_contempt_{count}_auroc"] = Figure.over(areas[DEFAULT, count], tested_on)


def weights(result: Result) -> None:
    """Class weights (1/n)^power in the odds of several classes: what they do to macro recall and to accuracy."""
    known = _faces(result)
    lines = []
    for where, on_train, name in (
        ("fair pictures", False, "layers, nystroem"),
        ("fair pictures", False, DEFAULT),
        ("the training part", True, DEFAULT),
    ):
        folds = known.folds(on_train=on_train)
        odds = [_held_odds(name, known, fold, on_train=on_train) for fold in folds]
        for power in (0.0, 0.5, 1.0):
            for budget in (0.02, 0.05):
                outcome = corrected(known, folds, odds, Policy(budget), 1 - power)
                about = {"fitted on": where, "corrector": name, "weights": f"(1/n)^{power:g}", "budget": budget}
                lines.append({**about, **_line(outcome)})
    result.table("Class weights in the odds of several classes, beside those of the training", lines)
