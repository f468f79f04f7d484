"""How far ways to be unsure keep apart what nobody can say and what the classifier never saw: drawn faces.

Of a drawn face it is known which emotions it blends. So *aleatoric* should follow the entropy of the blend, and rise
with blur; *epistemic* should tell the faces of an emotion that the classifier never saw, and fall with more pictures to
learn from. What does both is one number under two names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from benchmarks.common import Result, do_all, keep
from mien.data.faces import DrawnFaces, FaceSettings, draw
from mien.metrics.ranking import auroc
from mien.nets import saved
from mien.nets.device import keep_freed_memory, one_thread, seed_everything
from mien.nets.examples import Examples
from mien.nets.mc_predictions import dropconnect_draws, dropout_draws, gaussian_draws, member_draws
from mien.nets.network import Network
from mien.nets.sampling import Sampling
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.files import read_json
from mien.storage.identity import identity
from mien.types import Floats
from mien.uncertainty import Uncertainty, entropy, entropy_split, gaussian_split

KEPT = Path("runs/benchmark-labels")
UNSEEN = "surprise"
MANY, FEW, TESTED = 6000, 600, 3000
EPOCHS = 20
MEMBERS = 3
SIZE = 40
BLUR = 1.5
"""Pixels, of a picture's 40."""


@dataclass(frozen=True)
class Task:
    """The classifiers of one seed that learnt from so many drawn faces."""

    quick: bool
    seed: int
    pictures: int

    @property
    def file(self) -> Path:
        constants = (MANY, FEW, TESTED, EPOCHS, MEMBERS, SIZE, BLUR, UNSEEN)
        return KEPT / f"unsure-{identity(task=asdict(self), constants=constants)}.json"


def table(result: Result, quick: bool, seeds: tuple[int, ...]) -> None:
    """A line for each way: means over the seeds."""
    counts = (FEW // 4, MANY // 20) if quick else (FEW, MANY)
    tasks = [Task(quick, seed, pictures) for pictures in counts[::-1] for seed in seeds]
    do_all(do, tasks)
    found = {task: read_json(task.file) for task in tasks}
    lines: list[dict[str, object]] = []
    for name in WAYS:
        few, many = ([found[Task(quick, seed, count)][name] for seed in seeds] for count in counts)
        line: dict[str, object] = {"way": name}
        for key in ("aleatoric", "epistemic"):
            line |= {
                f"{key}: rank correlation with the blend": mean(many, key, "blend"),
                f"{key}: AUROC of an unseen emotion": mean(many, key, "unseen"),
                f"{key}: blurred, times as much": mean(many, key, "blurred") / mean(many, key, "known"),
                f"{key}: with a tenth of the pictures, times as much": mean(few, key, "known")
                / mean(many, key, "known"),
            }
        line["rank correlation of both"] = float(np.mean([one["both"] for one in many]))
        lines.append(line)
    result.table(f"Drawn faces, {counts[1]} to learn from, none of {UNSEEN}", lines)


def mean(found: list[dict[str, dict[str, float]]], key: str, what: str) -> float:
    return float(np.mean([one[key][what] for one in found]))


def do(task: Task) -> None:
    keep(task.file, lambda: measured(task))


def measured(task: Task) -> dict[str, object]:
    """Of each way, what its two parts follow."""
    one_thread()
    keep_freed_memory()
    learnt, tested = faces(task.pictures, 10 * task.seed + 1), faces(60 if task.quick else TESTED, 10 * task.seed + 2)
    absent = learnt.dataset.labelset.index(UNSEEN)
    members = [trained(task, learnt, absent, "attention", number) for number in range(MEMBERS)]
    gaussian = trained(task, learnt, absent, "sampling", 0)
    sharp = tested.dataset.pictures[np.arange(len(tested.truth))]
    blurred = np.stack([gaussian_filter(picture, BLUR) for picture in sharp])
    found: dict[str, object] = {}
    for name, way in WAYS.items():
        clear, dim = (way(members, gaussian, pictures) for pictures in (sharp, blurred))
        unseen = tested.truth == absent
        blend = entropy(tested.mixture)
        found[name] = {
            "both": float(spearmanr(clear.aleatoric[~unseen], clear.epistemic[~unseen])[0]),
            **{
                key: followed(getattr(clear, key), getattr(dim, key), unseen, blend)
                for key in ("aleatoric", "epistemic")
            },
        }
    return found


def followed(value: Floats, dim: Floats, unseen: np.ndarray, blend: Floats) -> dict[str, float]:
    return {
        "blend": float(spearmanr(value[~unseen], blend[~unseen])[0]),
        "unseen": auroc(value, unseen),
        "known": float(value[~unseen].mean()),
        "blurred": float(dim[~unseen].mean()),
    }


def faces(count: int, seed: int) -> DrawnFaces:
    """Evenly many of each emotion, a third of them blends."""
    return draw(FaceSettings(n=count, size=SIZE, seed=seed, profile="even", blending=0.35))


def trained(task: Task, drawn: DrawnFaces, absent: int, base: str, number: int) -> Network:
    """A classifier that learns from the votes; none of the unseen emotion."""
    seed_everything(task.seed, number)
    votes = drawn.dataset.votes
    assert votes is not None
    data = drawn.dataset.replace(labels=drawn.truth, targets=votes / votes.sum(1, keepdims=True))
    examples = Examples.of(data, np.arange(len(data)), absent)
    model = saved.build(base, examples.targets.sum(0) > 0, colour=False)
    settings = replace(TrainSettings(), epochs=2 if task.quick else EPOCHS, label_smoothing=0.0, weight_power=0.0)
    fit(model, examples, None, settings, seed=100 * task.seed + number)
    return model


Way = Callable[[list[Network], Network, np.ndarray], Uncertainty]
WAYS: dict[str, Way] = {
    "dropout, entropy": lambda members, gaussian, pictures: entropy_split(dropout_draws(members[0], pictures)),
    "DropConnect, entropy": lambda members, gaussian, pictures: entropy_split(dropconnect_draws(members[0], pictures)),
    "three networks, entropy": lambda members, gaussian, pictures: entropy_split(member_draws(members, pictures)),
    "Gaussian logits and dropout, entropy": lambda members, gaussian, pictures: entropy_split(
        dropout_draws(gaussian, pictures)
    ),
    "Gaussian logits and dropout, variances": lambda members, gaussian, pictures: gaussian_split(
        *gaussian_draws(_gaussian(gaussian), pictures)
    ),
}


def _gaussian(model: Network) -> Sampling:
    assert isinstance(model, Sampling)
    return model
