"""Identity of a run and its trainings: data, parts and settings, but not the machine that they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mien.data.picture import ImageSettings
from mien.nets.settings import OF_THE_MACHINE, TrainSettings
from mien.storage.files import as_storage_error
from mien.storage.first_edition import digest_then
from mien.storage.identity import identity
from mien.storage.layout import CELLS
from mien.storage.run import Run

WORK = ("model.json", "checkpoint.safetensors", "drawn.safetensors", "generated.npz", "answers-*.npz", "test.npz")
"""Files of a cell, one of which exists as soon as work was done in it."""


def is_begun(target: Run) -> bool:
    """Whether work was done in a run. If not, its folder may be used for another run."""
    return target.path("run.json").exists() and any(
        next(target.path(CELLS).rglob(name), None) is not None for name in WORK
    )


def machine_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the machine on which a run began."""
    train = manifest["settings"]["train"]
    return {name: train[name] for name in OF_THE_MACHINE}


def training_identities(
    run: Run, data: str, parts: str, images: ImageSettings, train: TrainSettings, seed: int, key: str
) -> list[str]:
    """Digests of all that the weights of a training depend on: today's, then those that earlier versions stored.

    Parameters
    ----------
    data, parts : fingerprints. images, train : settings. key : what sets it apart in its run, such as "without-fear".
    """
    then = [digest_then(data, parts, images, known, seed, key) for known in known_as(train, run)]
    return [identity(data=data, parts=parts, images=images, train=train.anywhere, seed=seed, key=key), *then]


def known_as(train: TrainSettings, run: Run) -> list[TrainSettings]:
    """The settings that identify a training of a run, first without those of the machine.

    The second ones include the machine on which the run began, as in fingerprints of earlier versions.
    """
    if not run.path("run.json").exists():
        return [train.anywhere, train]
    with as_storage_error(run.path("run.json")):
        return [train.anywhere, replace(train, **machine_of(run.manifest()))]
