"""Checkpoints of a training: a file with all that its next epoch depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mien.runs import write_atomic

Epoch = dict[str, float]


@runtime_checkable
class Remembering(Protocol):
    """What watches a training and is stored with its checkpoint, so that it misses no epoch."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Arrays by name."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state."""
        ...


def state_of(watch: object) -> dict[str, Tensor]:
    """What is stored of whatever watches a training: nothing, unless it is Remembering."""
    if not isinstance(watch, Remembering):
        return {}
    return {name: torch.from_numpy(value) for name, value in watch.state().items()}


def restore_to(watch: object, state: Mapping[str, Tensor]) -> None:
    """Give back what `state_of` took."""
    if isinstance(watch, Remembering):
        watch.restore({name: value.cpu().numpy() for name, value in state.items()})


@dataclass(frozen=True)
class Checkpoint:
    """A training between two epochs.

    Attributes
    ----------
    fingerprint : what the training is known by.
    history : a record of each epoch done. tensors : by name, with a prefix that says what they are of.
    """

    fingerprint: str
    history: list[Epoch]
    tensors: Mapping[str, Tensor]

    def write(self, path: Path) -> None:
        """Write the file in one step."""
        whole = {name: value.detach().contiguous().clone() for name, value in self.tensors.items()}
        metadata = {"history": json.dumps(self.history), "fingerprint": self.fingerprint}
        write_atomic(path, lambda file: file.write(save(whole, metadata)))

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors of one thing, by their names without the prefix."""
        return {
            name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)
        }  # fmt: skip

    def fits(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether it has these tensors, and in these shapes: the code of a classifier may have changed since."""
        return {name: value.shape for name, value in self.tensors.items()} == {
            name: value.shape for name, value in tensors.items()
        }


def read(path: Path, device: torch.device) -> Checkpoint | None:
    """The checkpoint in a file; None where there is none, or none that is whole."""
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
