"""The training of one base classifier on one split, and its answers on test. Each stage done is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.contract import Corrector
from mien.data.load import absolute
from mien.data.prepare import prepare
from mien.data.provenance import TrainedOn, training_rows
from mien.data.split import group_ids, split
from mien.experiments.clock import Clock, Costs
from mien.experiments.identity import training_identities
from mien.experiments.progress import announce
from mien.experiments.settings import ClassifierSettings
from mien.experiments.training.base import Lesson, Recipe, base_of
from mien.nets.device import torch_runtime
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.storage.files import write_arrays, write_json
from mien.storage.layout import CARD, FULL, CellFolder
from mien.storage.run import Run
from mien.types import Dataset, Split


@dataclass(frozen=True)
class TrainTask:
    """The training of one base classifier.

    Attributes
    ----------
    folder : of the run. settings : of the experiment.
    seed : of split and model. key : name of the task, and of its folder.
    """

    folder: str
    settings: ClassifierSettings
    seed: int
    key: str = FULL

    @property
    def files(self) -> CellFolder:
        """Its folder, with the names of its files."""
        return CellFolder.of(Path(self.folder), self.seed, self.key)

    @property
    def path(self) -> Path:
        return self.files.path

    @property
    def left_out(self) -> str | None:
        """The class that the classifier does not learn."""
        return None

    @property
    def more(self) -> tuple[str, ...]:
        """The parts that it learns from besides *train*."""
        return ()

    def finished(self) -> bool:
        files = self.files
        return all(path.exists() for path in (files.finished, files.path / CARD, files.test))


@dataclass(frozen=True)
class Work:
    """A task at work: its data, their split, its trained classifier, and the clock of its stages."""

    task: TrainTask
    data: Dataset
    parts: Split
    classifier: NetworkClassifier
    clock: Clock

    def read_out(self, parts: Iterable[str], correctors: Iterable[Corrector] = ()) -> FeatureStore:
        """The outputs of the classifier on some parts, as the correctors need them; those of *test* are kept."""
        announce(self.task, "reading out")
        rows = np.concatenate([self.parts.rows(part) for part in parts])
        with self.clock.stage("extract", len(rows)):
            store = FeatureStore.of(self.classifier, self.data, self.task.settings.train.augment, rows, correctors)
        test = self.parts.rows("test")
        tested = store.seen(test)
        write_arrays(
            self.task.files.test,
            ids=tested.ids, truth=self.data.labels[test], groups=group_ids(self.data)[test].astype(str),
            probs=tested.probs, known=tested.known,
        )  # fmt: skip
        return store

    def finish(self) -> Costs:
        """Write what the stages cost, which marks the task as finished."""
        costs = self.clock.costs()
        write_json(self.task.files.finished, {"key": self.task.key, "seed": self.task.seed, **costs})
        announce(self.task, "done")
        return costs


def run_training(task: TrainTask) -> Costs:
    """Train and read out what is not done yet."""
    with at_work(task) as work:
        work.read_out(["test"])
        return work.finish()


@contextmanager
def at_work(task: TrainTask) -> Iterator[Work]:
    """Threads and device of a task, its data, and its trained classifier."""
    settings = task.settings
    with threadpool_limits(max(1, settings.train.threads)), torch_runtime(settings.train) as (device, _):
        data = prepare(settings.data)
        parts = split(data, task.seed)
        clock = Clock(task.path / "seconds.json")
        classifier = NetworkClassifier.of(_model(task, data, parts, clock).to(device), data)
        yield Work(task, data, parts, classifier, clock)


def _model(task: TrainTask, data: Dataset, parts: Split, clock: Clock) -> Network:
    """The base classifier of a task: read back, or trained (from its last checkpoint)."""
    settings = task.settings
    identities = training_identities(
        Run(task.folder), data.fingerprint(), parts.fingerprint, settings.data.images, settings.train, task.seed,
        task.key,
    )  # fmt: skip
    absent = data.labelset.index(task.left_out) if task.left_out else -1

    def lesson() -> Lesson:
        rows = np.sort(np.concatenate([parts.rows(part) for part in ("train", *task.more)]))
        learnt = training_rows(parts, *task.more)  # also pictures of the class left out: they count with their part
        trained_on = TrainedOn.from_dataset(data, learnt, absolute(settings.data.source), task.seed)
        return Lesson(Examples.of(data, rows, absent), Examples.of(data, parts.rows("validation"), absent), trained_on)

    recipe = Recipe(settings.base, data.labelset, settings.data, settings.train, identities)
    model, cost = base_of(task, recipe, lesson)
    if cost and "train" not in clock.stages:
        clock.set("train", cost.seconds, cost.shown)
    return model
