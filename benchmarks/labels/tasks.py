"""The trainings behind the ways to find wrong labels, each kept as a file; see labels.py."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold

from benchmarks.common import commit
from benchmarks.labels.fer_labels import Truth, data_of
from mien.data.picture import ImageSettings
from mien.data.split import group_ids
from mien.experiments.labels.tuning import Votes, tuned
from mien.experiments.settings import AuditSettings
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import FOLDS as VOTE_FOLDS
from mien.labels.reviewed import vote_folds
from mien.nets import saved
from mien.nets.device import choose_device, keep_freed_memory, one_thread, seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import extract, probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.files import read_arrays, write_arrays, write_json
from mien.storage.identity import identity
from mien.types import Dataset, Floats, Ints

EPOCHS = AuditSettings.train.epochs
KEPT = Path("runs/benchmark-labels")
FOLDS = {"cleanlab": 5, "tuned": VOTE_FOLDS}
DEVICE = choose_device("auto")


@dataclass(frozen=True)
class Task:
    """One training: on all pictures ("audit"), or one fold: of cleanlab's recipe, or tuned on votes after the audit."""

    source: str
    quick: bool
    seed: int
    kind: str
    fold: int = 0
    base: str = "attention"

    @property
    def file(self) -> Path:
        return KEPT / f"{identity(task=asdict(self), train=self.train, folds=FOLDS)}.npz"

    @property
    def train(self) -> TrainSettings:
        return replace(TrainSettings(), epochs=2 if self.quick else EPOCHS)


def do(task: Task) -> None:
    """Train, and keep what is needed of it."""
    if task.file.exists():
        return
    one_thread()
    keep_freed_memory()
    data = data_of(task.source, task.quick)
    start = time.perf_counter()
    found = DO[task.kind](task, data)
    write_arrays(task.file, seconds=np.array(time.perf_counter() - start), **found)
    device = "CPU" if DEVICE.type == "cpu" else torch.cuda.get_device_name()
    write_json(task.file.with_suffix(".json"), {"commit": commit(), "device": device})


def watched(task: Task, data: Dataset) -> dict[str, np.ndarray]:
    """What `mien audit` reads out of its one training; the classifier is kept as well."""
    seen = Dynamics(data.labels, len(data.labelset))
    model = trained(task, data, np.arange(len(data)), seen).to(DEVICE)
    outputs = extract(model, data.pictures, data.ids, vectors=("hidden",))
    images = ImageSettings()
    known = tuple(bool(one) for one in data.counts() > 0)
    card = saved.ModelCard(task.base, data.labelset.names, known, images.size, images.colour, images.resize_mode)
    saved.save(model, card, task.file.with_suffix(""))
    vectors = outputs.vectors["hidden"]
    return {"probs": seen.probs, "vectors": vectors, "aleatoric": seen.uncertainty.aleatoric}


def rival(task: Task, data: Dataset) -> dict[str, np.ndarray]:
    """One fold of cleanlab's recipe; copies stay together."""
    folds = StratifiedGroupKFold(FOLDS["cleanlab"], shuffle=True, random_state=task.seed)
    learn, judge = list(folds.split(data.labels, data.labels, group_ids(data)))[task.fold]
    return {"rows": judge, "probs": probabilities(trained(task, data, learn).to(DEVICE), data.pictures[judge])}


def on_votes(task: Task, data: Dataset) -> dict[str, np.ndarray]:
    """One fold of `mien audit --votes --tune`, after its audit."""
    model, _ = saved.load(replace(task, kind="audit", fold=0).file.with_suffix(""))
    learn, judge = vote_folds(data.labels, group_ids(data).astype(str))[task.fold]
    one = tuned(model, Votes(data, voted_shares(Truth.of(data)), []), learn, task.train, task.seed).to(DEVICE)
    return {"rows": judge, "probs": probabilities(one, data.pictures[judge])}


DO = {"audit": watched, "cleanlab": rival, "tuned": on_votes}


def trained(task: Task, data: Dataset, rows: Ints, seen: Dynamics | None = None) -> Network:
    """The network of a task, trained on the given labels of some rows."""
    examples = Examples(data.pictures[rows], np.eye(len(data.labelset), dtype=np.float32)[data.labels[rows]])
    seed_everything(task.seed, 0)
    model = saved.build(task.base, examples.targets.sum(0) > 0, colour=False)
    fit(model, examples, None, task.train, seed=task.seed, watch=seen)
    return model


def voted_shares(truth: Truth) -> Floats:
    """(N, K) shares of votes, 0 where the plurality names no class."""
    return np.where(truth.scored[:, None], truth.shares, 0.0)


def out_of_fold(tasks: Iterable[Task], data: Dataset) -> tuple[Floats, float]:
    """(N, K) probabilities of classifiers that did not see the picture, and their seconds together."""
    probs, seconds = np.zeros((len(data), len(data.labelset))), 0.0
    for task in tasks:
        found = read_arrays(task.file)
        probs[found["rows"]] = found["probs"]
        seconds += float(found["seconds"])
    return probs, seconds
