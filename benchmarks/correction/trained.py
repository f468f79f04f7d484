"""Base classifiers that the benchmarks share: trained once, kept in runs/benchmark-models, taken up again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.common import PROFILE, Parts, commit, do_all, parts_of, settings_of
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.files import read_json, write_json
from mien.storage.identity import identity
from mien.types import Ints

KEPT = Path("runs/benchmark-models")
TRAIN = TrainSettings()
QUICK_EPOCHS = 2
"""Of everything that is trained, where it is only to be seen that it runs."""
TRAINED_ON = ("train", "train and correct", "correct")


@dataclass(frozen=True)
class Task:
    """One base classifier with the default recipe.

    Attributes
    ----------
    source, test, quick : the data, see common.parts_of.
    base : its name. seed : of split and model.
    left_out : a class that it must not see, "" for none.
    rows : what it is trained on, one of TRAINED_ON: R1 and every f, R2, the control without f.
    class_counts : the class profile of the data.
    """

    source: str
    test: str | None
    quick: bool
    base: str
    seed: int
    left_out: str = ""
    rows: str = "train"
    class_counts: str = PROFILE

    @property
    def folder(self) -> Path:
        task = asdict(self)
        if self.class_counts == PROFILE:  # which earlier results do not name
            del task["class_counts"]
        return KEPT / identity(task=task, settings=self.settings())

    def parts(self) -> Parts:
        return parts_of(
            settings_of(self.source, quick=self.quick, class_counts=self.class_counts), self.test, self.seed
        )

    def settings(self) -> TrainSettings:
        """The default recipe; few epochs if `quick`."""
        return replace(TRAIN, epochs=QUICK_EPOCHS) if self.quick else TRAIN

    def learnt_from(self, parts: Parts) -> Ints:
        """Rows to train on."""
        named = {"train": ("train",), "train and correct": ("train", "correct"), "correct": ("correct",)}
        return np.sort(np.concatenate([parts.rows[part] for part in named[self.rows]]))

    def load(self) -> Network:
        """The trained classifier."""
        return saved.load(self.folder)[0]

    def seconds(self) -> float:
        """How long its training took, on one thread."""
        return float(read_json(self.folder / "cost.json")["seconds"])


def train(task: Task) -> None:
    """Train and keep one classifier; nothing to do where it is kept already."""
    if (task.folder / "cost.json").exists():
        return
    parts = task.parts()
    names = parts.data.labelset.names
    absent = names.index(task.left_out) if task.left_out else -1
    examples = Examples.of(parts.data, task.learnt_from(parts), absent)
    # the control may see no picture of another part, so its last epoch is taken
    validation = None if task.rows == "correct" else Examples.of(parts.data, parts.rows["validation"], absent)
    seed_everything(task.seed, 0)
    known = examples.targets.sum(0) > 0
    model = saved.build(task.base, known, colour=False)
    start = time.perf_counter()
    history = fit(model, examples, validation, task.settings(), seed=task.seed, checkpoint=task.folder / "checkpoint")
    images = parts.data.pictures.shape[1]
    saved.save(model, saved.ModelCard(task.base, names, tuple(known.tolist()), images, False, "pad"), task.folder)
    spent = max(time.perf_counter() - start, sum(epoch["seconds"] for epoch in history))
    write_json(
        task.folder / "cost.json", {"seconds": spent, "pictures": len(examples) * len(history), "commit": commit()}
    )
    (task.folder / "checkpoint").unlink(missing_ok=True)


def side_by_side(tasks: list[Task]) -> list[float]:
    """Seconds of whole trainings that run at the same time, from two epochs of each: one small, one at full size."""
    return do_all(_two_epochs, tasks)


def _two_epochs(task: Task) -> float:
    parts = task.parts()
    examples = Examples.of(parts.data, task.learnt_from(parts))
    model = saved.build(task.base, examples.targets.sum(0) > 0, colour=False)
    settings = replace(task.settings(), epochs=2)
    small, full = (epoch["seconds"] for epoch in fit(model, examples, None, settings, seed=task.seed))
    epochs, share = task.settings().epochs, task.settings().low_res_share
    return float(epochs * (share * small + (1 - share) * full))


def trained(tasks: list[Task]) -> None:
    """Run all tasks, the longest first, as many at once as there are cores."""
    order = sorted(tasks, key=lambda task: TRAINED_ON.index(task.rows) != 1)
    do_all(train, [task for task in order if not (task.folder / "cost.json").exists()])
