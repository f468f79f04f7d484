"""How many labelled pictures it takes: few of the new class, and few of all classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common import Figure, Result, do_all, keep
from benchmarks.correction.few_fits import DRAWN, KINDS, Few
from benchmarks.correction.scored import make
from benchmarks.correction.trained import Task
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.adapter import Adapter
from mien.correctors.linear import LDA
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_json
from mien.storage.identity import identity
from mien.types import Ints

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

KEPT = Path("runs/benchmark-few")
PICTURES = (0, 1, 2, 5, 10, 20, 50, 100, 400)
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
DRAWS = 5
ADAPTER, NO_VOTES, BLEND = "adapter", "adapter, no votes", "adapter and prototypes"
"""The adapter with the votes that the pictures have, of which many are for another class than the label; one that
learns from the labels alone; and the mean of the first and prototypes with drawn faces."""
WITH_ADAPTER = {1: 1, 2: 1, 5: 2, 10: 1, 20: 2, 50: 1, 100: 1}
"""Pictures of the new class → draws with the adapter, which takes a minute each."""
WITHOUT_VOTES = (5, 20)
KEYS = {DRAWN: "drawn", NO_VOTES: "adapter_no_votes", BLEND: "blend"}
"""Corrector → its name in the keys of figures."""
NAMES = (*KINDS, ADAPTER, NO_VOTES, BLEND)


def file(task: Task) -> Path:
    return KEPT / f"{identity(task=task.folder.name, constants=(PICTURES, SHARES, DRAWS, NAMES))}.json"


def do(task: Task) -> None:
    """Every number of pictures and draw beside one classifier."""
    keep(file(task), lambda: measured(task))


def measured(task: Task) -> list[dict[str, object]]:
    parts, model = task.parts(), task.load()
    target, rows = parts.data.labelset.index(task.left_out), parts.rows["correct"]
    adapter = make("adapter", model, target, task.quick)
    f = NetworkClassifier.of(model, parts.data)
    learnt, tested = (
        FeatureStore.of(of, data, AugmentSettings(), part, [adapter, LDA(target)])
        for of, data, part in (
            (f, parts.data, rows), (NetworkClassifier.of(model, parts.tested), parts.tested, parts.test)
        )
    )  # fmt: skip
    outputs, labels = tested.seen(parts.test), parts.data.labels[rows]
    truth = parts.tested.labels[parts.test]
    few = Few.of(target, learnt.seen(rows), labels, outputs, truth, f, parts.data.labelset)
    without_votes = replace(learnt, data=parts.data.replace(targets=None, votes=None))
    found: list[dict[str, object]] = []
    for kind, count, draw, chosen in draws(labels, target, 1 if task.quick else DRAWS):
        scores = dict(few.scores(chosen))
        if not task.quick and draw < (WITH_ADAPTER.get(int(count), 0) if kind == "new" else int(draw == 0)):
            store = {ADAPTER: learnt}
            if kind == "new" and count in WITHOUT_VOTES and draw == 0:
                store[NO_VOTES] = without_votes
            for name, pictures in store.items():
                fitted = pictures.fit(Adapter.for_classifier(model, target), rows[chosen])
                scores[name] = fitted.propose(outputs).score
            scores[BLEND] = (scores[ADAPTER] + scores[DRAWN]) / 2
        for name, score in scores.items():
            area, gain = few.judged(score)
            found.append({"kind": kind, "count": count, "draw": draw, "corrector": name, "auroc": area, "gain": gain})
    return found


def draws(labels: Ints, target: int, repeats: int) -> list[tuple[str, float, int, Ints]]:
    """(kind, count, draw, rows): so many of the new class beside all others, or a share of all classes."""
    new, others = np.flatnonzero(labels == target), np.flatnonzero(labels != target)
    found: list[tuple[str, float, int, Ints]] = []
    for draw in range(repeats):
        order = np.random.default_rng(draw).permutation(new)
        counts = [n for n in PICTURES if n < len(new) and (n or not draw)]
        found += [("new", n, draw, np.sort(np.concatenate([others, order[:n]]))) for n in counts]
        if draw == 0:
            found.append(("new", float(len(new)), draw, np.arange(len(labels))))
        for share in SHARES if draw < 2 else ():
            mixed = np.random.default_rng(draw).random(len(labels)) < share
            if 3 <= (mixed & (labels == target)).sum() < mixed.sum():
                found.append(("share", share, draw, np.flatnonzero(mixed)))
    return found


def table(study: Study, result: Result) -> None:
    """Few shots and learning curve, of the first seed's classifiers."""
    tasks = [job.task for (seed, _), job in study.jobs.items() if seed == study.seeds[0]]
    do_all(do, tasks)
    rows = [{**row, "left_out": task.left_out} for task in tasks for row in read_json(file(task))]
    few(rows, result)
    curve(rows, result)


def few(rows: Sequence[dict[str, object]], result: Result) -> None:
    """By class for the best at each number, and means over the classes by corrector."""
    found: dict[tuple[str, float], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    gains: dict[tuple[str, float], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "new" and float(row["count"]) in PICTURES:  # type: ignore[arg-type]
            key = str(row["corrector"]), float(row["count"])  # type: ignore[arg-type]
            found[key][str(row["left_out"])].append(float(row["auroc"]))  # type: ignore[arg-type]
            gains[key][str(row["left_out"])].append(float(row["gain"]))  # type: ignore[arg-type]
    lines = []
    for name in NAMES:
        line: dict[str, object] = {"corrector": name}
        for count in PICTURES:
            key = name, float(count)
            if key in found:
                classes = [np.mean(values) for values in found[key].values()]
                won = [np.mean(values) for values in gains[key].values()]
                line[f"{count}"] = f"{np.mean(classes):.3f} / {np.mean(won):.2f}"
                own = KEYS.get(name, name)
                result.figures[f"few_{own}_{count}_auroc"] = Figure.over(classes, len(classes))
                result.figures[f"few_{own}_{count}_gain"] = Figure.over(won, len(won))
        lines.append(line)
    result.table(
        "Pictures of the new class: AUROC / Gain at Harm 2 %, mean over classes (that have so many) and draws", lines
    )
    detail = []
    for left in dict.fromkeys(str(row["left_out"]) for row in rows):
        line = {"left out": left}
        for count in PICTURES:
            options = [(np.mean(found[n, float(count)][left]), n) for n in NAMES if left in found[n, float(count)]]
            if options:
                area, name = max(options)
                line[f"{count}"] = f"{area:.3f} / {np.mean(gains[name, float(count)][left]):.2f} {name}"
        detail.append(line)
    result.table("The highest AUROC at each number of pictures, class by class (on test: it chooses nothing)", detail)


def curve(rows: Sequence[dict[str, object]], result: Result) -> None:
    """Mean Gain at Harm 2 % for shares of the correct part."""
    lines = []
    for name in NAMES:
        line: dict[str, object] = {"corrector": name}
        for share in SHARES:
            own = defaultdict(list)
            for row in rows:
                if row["kind"] == "share" and row["corrector"] == name and abs(float(row["count"]) - share) < 1e-9:  # type: ignore[arg-type]
                    own[row["left_out"]].append((float(row["auroc"]), float(row["gain"])))  # type: ignore[arg-type]
            if own:
                areas, gains = np.mean([np.mean(values, axis=0) for values in own.values()], axis=0)
                line[f"{share:.4g}"] = f"{areas:.3f} / {gains:.2f}"
        lines.append(line)
    result.table(
        "Share of the correct part: AUROC / Gain at Harm 2 %, mean over the classes that have 3 pictures", lines
    )
