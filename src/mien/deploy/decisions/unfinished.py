"""A log of decisions that is not finished: rows beside the file that appears when all of them are there.

The file .NAME.partial begins with a line that identifies the call, and has a line of JSON for each row. A call that was
killed leaves it, perhaps with a line that is cut off. The next call cuts it back to whole batches, so that the pictures
that follow are answered in the batches in which an uninterrupted call answers them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mien.deploy.decisions.formats import encoded, json_lines, write_log
from mien.deploy.decisions.rows import Columns, Row
from mien.errors import RunError, UsageError
from mien.storage.files import as_storage_error, storage_errors, write_atomic

FORMAT = 1
"""Number of the form of the file."""
AGAIN = "start over with --fresh"


class Unfinished:
    """The rows so far of one output.

    Attributes
    ----------
    out : the file that appears at the end. path : of the rows so far. columns : of the rows.
    kept : number of rows of an earlier call that stay.
    """

    def __init__(self, out: Path, columns: Columns) -> None:
        self.out, self.columns, self.kept = out, columns, 0
        self.path = out.with_name(f".{out.name}.partial")

    def begin(self, about: Mapping[str, str], *, fresh: bool = False) -> None:
        """Begin with no row.

        Parameters
        ----------
        about : what identifies the call: words for people, such as "settings", and digests or ids.
        fresh : whether the rows of an earlier call are given up, and an output that is there is replaced.

        Raises
        ------
        UsageError : rows of an earlier call are there, or the output is. StorageError : they cannot be written.
        """
        if self.path.exists() and not fresh:
            cause = f"an earlier call was stopped and left its rows in {self.path.name}"
            remedy = "continue with --resume, or start over with --fresh"
            raise UsageError(cause, place=str(self.out), remedy=remedy)
        check_new(self.out, fresh=fresh)
        with storage_errors(self.path):
            self.path.write_bytes(_header(about))

    @property
    def is_finished(self) -> bool:
        """Whether the output is there, and no rows beside it."""
        return self.out.exists() and not self.path.exists()

    def resume(self, about: Mapping[str, str], step: int) -> None:
        """Continue with the rows of an earlier call, or begin where there are none.

        Parameters
        ----------
        step : rows of a batch; the rows are cut back to a multiple of it.

        Raises
        ------
        RunError : the rows are of another call, with other places, another classifier, patch or setting.
        """
        if not self.path.exists():
            self.begin(about)
            return
        with storage_errors(self.path), self.path.open("r+b") as file:
            header = file.readline()
            if header.endswith(b"\n"):
                self._check_same(header, about)
            else:  # the call was killed at once
                header = _header(about)
                file.seek(0)
                file.write(header)
            self.kept, end = _whole_batches(file, len(header), step)
            file.truncate(end)

    def rows(self) -> Iterator[Row]:
        """Iterate over the rows that are there; RunError where one is damaged."""
        with self.path.open("rb") as file:
            file.readline()
            for line in file:
                with as_storage_error(self.path, AGAIN):
                    row: Row = json.loads(line)
                yield row

    def append(self, rows: Iterable[Row]) -> None:
        """Write the rows of a batch."""
        text = json_lines(rows, self.columns)
        with storage_errors(self.path), self.path.open("ab", buffering=0) as file:
            file.write(encoded(text))

    def finish(self, format: str) -> None:
        """Write the output at once, in one of FORMATS, and remove the rows beside it."""

        def write(file: BinaryIO) -> None:
            if format == "jsonl":  # as they stand
                with self.path.open("rb") as rows:
                    rows.readline()
                    shutil.copyfileobj(rows, file)
            else:
                write_log(file, format, self.rows(), self.columns)

        write_atomic(self.out, write)
        with storage_errors(self.path):
            self.path.unlink()

    def _check_same(self, header: bytes, about: Mapping[str, str]) -> None:
        with as_storage_error(self.path, AGAIN):
            stored: dict[str, Any] = dict(json.loads(header))
        for name, value in {"form": FORMAT, **about}.items():
            if stored.get(name) != value:
                remedy = "repeat that call, start over with --fresh, or choose another place with --out"
                raise RunError(f"holds the rows of a call with other {name}", place=str(self.path), remedy=remedy)


def check_new(out: Path, *, fresh: bool = False) -> None:
    """Raise UsageError where an output is there already, and is not to be replaced."""
    if out.exists() and not fresh:
        remedy = "choose another place with --out, or replace it with --fresh"
        raise UsageError(f"{out} exists already", place="--out", remedy=remedy)


def _header(about: Mapping[str, str]) -> bytes:
    return encoded(json.dumps({"form": FORMAT, **about}) + "\n")


def _whole_batches(file: BinaryIO, start: int, step: int) -> tuple[int, int]:
    """How many rows whole batches of a file have, and where they end."""
    kept, end, position = 0, start, start
    file.seek(start)
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            break
        position += len(line)
        if number % step == 0:
            kept, end = number, position
    return kept, end
