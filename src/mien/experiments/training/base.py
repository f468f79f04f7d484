"""The base classifier of a cell: read back, or trained from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from mien.data.prepare import DataSettings
from mien.data.provenance import TrainedOn
from mien.errors import RunError
from mien.experiments.progress import Watched, announce
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


def base_of(
    cell: Watched,
    base: str,
    data: DataSettings,
    labelset: LabelSet,
    settings: TrainSettings,
    identities: Sequence[str],
    lesson: Callable[[], Lesson],
) -> tuple[Network, Training | None]:
    """The classifier, and what its training cost (None where an earlier version did not write that down).

    Parameters
    ----------
    base, data : its name; size, colour and resize mode of the pictures.
    identities : digests of all that the weights depend on: today's, then those of earlier versions.
    lesson : called only if there is something to train.

    Raises
    ------
    RunError : the folder holds a model of another identity.
    """
    cost = cell.path / "training.json"
    if not (cell.path / CARD).exists():
        return _trained(cell, base, data, labelset, settings, identities[0], lesson())
    model, card = saved.load(cell.path, base=base)
    if card.training not in identities:
        remedy = "give another folder with --out"
        raise RunError("holds a model of other data, parts or settings", place=str(cell.path), remedy=remedy)
    return model, read_json(cost).record(Training) if cost.exists() else None


def _trained(
    cell: Watched,
    base: str,
    data: DataSettings,
    labelset: LabelSet,
    settings: TrainSettings,
    identity: str,
    lesson: Lesson,
) -> tuple[Network, Training]:
    train = lesson.train
    known = train.targets.sum(0) > 0  # a class without a training picture is as unknown as one left out
    seed_everything(cell.seed, 0)  # the same first weights in every cell of a seed
    model = saved.build(base, known, data.colour)
    announce(cell, "training")
    first, checkpoint = cell.path / "drawn.safetensors", cell.path / "checkpoint.safetensors"
    drawn = pretrain_on_synthetic(model, labelset, data.images, settings, seed=cell.seed, checkpoint=first)
    history = fit(
        model, train, lesson.validation, settings, seed=cell.seed, fresh=not drawn, checkpoint=checkpoint,
        progress=lambda epoch: announce(cell, "training", epoch),
    )  # fmt: skip
    epochs = [{key: f"{value:.6g}" for key, value in epoch.items()} for epoch in history]
    Table("history", tuple(epochs[0])).write(CellFolder(cell.path).history, epochs)
    seconds = sum(epoch["seconds"] for epoch in [*drawn, *history])
    shown = (train.epoch or len(train)) * len(history) + settings.synthetic * len(drawn)
    cost = Training(seconds, shown, len(history), len(train))
    write_json(cell.path / "training.json", asdict(cost))
    card = saved.ModelCard(
        base, labelset.names, tuple(known.tolist()), data.size, data.colour, data.resize_mode, identity
    )  # fmt: skip
    saved.save(model, card, cell.path, lesson.trained_on)
    for file in (first, checkpoint):
        file.unlink(missing_ok=True)
    return model, cost
