"""What each choice of the adapter is worth: its layers, how long and on what it learns, whom it trusts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import Result, do_all, keep, mean_of_defined
from benchmarks.correction.trained import QUICK_EPOCHS, Task
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.adapter import Adapter
from mien.metrics.ranking import auroc, gain_at_harm
from mien.nets.head import Copied
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_json
from mien.storage.identity import identity

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

KEPT = Path("runs/benchmark-adapters")
CLASSES = ("surprise", "happiness", "sadness", "anger")
"""Those with enough pictures on *calibrate* to tell variants apart; of other data, as many of the most frequent."""
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "9 epochs": {"epochs": 9},
    "36 epochs": {"epochs": 36},
    "1 changed view of each picture": {"views": 1},
    "3 changed views": {"views": 3},
    "labels alone, nothing of f's answers": {"trust": 0.0},
    "f's answers alone on the classes that it knows": {"trust": 1.0},
    "half the learning rate": {"learning_rate": 4.5e-3},
    "one label a picture, no votes": {"votes": False},
    "layers from scratch, not f's own": {"scratch": True},
}


def variants_of(task: Task) -> dict[str, dict[str, Any]]:
    """All of them; two that are quickly fitted, if it is only to be seen that they run."""
    return {f"{epochs} epochs": {"epochs": epochs} for epochs in (1, QUICK_EPOCHS)} if task.quick else VARIANTS


def file(task: Task) -> Path:
    return KEPT / f"{identity(task=task.folder.name, variants=variants_of(task))}.json"


def do(task: Task) -> None:
    """Every variant beside one classifier: fitted on *fit*, judged on *calibrate*, since choices follow from it."""
    keep(file(task), lambda: measured(task))


def measured(task: Task) -> dict[str, list[float]]:
    """Variant → its figures."""
    parts, model = task.parts(), task.load()
    target, fit = parts.data.labelset.index(task.left_out), parts.rows["fit"]
    held = np.setdiff1d(parts.rows["correct"], fit)
    found = {}
    for name, changes in variants_of(task).items():
        settings = {key: value for key, value in changes.items() if key not in ("votes", "scratch")}
        head = None if changes.get("scratch") else Copied(model)
        adapter = Adapter(target, model.adapter_layer, head, **settings)
        data = parts.data if changes.get("votes", True) else parts.data.replace(targets=None)
        bench = FeatureStore.of(
            NetworkClassifier.of(model, data), data, AugmentSettings(), parts.rows["correct"], [adapter]
        )
        score, truth = bench.fit(adapter, fit).propose(bench.seen(held)).score, data.labels[held]
        new = truth == target
        right = (bench.seen(held).predicted == truth) & ~new
        found[name] = [auroc(score, new), *(gain_at_harm(score, new, right, harm) for harm in (0.01, 0.02, 0.05))]
    return found


def chosen(study: Study, *, quick: bool = False) -> list[str]:
    """The classes that the variants are judged on."""
    if quick or set(CLASSES) <= set(study.classes):
        return [left for left in study.classes if quick or left in CLASSES]
    data = study.parts[study.seeds[0]].data
    counts = dict(zip(data.labelset.names, data.counts().tolist(), strict=True))
    return sorted(study.classes, key=lambda left: -counts[left])[: len(CLASSES)]


def table(study: Study, result: Result) -> None:
    """Means over four classes of the first seed."""
    tasks = [study.jobs[study.seeds[0], left].task for left in chosen(study, quick=result.options.quick)]
    do_all(do, tasks)
    found = [read_json(file(task)) for task in tasks]
    titles = ("AUROC", "Gain at 1 %", "Gain at 2 %", "Gain at 5 %")
    lines = [
        {
            "adapter": name,
            **dict(zip(titles, mean_of_defined([one[name] for one in found], axis=0).tolist(), strict=True)),
        }
        for name in found[0]
    ]
    result.table(f"Adapter: fitted on fit, judged on calibrate, mean over {len(found)} classes, one seed", lines)
