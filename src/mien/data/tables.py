"""Tables as text: CSV with any usual separator, TSV, or Parquet, with columns found whatever their case and padding."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DataError, nearest
from mien.outside import import_optional

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
SEPARATORS = ",;\t|"
SHOWN = 200


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
    return re.sub(r"[\s._-]+", "", unicodedata.normalize("NFC", title).casefold())


def missing_column(name: str, header: Sequence[str], path: Path) -> DataError:
    """The error for a table without a column that it needs."""
    near = nearest(name, header)
    hint = f"did you mean {near!r}? " if near else ""
    columns = ", ".join(header)[:SHOWN] or "none"
    return DataError(f"has no column {name!r}", place=str(path), remedy=f"{hint}its columns are: {columns}")


def read_table(path: Path) -> Table:
    """Read a table with a header.

    Raises
    ------
    DataError : it is no table, or cannot be read. MissingExtraError : a Parquet file, and no package to read it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path), remedy="check the path") from None
    if raw.startswith(b"PAR1"):
        return _parquet(path)
    return table_of(raw, path)


def table_of(raw: bytes, path: Path) -> Table:
    """The table in the bytes of a text file; `path` is for messages. Raises what `read_table` does."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a 224×224 picture in one cell is past the default
    text = decoded(raw, path)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text), skipinitialspace=True)
        lines = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise DataError(f"is not a CSV file: {error}", place=str(path), remedy="save it as UTF-8 CSV") from None
    header, *rows = [line for line in lines if any(line)] or [[]]
    width = len(header)
    short = frozenset(number for number, row in enumerate(rows) if len(row) < width)
    return Table(path, header, [row + [""] * (width - len(row)) for row in rows], short)


def decoded(raw: bytes, path: Path) -> str:
    """The text in a file's bytes, UTF-8 or with a UTF-16 mark; DataError where it is neither."""
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        cause = f"is not a CSV file: it is no {encoding.removesuffix('-sig').upper()} text ({error.reason})"
        raise DataError(cause, place=str(path), remedy="save it as UTF-8 CSV") from None


def separator(text: str) -> str:
    """What separates the cells of a table: of the usual signs the one that the first line has most often."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=first.count)


def _parquet(path: Path) -> Table:
    parquet = import_optional("pyarrow.parquet", "pyarrow", "parquet")  # pandas and datasets bring it, too
    try:
        found = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise DataError(f"is not a Parquet file: {error}", place=str(path), remedy="write it again") from None
    columns = [["" if value is None else str(value).strip() for value in column.to_pylist()] for column in found]
    return Table(path, list(found.column_names), [list(row) for row in zip(*columns, strict=True)])
