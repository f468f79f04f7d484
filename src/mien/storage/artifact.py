"""The header of what mien writes: a JSON file in a folder, with kind, number of the format, and id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import RunError
from mien.storage.files import AGAIN, Record, read_json, write_json


@dataclass(frozen=True)
class Artifact:
    """A kind of folder that mien writes, known by a JSON file in it.

    Attributes
    ----------
    kind : "run", "patch", … file : its name in the folder, such as "run.json".
    format : number of what this version writes; files of lower numbers are read, too.
    made_by : the commands that write it, for messages.
    headless : whether the first version of the file had no header.
    """

    kind: str
    file: str
    format: int
    made_by: str
    headless: bool = False

    def header(self, id: str = "", kind: str = "") -> dict[str, Any]:
        """What the file begins with. The id is a digest of everything that the content depends on, see `identity`."""
        return {"format": self.format, "kind": kind or self.kind, "id": id}

    def write(self, folder: Path, content: Mapping[str, Any]) -> None:
        """Write the file; "id" and "kind" of the content go into its header."""
        write_json(folder / self.file, {**self.header(), **content, "format": self.format})

    def read(self, folder: Path, remedy: str = "") -> Record:
        """What the file holds.

        Parameters
        ----------
        remedy : where it is damaged.

        Raises
        ------
        RunError : there is none, it is none of this kind, or a newer version wrote it.
        """
        path = folder / self.file
        if not path.exists():
            cause = f"holds no {self.kind} (no {self.file})" if folder.is_dir() else "no such folder"
            raise RunError(cause, place=str(folder), remedy=f"give the folder that {self.made_by} wrote")
        stored = read_json(path)
        if self.headless and isinstance(stored, Record):
            stored.setdefault("format", 1)
        return check_format(stored, path, self.format, self.kind, remedy)


def check_format(stored: Any, path: Path, newest: int, kind: str, remedy: str = "") -> Record:
    """A stored record, after the number of its format was checked.

    Raises
    ------
    RunError : it has none, or one above `newest`.
    """
    if not isinstance(stored, Record) or type(number := stored.get("format")) is not int or number < 1:
        raise RunError(f"is no file of a {kind}", place=str(path), remedy=remedy or AGAIN)
    if number > newest:
        raise RunError("was written by a newer mien", place=str(path), remedy="pip install --upgrade mien")
    return stored
