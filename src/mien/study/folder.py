"""The folder of a run: apart from its data, one process at a time, watched by others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mien.errors import RunError, UsageError
from mien.models.training import Epoch
from mien.runs import read_json, storage_errors, write_json


def apart(out: Path, source: str) -> None:
    """What a run writes must not become part of its data."""
    data = Path(source).expanduser().resolve()
    if data.is_dir() and out.resolve().is_relative_to(data):
        raise UsageError(f"{out} lies inside the data", place="--out", remedy="give a folder outside of it")


@contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """Nobody else may work in the folder meanwhile. The lock goes with the process, however it ends."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            import fcntl  # not on every system; there, the user must take care

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except OSError:
            raise RunError(
                "another mien is working in this folder", place=str(folder), remedy="wait for it, or give another --out"
            ) from None
        yield


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
