"""The files of a patch.

    NAME.patch/
      patch.json        classes, correctors, policy, fingerprints, what is known of the training images, and for people
                        the certificate (computed again on loading)
      calibration.npz   the correctors' scores and suggestions for the calibration images
      corrector-I.npz   what corrector I learnt

Nothing in them can run code.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mien.errors import RunError
from mien.storage.files import Record, read_json, storage_errors, write_arrays, write_json

FORMAT = 1
REMEDY = "make the patch again with mien correct"
SUMMARY, CALIBRATION = "patch.json", "calibration.npz"
Arrays = Mapping[str, NDArray[Any]]


def corrector_file(number: int) -> str:
    """Name of the file of a corrector."""
    return f"corrector-{number}.npz"


def write_patch(folder: Path, summary: Mapping[str, Any], calibration: Arrays, correctors: Sequence[Arrays]) -> None:
    """Write the folder, in place of a patch that is there already.

    A killed process leaves the one or the other whole, at worst the older as .NAME.old: the next call puts it back.
    """
    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
    with storage_errors(folder):
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (new, old):
            remove(left)
        for number, state in enumerate(correctors):
            write_arrays(new / corrector_file(number), **state)
        write_arrays(new / CALIBRATION, **calibration)
        write_json(new / SUMMARY, {"format": FORMAT, **summary})
        if folder.exists() or folder.is_symlink():
            folder.rename(old)
        new.rename(folder)
        remove(old)


def read_summary(folder: Path) -> Record:
    """The content of patch.json; RunError where it is no patch that this version can read."""
    if not (folder / SUMMARY).exists():
        raise RunError("is no patch", place=str(folder), remedy="give the folder that mien correct wrote")
    stored = read_json(folder / SUMMARY)
    if not isinstance(stored, Record) or type(stored["format"]) is not int or stored["format"] < 1:
        raise RunError("is no summary of a patch", place=str(folder / SUMMARY), remedy=REMEDY)
    if stored["format"] > FORMAT:
        raise RunError("was written by a newer mien", place=str(folder), remedy="pip install --upgrade mien")
    return stored


def remove(folder: Path) -> None:
    """Take a folder away, if it is there; of a link, the link."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def now() -> str:
    """The time, as `about` has it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
