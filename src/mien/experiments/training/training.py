"""The experiment of `mien train`: one base classifier for each seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from mien.data.views import as_png, contact_sheet
from mien.errors import DataError
from mien.events import OnEvent, ignore
from mien.experiments.experiment import Experiment, Manifest, Plan, Splits, carry_out
from mien.experiments.identity import is_begun
from mien.experiments.layers import layers_of
from mien.experiments.preflight import check
from mien.experiments.settings import ClassifierSettings
from mien.experiments.tables import TABLES
from mien.experiments.training.task import TrainTask, run_training
from mien.nets import saved
from mien.nets.pretraining import check_synthetic
from mien.nets.settings import OF_THE_MACHINE, TrainSettings
from mien.storage.files import write_atomic
from mien.storage.run import Run
from mien.types import PARTS, Dataset

SAMPLES = 10
PICTURES = ("size", "colour", "resize_mode")
AnyClassifierSettings = TypeVar("AnyClassifierSettings", bound=ClassifierSettings)
AnyTrainTask = TypeVar("AnyTrainTask", bound=TrainTask)


class OfOneClassifier(Experiment[AnyClassifierSettings, AnyTrainTask]):
    """What `mien train` and `mien study` share: one architecture, one training, the splits shown as a table."""

    def identity(self, manifest: Manifest) -> dict[str, object]:
        settings = manifest["settings"]
        return {
            "pictures": {key: settings["data"][key] for key in PICTURES},
            "base": manifest["base"]["name"],
            "training": _learnt(settings["train"]),
        }

    def describe(self, data: Dataset, splits: Splits, run: Run) -> None:
        run.write_table(TABLES["splits"], _split_rows(data, splits))
        if not (run.path("samples.png").exists() and is_begun(run)):
            training = splits[self.settings.seeds[0]].rows("train")
            sheet = as_png(contact_sheet(data, training, SAMPLES))
            write_atomic(run.path("samples.png"), lambda file: file.write(sheet))

    def check_data(self, data: Dataset, least: int) -> None:
        """DataError where there are fewer classes than `least`, or faces cannot be drawn for them."""
        present = [name for name, count in zip(data.labelset.names, data.counts().tolist(), strict=True) if count]
        if len(present) < least:
            raise DataError(
                f"all {len(data)} pictures are of class {' or '.join(present)}", place=data.name,
                remedy=f"give pictures of {least} classes: a classifier needs two, and a study leaves one out",
            )  # fmt: skip
        if self.settings.train.synthetic:
            check_synthetic(self.settings.train.synthetic, data.labelset, self.settings.data.images)

    def about_base(self, data: Dataset) -> dict[str, Any]:
        """The field "base" of run.json."""
        settings = self.settings
        base = saved.build(settings.base, np.ones(len(data.labelset), bool), settings.data.colour)
        layers = layers_of(base, data)
        return {"name": settings.base, "layers": layers, "parameters": saved.parameters(base)}


class Training(OfOneClassifier[ClassifierSettings, TrainTask]):
    """One base classifier for each seed, scored on test."""

    kind: ClassVar[str] = "train"
    do = staticmethod(run_training)

    def check(self) -> None:
        check(self.settings.train, [self.settings.base], colour=self.settings.data.colour)

    def plan(self, data: Dataset, splits: Splits, folder: Path) -> Plan[TrainTask]:
        self.check_data(data, least=2)
        manifest = {"left_out": (), "correctors": (), "base": self.about_base(data)}
        return Plan([TrainTask(str(folder), self.settings, seed) for seed in splits], manifest)


def train(
    settings: ClassifierSettings,
    out: Path,
    *,
    executor: str = "processes",
    command: str = "",
    on_event: OnEvent = ignore,
) -> Run:
    """Train a base classifier for each seed, or what is left of that, and return the run folder.

    The parameters and errors are those of :func:`mien.experiments.experiment.carry_out`.
    """
    return carry_out(Training(settings), out, executor=executor, command=command, on_event=on_event)


def _learnt(train: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run without those of its machine; those that it did not know yet are at their default."""
    return {
        name: value for name, value in (asdict(TrainSettings()) | dict(train)).items() if name not in OF_THE_MACHINE
    }


def _split_rows(data: Dataset, splits: Splits) -> Iterator[dict[str, object]]:
    for seed, parts in splits.items():
        for index, name in enumerate(data.labelset.names):
            counts = np.bincount(parts.parts[data.labels == index], minlength=len(PARTS))
            for part, count in zip(PARTS, counts.tolist(), strict=True):
                yield {"seed": seed, "class": name, "part": part, "count": count}
