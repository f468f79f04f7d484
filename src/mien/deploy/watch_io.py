"""The files of the watch of a patch.

    NAME.patch/watch/
      watch.json      standing, counts, settings, what an alarm put in force; id: a digest of all that
      decisions.npz   the decisions and verdicts counted so far, so that rotated logs may be thrown away
      report.html     for people; nothing reads it

A file that was edited or cut does not fit its digest, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import RunError, choice_error
from mien.storage.artifact import Artifact
from mien.storage.files import Record, as_storage_error, read_arrays, storage_errors, to_json, write_arrays
from mien.storage.folders import appearing, older
from mien.storage.identity import identity
from mien.types import Floats, plain
from mien.watch.counted import Counted
from mien.watch.log import DECISION, VERDICT

FOLDER = "watch"
WATCH = Artifact("watch", "watch.json", 1, "mien watch")
DECISIONS = "decisions.npz"
REMEDY = "run mien watch --fresh on all logs and verdicts"
HEADER = ("format", "kind", "id")
FLAG, SILENCE = ACTIONS = ("flag", "silence")
"""What an alarm may put in force."""
KEEP = "keep"
ON_ALARM = (KEEP, *ACTIONS)


@dataclass(frozen=True)
class Restraint:
    """What an alarm of the watch put in force: the patch only flags, or is silent.

    Attributes
    ----------
    action : one of ACTIONS. reason : in words. time : of the last decision that was counted then.
    """

    action: str
    reason: str
    time: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise choice_error("action", str(self.action), ACTIONS, place="Restraint")
        object.__setattr__(self, "reason", plain(self.reason)[:500])

    @property
    def effect(self) -> str:
        """What it does, in words."""
        return "the patch only flags" if self.action == FLAG else "the patch is silent"

    def __str__(self) -> str:
        return f"{self.effect} since an alarm of its watch: {self.reason}"

    def applied(self, thresholds: Floats, action: str) -> tuple[Floats, str]:
        """Thresholds and action under the restraint.

        >>> Restraint("silence", "too much harm").applied(np.zeros(2), "relabel")
        (array([inf, inf]), 'relabel')
        """
        return (thresholds, FLAG) if self.action == FLAG else (np.full_like(thresholds, np.inf), action)


def write_watch(folder: Path, content: Mapping[str, Any], counted: Counted) -> None:
    """Write the watch into the folder of a patch; a stopped call leaves the older one or the new one, whole."""
    arrays = {"decisions": counted.decisions, "verdicts": counted.verdicts}
    content = json.loads(to_json({**content, "patches": counted.patches, "counted": identity(**arrays)}))
    with storage_errors(folder / FOLDER), appearing(folder / FOLDER, stale=0) as new:
        write_arrays(new / DECISIONS, **arrays)
        WATCH.write(new, {"id": identity(content=content), **content})


def read_watch(folder: Path, patch: str = "") -> Record | None:
    """The content of watch.json in the folder of a patch; None where the patch was never watched.

    Parameters
    ----------
    patch : the id that the patch must have; "" for any.

    Raises
    ------
    RunError : it is missing from its folder, was edited or cut, is of another patch, or a newer version wrote it.
    """
    place = _place(folder)
    if not place.exists():
        return None
    if not (place / WATCH.file).exists():
        raise RunError("no such file", place=str(place / WATCH.file), remedy=REMEDY)
    with _remedied():
        stored = WATCH.read(place, REMEDY)
    content = {name: value for name, value in stored.items() if name not in HEADER}
    if stored.get("id") != identity(content=content) or stored.get("kind") != WATCH.kind:
        raise RunError("is corrupt, or was edited", place=str(place / WATCH.file), remedy=REMEDY)
    if patch and stored["patch"] != patch:
        raise RunError("is the watch of another patch", place=str(place / WATCH.file), remedy=REMEDY)
    return stored


def read_counted(folder: Path, stored: Record) -> Counted:
    """The decisions and verdicts that belong to a watch.json; RunError where they are missing or others."""
    path = _place(folder) / DECISIONS
    with as_storage_error(path, REMEDY), _remedied():
        arrays = read_arrays(path)
        decisions, verdicts = arrays["decisions"], arrays["verdicts"]
        if (decisions.dtype, verdicts.dtype) != (DECISION, VERDICT):
            raise ValueError("its columns are others")
        if identity(decisions=decisions, verdicts=verdicts) != stored["counted"]:
            raise ValueError("it does not fit watch.json")
        return Counted(decisions, verdicts, tuple(stored["patches"]))


def _place(folder: Path) -> Path:
    """The folder of the watch; where a killed call left the older one under another name, that one."""
    place = folder / FOLDER
    left = older(place)
    return left if left.exists() and not place.exists() else place


@contextmanager
def _remedied() -> Iterator[None]:
    """Give what damaged files raise the remedy of a watch; a newer version's files keep theirs."""
    try:
        yield
    except RunError as error:
        remedy = error.remedy if "newer" in error.cause else REMEDY
        raise RunError(error.cause, place=error.place, remedy=remedy) from None


def restraint_of(stored: Record | None, folder: Path) -> Restraint | None:
    """What an alarm put in force, by a watch.json; None where that is nothing."""
    if stored is None or stored["restraint"] is None:
        return None
    with as_storage_error(folder / FOLDER / WATCH.file, REMEDY):
        return stored.part("restraint").record(Restraint)
