"""The base classifier of a task: read back, or trained from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from mien.data.prepare import DataSettings
from mien.data.provenance import TrainedOn
from mien.errors import RunError
from mien.experiments.progress import Task, announce
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.nets.pretraining import pretrain_on_synthetic
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.csv_tables import Table
from mien.storage.files import read_json, write_json
from mien.storage.layout import CARD, CellFolder
from mien.types import LabelSet


@dataclass(frozen=True)
class Recipe:
    """How a base classifier is made.

    Attributes
    ----------
    base : its name. labelset : the classes.
    data : size, colour and resize mode of the pictures. train : the settings of the training.
    identities : digests of all that the weights depend on: today's, then those of earlier versions.
    """

    base: str
    labelset: LabelSet
    data: DataSettings
    train: TrainSettings
    identities: Sequence[str]


@dataclass(frozen=True)
class Lesson:
    """What a classifier is trained with.

    Attributes
    ----------
    train, validation : the pictures to learn from, and those that choose the epoch.
    trained_on : which pictures and persons of the data set these are.
    """

    train: Examples
    validation: Examples
    trained_on: TrainedOn


@dataclass(frozen=True)
class Training:
    """What a training cost.

    Attributes
    ----------
    seconds : of all epochs. shown : pictures, each as often as it was shown.
    epochs : done. pictures : that it learnt from.
    """

    seconds: float
    shown: int
    epochs: int
    pictures: int


def base_of(task: Task, recipe: Recipe, lesson: Callable[[], Lesson]) -> tuple[Network, Training | None]:
    """The classifier, and what its training cost (None where an earlier version did not write that down).

    Parameters
    ----------
    lesson : called only if there is something to train.

    Raises
    ------
    RunError : the folder holds a model of another identity.
    """
    cost = task.path / "training.json"
    if not (task.path / CARD).exists():
        return _trained(task, recipe, lesson())
    model, card = saved.load(task.path, base=recipe.base)
    if card.training not in recipe.identities:
        remedy = "give another folder with --out"
        raise RunError("holds a model of other data, parts or settings", place=str(task.path), remedy=remedy)
    return model, read_json(cost).record(Training) if cost.exists() else None


def _trained(task: Task, recipe: Recipe, lesson: Lesson) -> tuple[Network, Training]:
    data, settings, train = recipe.data, recipe.train, lesson.train
    known = train.targets.sum(0) > 0  # a class without a training picture is as unknown as one left out
    seed_everything(task.seed, 0)  # the same first weights in every task of a seed
    model = saved.build(recipe.base, known, data.colour)
    announce(task, "training")
    first, checkpoint = task.path / "drawn.safetensors", task.path / "checkpoint.safetensors"
    drawn = pretrain_on_synthetic(model, recipe.labelset, data.images, settings, seed=task.seed, checkpoint=first)
    history = fit(
        model, train, lesson.validation, settings, seed=task.seed, fresh=not drawn, checkpoint=checkpoint,
        progress=lambda epoch: announce(task, "training", int(epoch["epoch"]), settings.epochs),
    )  # fmt: skip
    epochs = [{key: f"{value:.6g}" for key, value in epoch.items()} for epoch in history]
    Table("history", tuple(epochs[0])).write(CellFolder(task.path).history, epochs)
    seconds = sum(epoch["seconds"] for epoch in [*drawn, *history])
    shown = (train.epoch or len(train)) * len(history) + settings.synthetic * len(drawn)
    cost = Training(seconds, shown, len(history), len(train))
    write_json(task.path / "training.json", asdict(cost))
    card = saved.ModelCard(
        recipe.base, recipe.labelset.names, tuple(known.tolist()), data.size, data.colour, data.resize_mode,
        recipe.identities[0],
    )  # fmt: skip
    saved.save(model, card, task.path, lesson.trained_on)
    for file in (first, checkpoint):
        file.unlink(missing_ok=True)
    return model, cost
