"""Classes too rare for one test part, judged by folds of persons over all pictures: each picture is tested once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.common import do_all, keep
from mien.data.prepare import DataSettings, prepare
from mien.data.split import group_ids
from mien.imbalance import TrainPart, get_treatment
from mien.metrics.classification import common_classes
from mien.metrics.intervals import wilson
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.settings import TrainSettings, with_changes
from mien.nets.training import fit
from mien.storage.files import read_json
from mien.storage.identity import identity

FOLDS = 5


@dataclass(frozen=True)
class Task:
    """One fold, trained under a treatment of the training itself, for all epochs."""

    folder: str
    data: DataSettings
    train: TrainSettings
    network: str
    treatment: str
    fold: int

    @property
    def file(self) -> Path:
        return Path(self.folder, f"rare-{identity(task=asdict(replace(self, folder='')))}.json")


def do(task: Task) -> None:
    keep(task.file, lambda: measured(task))


def measured(task: Task) -> dict[str, Any]:
    data, treatment = prepare(task.data), get_treatment(task.treatment)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    learn, judge = list(folds.split(data.labels, data.labels, group_ids(data)))[task.fold]
    pictures = len(learn)
    if treatment.rows is not None:
        learn = learn[treatment.rows(TrainPart(data.labels[learn], len(data.labelset)))]
    hard = np.eye(len(data.labelset), dtype=np.float32)[data.labels[learn]]
    examples = Examples(data.pictures[learn], hard, pictures if len(learn) != pictures else 0)
    seed_everything(0, 0)
    model = saved.build(task.network, hard.sum(0) > 0, colour=False)
    fit(model, examples, None, with_changes(task.train, treatment.train))
    answers = probabilities(model, data.pictures[judge]).argmax(1)
    return {"truth": data.labels[judge].tolist(), "answers": answers.tolist()}


def table(
    folder: Path, data: DataSettings, train: TrainSettings, network: str, treatments: Sequence[str]
) -> list[dict[str, Any]]:
    """A line for each rare class and treatment: recall with Wilson's interval, precision, F1."""
    read = prepare(data)
    counts = read.counts()
    apart = np.flatnonzero((counts > 0) & ~common_classes(counts))
    tasks = [Task(str(folder), data, train, network, name, fold) for name in treatments for fold in range(FOLDS)]
    do_all(do, tasks if len(apart) else [])
    lines = []
    for c in apart:
        for name in treatments:
            found = [read_json(task.file) for task in tasks if task.treatment == name]
            truth, answers = (np.concatenate([one[key] for one in found]) for key in ("truth", "answers"))
            hits, total, named = (
                int(((truth == c) & (answers == c)).sum()),
                int((truth == c).sum()),
                int((answers == c).sum()),
            )
            low, high = wilson(hits, total)
            lines.append(
                {
                    "class": read.labelset.names[c], "treatment": name, "pictures": total, "found": hits,
                    "recall": f"{hits / total:.2f} ({float(low):.2f} to {float(high):.2f})", "named": named,
                    "precision": hits / named if named else None, "F1": 2 * hits / (total + named),
                }
            )  # fmt: skip
    return lines
