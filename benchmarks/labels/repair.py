"""What repaired labels and robust losses are worth: the same network, trained on FER2013's part in several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import Figure, Result, do_all, keep
from benchmarks.labels.fer_labels import Truth, data_of
from benchmarks.labels.tasks import DEVICE, EPOCHS, KEPT, voted_shares
from mien.data.split import group_ids
from mien.labels.audit_result import LIKELY
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import learn_from_reviews, learn_from_votes
from mien.labels.suspects import Suspects, suspects
from mien.metrics.classification import accuracy, macro_recall, recall
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import extract, probabilities
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.files import read_arrays, read_json, write_arrays
from mien.storage.identity import identity
from mien.types import NO_LABEL, Dataset, Floats, Ints

REVIEWS = 1000
GIVEN = "as given"


@dataclass(frozen=True)
class Task:
    """One training; the one on labels as given is watched, and most others learn from what it says."""

    source: str
    quick: bool
    seed: int
    on: str = GIVEN

    @property
    def file(self) -> Path:
        return KEPT / f"repair-{identity(task=asdict(self), constants=(EPOCHS, REVIEWS, LIKELY))}.json"

    @property
    def watched(self) -> Path:
        """What was seen while the labels as given were learnt."""
        return replace(self, on=GIVEN).file.with_suffix(".npz")


@dataclass(frozen=True)
class Material:
    """What the ways to repair are made of: FER2013's training part, and what is known of it."""

    data: Dataset
    truth: Truth
    task: Task

    @cached_property
    def rows(self) -> Ints:
        """Of the training part."""
        return np.flatnonzero(self.data.sources == "Training")

    @cached_property
    def test(self) -> Ints:
        """Of distinct pictures of PublicTest, without a copy in the training part."""
        hashes = np.asarray(self.data.hashes)
        first = np.zeros(len(self.data), bool)
        first[np.unique(hashes, return_index=True)[1]] = True
        copied = np.isin(hashes, hashes[self.rows])
        return np.flatnonzero((self.data.sources == "PublicTest") & self.truth.scored & ~copied & first)

    @property
    def given(self) -> Ints:
        return self.data.labels[self.rows]

    @property
    def onehot(self) -> Floats:
        return np.eye(len(self.data.labelset))

    @cached_property
    def groups(self) -> Any:
        return group_ids(self.data)[self.rows].astype(str)

    @cached_property
    def found(self) -> dict[str, np.ndarray]:
        return read_arrays(self.task.watched)

    @cached_property
    def blind(self) -> Suspects:
        return suspects(self.given, self.found["probs"], self.found["vectors"], self.groups)

    @cached_property
    def reviewed(self) -> Ints:
        """(n,) what a simulated reviewer says of pictures at random, −1 of the others."""
        said, scored = np.full(len(self.rows), NO_LABEL), np.flatnonzero(self.truth.scored[self.rows])
        rows = np.random.default_rng(self.task.seed).permutation(scored)[: min(REVIEWS, len(scored) // 4)]
        said[rows] = self.truth.label[self.rows][rows]
        return said

    @cached_property
    def seeded(self) -> Suspects:
        return learn_from_reviews(self.blind, self.found["vectors"], self.reviewed)

    def or_reviewed(self, targets: Floats) -> Floats:
        """The targets, and those of reviewed pictures as the reviewer said."""
        return np.where((self.reviewed >= 0)[:, None], self.onehot[self.reviewed], targets)

    def learn_from_votes(self) -> Floats:
        shares = voted_shares(self.truth)[self.rows]
        return learn_from_votes(self.blind, self.found["vectors"], shares, self.groups).belief


Targets = Callable[[Material], Floats]
REPAIRED: dict[str, Targets] = {
    GIVEN: lambda of: of.onehot[of.given],
    "repaired blind": lambda of: of.onehot[relabelled(of.blind)],
    "repaired seeded": lambda of: of.or_reviewed(of.onehot[relabelled(of.seeded)]),
    "beliefs, blind": lambda of: of.blind.belief,
    "beliefs, seeded": lambda of: of.or_reviewed(of.seeded.belief),
    "beliefs, votes": lambda of: of.learn_from_votes(),
    "votes": lambda of: of.truth.shares[of.rows],
}
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "as given, not smoothed": (GIVEN, {"label_smoothing": 0.0}),
    "as given, GCE": (GIVEN, {"loss": "gce"}),
    "as given, ELR": (GIVEN, {"loss": "elr"}),
    "one vote, drawn again each time": ("votes", {"vote_sampling": True}),
}
"""Way → the targets, and how they are learnt from."""


def repaired(result: Result, source: str, quick: bool, seeds: Sequence[int]) -> None:
    """Accuracy and macro recall against the plurality, by what was trained on."""
    found = by_seed(source, quick, seeds, REPAIRED)
    lines = table_of(found, seeds, REPAIRED, data_of(source, quick).labelset.names)
    for kind in ("blind", "seeded"):
        for way, key in ((f"beliefs, {kind}", "accuracy_gain"), (f"repaired {kind}", "accuracy_gain_relabelled")):
            gains = [one[way]["accuracy"] - one[GIVEN]["accuracy"] for one in found]
            result.figures[f"{key}_{kind}"] = Figure.over(gains, found[0][GIVEN]["tested"], seeds)
    result.table(
        f"Trained {EPOCHS} epochs on FER2013's training part, tested against FER+'s plurality",
        lines,
    )


def losses(result: Result, source: str, quick: bool, seeds: Sequence[int]) -> None:
    """The same, by the loss."""
    ways = (GIVEN, "votes", *LOSSES)
    found = by_seed(source, quick, seeds, ways)
    result.table("The same, with other losses", table_of(found, seeds, ways, data_of(source, quick).labelset.names))


def by_seed(source: str, quick: bool, seeds: Sequence[int], ways: Iterable[str]) -> list[dict[str, Any]]:
    """For each seed, way → its figures, trained where they are not kept."""
    do_all(do, [Task(source, quick, seed) for seed in seeds])
    do_all(do, [Task(source, quick, seed, way) for seed in seeds for way in ways])
    return [{way: read_json(Task(source, quick, seed, way).file) for way in ways} for seed in seeds]


def table_of(
    found: list[dict[str, Any]], seeds: Sequence[int], ways: Iterable[str], names: Sequence[str]
) -> list[dict[str, object]]:
    """A line for each way: means over the seeds."""
    lines: list[dict[str, object]] = []
    for way in ways:
        line: dict[str, object] = {"trained on": way}
        for key in ("accuracy", "macro recall"):
            line[key] = Figure.over([one[way][key] for one in found], found[0][way]["tested"], seeds)
        changes = np.mean([np.subtract(one[way]["recalls"], one[GIVEN]["recalls"]) for one in found], axis=0)
        least = int(changes.argmin())
        line["largest loss of a class"] = None if way == GIVEN else f"{names[least]} {changes[least]:+.3f}"
        line["device"] = found[0][way]["device"]
        lines.append(line)
    return lines


def do(task: Task) -> None:
    keep(task.file, lambda: measured(task))


def measured(task: Task) -> dict[str, object]:
    data = data_of(task.source, task.quick)
    of = Material(data, Truth.of(data), task)
    way, changes = LOSSES.get(task.on, (task.on, {}))
    targets = REPAIRED[way](of).astype(np.float32)
    examples, seen = Examples(data.pictures[of.rows], targets), Dynamics(of.given, targets.shape[1])
    seed_everything(task.seed, 0)
    model = saved.build("attention", targets.sum(0) > 0, colour=False)
    settings = replace(TrainSettings(), epochs=2 if task.quick else EPOCHS, **changes)
    fit(model, examples, None, settings, seed=task.seed, watch=seen if task.on == GIVEN else None)
    model = model.to(DEVICE)
    if task.on == GIVEN:
        outputs = extract(model, data.pictures[of.rows], data.ids[of.rows], vectors=("hidden",))
        write_arrays(task.watched, probs=seen.probs, vectors=outputs.vectors["hidden"])
    answers, labels, classes = (
        probabilities(model, data.pictures[of.test]).argmax(1),
        of.truth.label[of.test],
        len(of.onehot),
    )
    return {
        "tested": len(of.test),
        "accuracy": accuracy(labels, answers),
        "macro recall": macro_recall(labels, answers, classes),
        "recalls": np.nan_to_num(recall(labels, answers, classes).values).tolist(),
        "device": "CPU" if DEVICE.type == "cpu" else torch.cuda.get_device_name(),
    }


def relabelled(found: Suspects) -> Ints:
    """The suggested class where it is more likely than not, else the given one."""
    rows = np.arange(len(found.labels))
    return np.where(found.belief[rows, found.suggested] > LIKELY, found.suggested, found.labels)
