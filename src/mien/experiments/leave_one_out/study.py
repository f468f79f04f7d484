"""The study: leave each class out in turn, train, correct, score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mien.errors import DataError
from mien.events import OnEvent, ignore
from mien.experiments.experiment import Manifest, Plan, Splits, carry_out
from mien.experiments.leave_one_out.task import Cell, run_cell
from mien.experiments.preflight import check
from mien.experiments.settings import StudySettings
from mien.experiments.training.training import OfOneClassifier
from mien.storage.layout import FULL, RETRAINED, without
from mien.storage.run import Run
from mien.types import PARTS, Dataset


class Study(OfOneClassifier[StudySettings, Cell]):
    """A cell for each seed and left-out class, with all correctors, and two classifiers that know every class."""

    kind: ClassVar[str] = "study"
    lists: ClassVar[tuple[str, ...]] = ("seeds", "left_out", "correctors")
    do = staticmethod(run_cell)

    def check(self) -> None:
        settings = self.settings
        check(settings.train, [settings.base], settings.correctors, colour=settings.data.colour)

    def plan(self, data: Dataset, splits: Splits, folder: Path) -> Plan[Cell]:
        self.check_data(data, least=3)
        self.settings.policy.check_classes(data.labelset)
        settings, rare = self.settings, self._too_rare(data, splits)
        left_out = self._left_out(data, rare)
        manifest = {
            "left_out": left_out, "correctors": settings.correctors, "base": self.about_base(data),
            "policy": asdict(settings.policy),
        }  # fmt: skip
        keys = [*([RETRAINED] if settings.retrained else []), FULL, *map(without, left_out)]
        cells = [Cell(str(folder), settings, seed, key) for seed in splits for key in keys]
        return Plan(cells, manifest, {"too_rare": rare})

    def grow(self, old: Manifest, new: Manifest) -> dict[str, Any]:
        grown = super().grow(old, new)
        return grown | {"left_out": [name for name in grown["classes"] if name in grown["left_out"]]}

    def _left_out(self, data: Dataset, rare: list[str]) -> tuple[str, ...]:
        """The classes that can be left out; DataError where one that the user names is too rare, or all are."""
        settings, names = self.settings, data.labelset.names
        wanted = [names[data.labelset.index(name, place="--classes")] for name in settings.classes]
        chosen = tuple(name for name in names if (name in wanted or not wanted) and name not in rare)
        refused = [name for name in wanted if name not in chosen]
        if refused or not chosen:
            raise DataError(
                f"too few pictures to leave out {', '.join(refused) or 'any class'}", place=data.name,
                remedy=f"add pictures, or lower --min-pictures (now {settings.min_pictures})",
            )  # fmt: skip
        return chosen

    def _too_rare(self, data: Dataset, splits: Splits) -> list[str]:
        """Classes with too few pictures to be left out, or with none to learn from or to test on in some split."""
        rare = []
        for index, (name, count) in enumerate(zip(data.labelset.names, data.counts().tolist(), strict=True)):
            parts = [np.bincount(part.parts[data.labels == index], minlength=len(PARTS)) for part in splits.values()]
            least = dict(zip(PARTS, np.min(parts, axis=0).tolist(), strict=True))
            if count < self.settings.min_pictures or not (least["fit"] and least["test"]):
                rare.append(name)
        return rare


def run(
    settings: StudySettings,
    out: Path,
    *,
    executor: str = "processes",
    command: str = "",
    on_event: OnEvent = ignore,
    finish: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Do a study, or what is left of it, and return its run folder (without report: see mien.report).

    The parameters and errors are those of :func:`mien.experiments.experiment.carry_out`.
    """
    return carry_out(Study(settings), out, executor=executor, command=command, on_event=on_event, finish=finish)
