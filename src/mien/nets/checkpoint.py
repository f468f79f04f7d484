"""Checkpoints: files with the complete state of a training between two epochs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mien.nets.examples import TrainingData
from mien.nets.settings import TrainSettings
from mien.storage.files import write_atomic
from mien.storage.first_edition import digest_then
from mien.storage.identity import identity
from mien.types import Floats, Ints

Epoch = dict[str, float]
Watch = Callable[[Ints, Floats], object]
"""An observer of a training, called with the rows and the (B, K) logits of every batch."""


@runtime_checkable
class StatefulObserver(Protocol):
    """An observer of a training whose state is saved in the checkpoint, so that resuming keeps earlier epochs."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the state as arrays by name."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        ...


def state_of(watch: Watch | StatefulObserver | None) -> dict[str, Tensor]:
    """Return the state of an observer as tensors; empty unless it is a `StatefulObserver`."""
    if not isinstance(watch, StatefulObserver):
        return {}
    return {name: torch.from_numpy(value) for name, value in watch.state().items()}


def restore_to(watch: Watch | StatefulObserver | None, state: Mapping[str, Tensor]) -> None:
    """Restore an observer from what `state_of` returned; does nothing unless it is a `StatefulObserver`."""
    if isinstance(watch, StatefulObserver):
        watch.restore({name: value.cpu().numpy() for name, value in state.items()})


@dataclass(frozen=True)
class Checkpoint:
    """State of a training between two epochs: its fingerprint, a record per epoch, and its tensors by name.

    Prefixes of the names, such as "model.", name the part that a tensor belongs to.
    """

    fingerprint: str
    history: list[Epoch]
    tensors: Mapping[str, Tensor]

    def write(self, path: Path) -> None:
        """Write the checkpoint to a file atomically."""
        tensors = {name: value.detach().contiguous().clone() for name, value in self.tensors.items()}
        metadata = {"history": json.dumps(self.history), "fingerprint": self.fingerprint}
        write_atomic(path, lambda file: file.write(save(tensors, metadata)))

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names have a prefix, by names without it."""
        return {
            name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)
        }  # fmt: skip

    def fits(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether names and shapes of tensors match; they differ after changes in the code of a classifier."""
        stored, given = ({name: value.shape for name, value in side.items()} for side in (self.tensors, tensors))
        return stored == given


def fingerprints(
    precisions: Iterable[torch.dtype],
    settings: TrainSettings,
    seed: int,
    train: TrainingData,
    validated: int,
    initial: Sequence[NDArray[Any]],
) -> dict[str, torch.dtype]:
    """Map the fingerprints of the checkpoints that a training may continue from to their precisions, its own first.

    Parameters
    ----------
    precisions : precisions in which the training may have started.
    validated : number of validation pictures.
    initial : weights that the training started with, if they were not new.
    """
    current = {
        identity(
            train=settings.anywhere, seed=seed, targets=train.targets, judged=validated, precision=str(precision),
            epoch=train.epoch, began=initial,
        ): precision
        for precision in precisions
    }  # fmt: skip
    epoch = (train.epoch,) if train.epoch else ()
    earlier = {
        digest_then(known, seed, train.targets, validated, str(precision).encode(), *epoch, *initial): precision
        for known in (settings.anywhere, settings)
        for precision in precisions
    }
    return current | earlier


def read(path: Path, device: torch.device) -> Checkpoint | None:
    """Read a checkpoint; None if the file does not exist or is damaged."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a mapping
        history = json.loads(metadata["history"])
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    return Checkpoint(metadata.get("fingerprint", ""), history, tensors)
