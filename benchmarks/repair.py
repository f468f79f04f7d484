"""What repaired labels are worth: the same network trained on labels as given, relabelled, and by votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from common import Figure, Result, keep
from fer_labels import Truth, data_of

from mien.audit.dynamics import Dynamics
from mien.audit.reviewed import after_reviews, after_votes
from mien.audit.suspects import Suspects, suspects
from mien.cli.audit import EPOCHS
from mien.data.split import linked
from mien.metrics.classification import accuracy, macro_recall, recall
from mien.models import saved
from mien.models.classifier import Classifier
from mien.models.device import seed_everything
from mien.models.examples import Examples
from mien.models.latents import extract, probabilities
from mien.models.settings import TrainSettings
from mien.models.training import fit
from mien.runs import read_json
from mien.study.audit import LIKELY
from mien.study.engines import processes
from mien.types import NO_LABEL, Dataset, Floats, Ints, digest

KEPT = Path("runs/benchmark-labels")
REVIEWS = 1000
TRAINED_ON = (
    "as given",
    "repaired blind",
    "repaired seeded",
    "beliefs, blind",
    "beliefs, seeded",
    "beliefs, votes",
    "votes",
)


@dataclass(frozen=True)
class Task:
    """The trainings of one seed: one is watched, the others learn from what it says, or from the votes."""

    source: str
    quick: bool
    seed: int

    @property
    def file(self) -> Path:
        return KEPT / f"repair-{digest(asdict(self), EPOCHS, REVIEWS, TRAINED_ON, LIKELY)}.json"


def table(result: Result, source: str, quick: bool, seeds: Sequence[int]) -> None:
    """Accuracy and macro recall against the plurality, on pictures of PublicTest without a copy in Training."""
    tasks = [Task(source, quick, seed) for seed in seeds]
    processes(do, tasks, lambda: None)
    found = [read_json(task.file) for task in tasks]
    lines: list[dict[str, object]] = []
    for name in TRAINED_ON:
        line: dict[str, object] = {"trained on": name}
        for key in ("accuracy", "macro recall"):
            line[key] = Figure.over([one[name][key] for one in found], found[0]["tested"], seeds)
        changes = [np.subtract(one[name]["recalls"], one["as given"]["recalls"]).min() for one in found]
        line["largest loss of a class"] = None if name == "as given" else float(np.mean(changes))
        lines.append(line)
        if name.startswith("beliefs"):
            gains = [one[name]["accuracy"] - one["as given"]["accuracy"] for one in found]
            result.figures[f"accuracy_gain_{name.split()[1]}"] = Figure.over(gains, found[0]["tested"], seeds)
    result.table(f"Trained {EPOCHS} epochs on FER2013's training part, tested against FER+'s plurality", lines)


def do(task: Task) -> None:
    keep(task.file, lambda: measured(task))


def measured(task: Task) -> dict[str, object]:
    data = data_of(task.source, task.quick)
    truth = Truth.of(data)
    learn = np.flatnonzero(data.sources == "Training")
    copied = np.isin(data.hashes, np.asarray(data.hashes)[learn])
    first = np.zeros(len(data), bool)
    first[np.unique(np.asarray(data.hashes), return_index=True)[1]] = True
    test = np.flatnonzero((data.sources == "PublicTest") & truth.scored & ~copied & first)
    classes, given = len(data.labelset), data.labels[learn]
    seen = Dynamics(given, classes)
    model = trained(task, data, learn, np.eye(classes)[given], seen)
    outputs = extract(model, data.pictures[learn], data.ids[learn], vectors=("hidden",))
    vectors = outputs.features["hidden"]
    blind = suspects(given, seen.probs, vectors, linked(data)[learn].astype(str))
    reviewed = np.full(len(learn), NO_LABEL)
    scored = np.flatnonzero(truth.scored[learn])
    rows = np.random.default_rng(task.seed).permutation(scored)[: min(REVIEWS, len(scored) // 4)]
    reviewed[rows] = truth.label[learn][rows]
    onehot = np.eye(classes)
    seeded = after_reviews(blind, vectors, reviewed)
    shares = np.where(truth.scored[learn][:, None], truth.shares[learn], 0.0)
    said = (reviewed >= 0)[:, None]
    targets = {
        "as given": onehot[given],
        "repaired blind": onehot[relabelled(blind)],
        "repaired seeded": np.where(said, onehot[reviewed], onehot[relabelled(seeded)]),
        "beliefs, blind": blind.belief,
        "beliefs, seeded": np.where(said, onehot[reviewed], seeded.belief),
        "beliefs, votes": after_votes(blind, vectors, shares, linked(data)[learn].astype(str)).belief,
        "votes": truth.shares[learn],
    }
    found: dict[str, object] = {"tested": len(test)}
    for name in TRAINED_ON:
        again = model if name == "as given" else trained(task, data, learn, targets[name])
        answers, labels = probabilities(again, data.pictures[test]).argmax(1), truth.label[test]
        found[name] = {
            "accuracy": accuracy(labels, answers),
            "macro recall": macro_recall(labels, answers, classes),
            "recalls": np.nan_to_num(recall(labels, answers, classes).values).tolist(),
        }
    return found


def relabelled(found: Suspects) -> Ints:
    """The suggested class where it is more likely than not, else the given one."""
    rows = np.arange(len(found.labels))
    return np.where(found.belief[rows, found.suggested] > LIKELY, found.suggested, found.labels)


def trained(task: Task, data: Dataset, rows: Ints, targets: Floats, watch: Dynamics | None = None) -> Classifier:
    seed_everything(task.seed, 0)
    examples = Examples(data.pictures[rows], targets.astype(np.float32))
    model = saved.build("attention", examples.targets.sum(0) > 0, colour=False)
    settings = replace(TrainSettings(), epochs=2 if task.quick else EPOCHS)
    fit(model, examples, None, settings, seed=task.seed, watch=watch)
    return model
