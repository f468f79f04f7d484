"""What a run and its trainings are known by: data, parts and settings, but not the machine that they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mien.models.settings import OF_THE_MACHINE, TrainSettings
from mien.runs import Run, sound

WORK = ("model.json", "checkpoint.safetensors", "drawn.safetensors", "generated.npz", "answers-*.npz", "test.npz")
"""Files of which a cell has at least one as soon as anything was made."""


def is_begun(target: Run) -> bool:
    """Whether a run holds anything that was made. If not, the folder may become another run."""
    return target.path("run.json").exists() and any(
        next(target.path("cells").rglob(name), None) is not None for name in WORK
    )


def machine_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the machine on which a run began."""
    train = manifest["settings"]["train"]
    return {name: train[name] for name in OF_THE_MACHINE}


def known_as(train: TrainSettings, run: Run) -> list[TrainSettings]:
    """What a training of a run is known by: the settings without those of the machine.

    Earlier versions counted them in, so the settings with those of the machine on which the run began come second.
    """
    if not run.path("run.json").exists():
        return [train.anywhere, train]
    with sound(run.path("run.json")):
        return [train.anywhere, replace(train, **machine_of(run.manifest()))]
