"""Reader of tables as text: CSV with any usual separator, TSV and Parquet; case and padding of titles do not matter."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from mien.data.labels import EMOTIONS
from mien.errors import DataError, nearest
from mien.outside import import_optional
from mien.types import NO_LABEL, fold, spelling

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
SEPARATORS = ",;\t|"
SHOWN = 200
IMAGE = (
    "image", "file", "filename", "filepath", "picture", "path", "pth", "img", "image_name", "image_path", "img_path",
    "image_file", "img_name", "fname", "image_url", "uri", "image_id", "file_path",
    "subDirectory_filePath", "pic", "photo", "name",
)  # fmt: skip
LABEL = (
    "label", "emotion", "expression", "class", "category", "emotion_label", "class_name", "label_name", "target",
    "facial_expression", "sentiment", "labels",
)  # fmt: skip
PERSON = (
    "person", "subject", "subject_id", "person_id", "identity", "identity_id", "participant", "participant_id", "actor",
    "individual", "celebrity",
)  # fmt: skip
SOURCE = ("source", "contributor", "user.id", "dataset")
PART = ("split", "usage", "subset", "partition", "part", "fold", "set")
"""Usual names of columns for the picture, its label, the person, the contributor, and the part of the data set."""
NOBODY = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nil", "unknown", "unk", "-", "--", "?", "-1"})
"""Cells that mean an unknown person."""


@dataclass(frozen=True)
class Table:
    """A table whose cells are texts.

    Attributes
    ----------
    path : the file.
    header : (C,) column names as written, trimmed.
    rows : (R, C) cells, trimmed; rows with too few cells in the file are padded with "".
    short : numbers (from 0) of the rows that had too few cells in the file.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    short: frozenset[int] = frozenset()

    def find_column(self, *names: str) -> int | None:
        """Index of the first column with one of these names, None if there is none.

        Case, spaces, dots and underscores do not matter: "User.ID" equals "user_id".
        """
        indices = {fold_title(title): index for index, title in reversed(list(enumerate(self.header)))}
        return next((indices[fold_title(name)] for name in names if fold_title(name) in indices), None)

    def require_column(self, *names: str) -> int:
        """Index of the first column with one of these names; DataError if there is none."""
        index = self.find_column(*names)
        if index is None:
            raise missing_column(names[0], self.header, self.path)
        return index

    def column(self, index: int) -> list[str]:
        """(R,) cells of a column."""
        return [row[index] for row in self.rows]


def fold_title(title: str) -> str:
    """Remove case, spaces, dots, hyphens and underscores from a column's name for comparison.

    >>> fold_title(" User.ID"), fold_title("user_id")
    ('userid', 'userid')
    """
    return re.sub(r"[\s._-]+", "", fold(title))


def unify_names(written: Sequence[str]) -> list[str]:
    """Replace each person's name by its first spelling, and names that mean an unknown person by "".

    Case, padding and the notation of whole numbers do not matter: pandas writes 3 as 3.0 if a column has empty cells.

    >>> unify_names(["3", "3.0", "003", "nan", "Anna", "ANNA"])
    ['3', '3', '3', '', 'Anna', 'Anna']
    """
    first: dict[str, str] = {}
    names = []
    for name in written:
        key = spelling(name)
        names.append("" if key in NOBODY else first.setdefault(key, name))
    return names


def missing_column(name: str, header: Sequence[str], path: Path) -> DataError:
    """Build the error for a table without a required column."""
    near = nearest(name, [title for title in header if EMOTIONS.resolve(title) == NO_LABEL])
    hint = f"did you mean {near!r}? " if near else ""
    columns = ", ".join(header)[:SHOWN] or "none"
    return DataError(f"has no column {name!r}", place=str(path), remedy=f"{hint}its columns are: {columns}")


def read_table(path: Path) -> Table:
    """Read a table with a header from a CSV, TSV or Parquet file.

    Raises
    ------
    DataError : the file is not a table, or cannot be read.
    MissingExtraError : it is a Parquet file, and pyarrow is not installed.
    """
    return _parquet(path) if _is_parquet(path) else _table(rows_of(path), path)


def header_of(path: Path) -> list[str]:
    """Read only the column names of a table; raises the errors of `read_table`."""
    return _parquet(path, header_only=True).header if _is_parquet(path) else next(rows_of(path), [])


def table_of(raw: bytes, path: Path) -> Table:
    """Parse the bytes of a text file as a table; `path` is for messages. Raises the errors of `read_table`."""
    with _data_errors(path):
        return _table(_cells(io.TextIOWrapper(io.BytesIO(raw), _encoding(raw), newline="")), path)


def rows_of(path: Path) -> Iterator[list[str]]:
    """Iterate over the rows of a text table, header first, with trimmed cells and without empty lines.

    Raises
    ------
    DataError : the file is not text, or cannot be read.
    """
    with _data_errors(path):
        with path.open("rb") as file:
            encoding = _encoding(file.read(4))
        with path.open(newline="", encoding=encoding) as text:
            yield from _cells(text)


def _table(lines: Iterator[list[str]], path: Path) -> Table:
    header, rows = next(lines, []), list(lines)
    width = len(header)
    short = frozenset(number for number, row in enumerate(rows) if len(row) < width)
    return Table(path, header, [row + [""] * (width - len(row)) for row in rows], short)


def _cells(text: TextIO) -> Iterator[list[str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a 224×224 picture in one cell exceeds the default
    first = text.readline()
    while first and not first.strip():
        first = text.readline()
    if "\0" in first:
        raise csv.Error("it contains zero bytes, like UTF-16 without a byte order mark")
    separator = max(SEPARATORS, key=first.count)
    if declaration := re.fullmatch(r'"?sep=(.)"?', first.rstrip("\r\n"), re.IGNORECASE):  # written by Excel
        separator, first = declaration[1], ""
    for row in csv.reader(chain([first] if first else [], text), delimiter=separator, skipinitialspace=True):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield cells


def decode_text(raw: bytes, path: Path) -> str:
    """Decode a file's bytes as UTF-8, or as UTF-16 with a byte order mark; DataError if it is neither."""
    with _data_errors(path):
        return raw.decode(_encoding(raw))


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


@contextmanager
def _data_errors(path: Path) -> Iterator[None]:
    """Convert errors of reading a text table into DataError."""
    try:
        yield
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"is not a CSV file: {error}", place=str(path), remedy="save it as UTF-8 CSV") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path), remedy="check the path") from None


def _is_parquet(path: Path) -> bool:
    with _data_errors(path), path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet(path: Path, *, header_only: bool = False) -> Table:
    parquet = import_optional("pyarrow.parquet", "pyarrow", "parquet")
    try:
        if header_only:
            return Table(path, list(parquet.read_schema(path).names), [])
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise DataError(f"is not a Parquet file: {error}", place=str(path), remedy="write it again") from None
    columns = [["" if value is None else str(value).strip() for value in column.to_pylist()] for column in table]
    return Table(path, list(table.column_names), [list(row) for row in zip(*columns, strict=True)])
