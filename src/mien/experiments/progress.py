"""The folder of a run, as others watch it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from mien.nets.checkpoint import Epoch
from mien.storage.files import read_json, write_json


class Watched(Protocol):
    """A cell of any kind of run, as those see it who watch it."""

    @property
    def seed(self) -> int: ...

    @property
    def key(self) -> str: ...

    @property
    def path(self) -> Path: ...

    def finished(self) -> bool: ...


def announce(cell: Watched, stage: str, epoch: Epoch | None = None) -> None:
    """Leave word of the progress for whoever watches the run folder."""
    write_json(cell.path / "progress.json", {"stage": stage, "epoch": epoch})


def progress_of(cell: Watched) -> dict[str, Any]:
    """What a cell is at: {"stage", "epoch"}."""
    path = cell.path / "progress.json"
    return read_json(path) if path.exists() else {"stage": "waiting", "epoch": None}
