"""Tables as text: CSV with any usual separator, TSV, or Parquet, with columns found whatever their case and padding."""

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
from mien.types import NO_LABEL, fold

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
"""Usual names of columns, for the picture, its label, the person in it, its contributor, and the part of the set."""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    path : the file. header : (C,) column names as written, trimmed.
    rows : (R, C) cells, trimmed; rows that were short in the file are filled up with "".
    short : numbers of the rows (from 0) that had too few cells in the file.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    short: frozenset[int] = frozenset()

    def find(self, *names: str) -> int | None:
        """Number of the first column with one of these names, None where there is none.

        Case, spaces, dots and underscores do not matter: "User.ID" is "user_id".
        """
        places = {folded(title): place for place, title in reversed(list(enumerate(self.header)))}
        return next((places[folded(name)] for name in names if folded(name) in places), None)

    def place(self, *names: str) -> int:
        """As `find`; DataError where there is none."""
        found = self.find(*names)
        if found is None:
            raise missing_column(names[0], self.header, self.path)
        return found

    def column(self, place: int) -> list[str]:
        """The cells of a column."""
        return [row[place] for row in self.rows]


def folded(title: str) -> str:
    """A column's name as it is compared.

    >>> folded(" User.ID"), folded("user_id")
    ('userid', 'userid')
    """
    return re.sub(r"[\s._-]+", "", fold(title))


def missing_column(name: str, header: Sequence[str], path: Path) -> DataError:
    """The error for a table without a column that it needs."""
    near = nearest(name, [title for title in header if EMOTIONS.resolve(title) == NO_LABEL])
    hint = f"did you mean {near!r}? " if near else ""
    columns = ", ".join(header)[:SHOWN] or "none"
    return DataError(f"has no column {name!r}", place=str(path), remedy=f"{hint}its columns are: {columns}")


def read_table(path: Path) -> Table:
    """Read a table with a header.

    Raises
    ------
    DataError : it is no table, or cannot be read. MissingExtraError : a Parquet file, and no package to read it.
    """
    return _parquet(path) if _is_parquet(path) else _table(rows_of(path), path)


def header_of(path: Path) -> list[str]:
    """The column names of a table, without the rest of it. Raises what `read_table` does."""
    return _parquet(path, 0).header if _is_parquet(path) else next(rows_of(path), [])


def table_of(raw: bytes, path: Path) -> Table:
    """The table in the bytes of a text file; `path` is for messages. Raises what `read_table` does."""
    with _refused(path):
        return _table(_cells(io.TextIOWrapper(io.BytesIO(raw), _encoding(raw), newline="")), path)


def rows_of(path: Path) -> Iterator[list[str]]:
    """Rows of a text table with their cells trimmed, the header first, empty lines left out, one at a time.

    Raises
    ------
    DataError : it is no text, or cannot be read.
    """
    with _refused(path):
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
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a 224×224 picture in one cell is past the default
    first = text.readline()
    while first and not first.strip():
        first = text.readline()
    if "\0" in first:
        raise csv.Error("it holds zero bytes, as UTF-16 without a mark does")
    separator = max(SEPARATORS, key=first.count)
    if told := re.fullmatch(r'"?sep=(.)"?', first.rstrip("\r\n"), re.IGNORECASE):  # Excel's own line
        separator, first = told[1], ""
    for row in csv.reader(chain([first] if first else [], text), delimiter=separator, skipinitialspace=True):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield cells


def decoded(raw: bytes, path: Path) -> str:
    """The text in a file's bytes, UTF-8 or with a UTF-16 mark; DataError where it is neither."""
    with _refused(path):
        return raw.decode(_encoding(raw))


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn what reading a text table may end in into a DataError."""
    try:
        yield
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"is not a CSV file: {error}", place=str(path), remedy="save it as UTF-8 CSV") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path), remedy="check the path") from None


def _is_parquet(path: Path) -> bool:
    with _refused(path), path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet(path: Path, rows: int | None = None) -> Table:
    parquet = import_optional("pyarrow.parquet", "pyarrow", "parquet")  # pandas and datasets bring it, too
    try:
        if rows == 0:
            return Table(path, list(parquet.read_schema(path).names), [])
        found = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise DataError(f"is not a Parquet file: {error}", place=str(path), remedy="write it again") from None
    columns = [["" if value is None else str(value).strip() for value in column.to_pylist()] for column in found]
    return Table(path, list(found.column_names), [list(row) for row in zip(*columns, strict=True)])
