"""Columns of numbers and text: CSV, TSV, Parquet, or the arrays of an NPZ. Nothing in a file can run code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.tables import fold_title, read_table
from mien.errors import DataError, RunError
from mien.outside import import_optional
from mien.storage.files import read_arrays
from mien.types import Bools, Floats, Texts, plain, texts

PARQUET, NPZ = ".parquet", ".npz"
SUFFIXES = (".csv", ".tsv", ".txt", PARQUET, NPZ)
"""Files that are tables."""
WORDS = {"": "nan", "true": "1", "false": "0"}
"""Cells of columns of numbers that are written as words."""
LONGEST = 60
"""Most characters of a cell or a title in a message."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table, read from a file.

    Attributes
    ----------
    path : the file, for messages.
    values : title → (N,) numbers, with NaN where a cell is empty, or text; of an NPZ also arrays of other shapes.
    """

    path: Path
    values: Mapping[str, NDArray[Any]]

    def find(self, name: str) -> str | None:
        """The title of the column of this name, whatever its case and padding; DataError where there are two."""
        titles = [title for title in self.values if fold_title(title) == fold_title(name)]
        if len(titles) > 1:
            cause = f"has the columns {shown(titles)}, which are read as one"
            raise DataError(cause, place=str(self.path), remedy="rename or remove all but one of them")
        return titles[0] if titles else None

    def is_number(self, title: str) -> bool:
        """Whether a column has numbers in most of its cells."""
        values = self.values[title]
        return values.dtype.kind in "fiub" or _number_share(values) > 0.5

    def numbers(self, titles: Sequence[str]) -> Floats:
        """(N, D) the columns of these titles; DataError for the first cell that is empty, text or infinite."""
        matrix = np.empty((len(self), len(titles)))
        for place, title in enumerate(titles):
            values = self.values[title]
            if values.dtype.kind not in "fiub":
                self._refuse_text(title, values)
            matrix[:, place] = values
            odd = ~np.isfinite(matrix[:, place])
            if odd.any():
                what = "has no value" if np.isnan(matrix[odd, place][0]) else "is infinite"
                remedy = "leave these rows out, or fill the cells and add a column of 0 and 1 that marks them"
                raise self.error(title, odd, what, remedy)
        return matrix

    def text(self, title: str) -> Texts:
        """(N,) the column as text; whole numbers have no decimals, and a missing value is ""."""
        values = self.values[title]
        if values.dtype.kind == "f":
            whole = np.isfinite(values) & (values == np.floor(values))
            return texts([
                "" if value != value else str(int(value)) if is_whole else str(value)
                for value, is_whole in zip(values.tolist(), whole.tolist(), strict=True)
            ])  # fmt: skip
        return texts([str(value) for value in values.tolist()])

    def error(self, title: str, rows: Bools, what: str, remedy: str) -> DataError:
        """The error for some rows of a column, which count from 1."""
        first, count = int(np.argmax(rows)) + 1, int(rows.sum())
        more = f" ({count:,} such rows)" if count > 1 else ""
        return DataError(f"{what}{more}", place=f"{self.path}, row {first}, column {shown([title])}", remedy=remedy)

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))

    def _refuse_text(self, title: str, values: NDArray[Any]) -> None:
        odd = np.array([not _is_number(cell) for cell in values.tolist()])
        cell = str(values[odd][0])
        remedy = (
            "write numbers with a point, such as 0.97" if "," in cell else "write a number, or leave the column out"
        )
        raise self.error(title, odd, f"{plain(cell[:LONGEST])!r} is no number", remedy)


def shown(titles: Sequence[str], most: int = 8) -> str:
    """Titles as they are shown in messages: the first few, without control characters.

    >>> shown(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(titles) - most} more" if len(titles) > most else ""
    return ", ".join(plain(title[:LONGEST]) for title in titles[:most]) + more


def read_columns(path: Path) -> Columns:
    """Read the columns of a table; an NPZ has a column for each array.

    Raises
    ------
    DataError : it is missing, damaged or empty, has rows of different lengths, or pickled objects.
    MissingExtraError : it is a Parquet file, and pyarrow is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "table.csv"
    ...     _ = path.write_text("id;p_a\\nx;0.5\\ny;1")
    ...     read_columns(path).values["p_a"]
    array([0.5, 1. ])
    """
    if not path.is_file():
        cause = "is a folder, not a table" if path.is_dir() else "no such file"
        raise DataError(cause, place=plain(path), remedy="name a CSV, TSV, Parquet or NPZ file")
    readers: dict[str, Callable[[Path], dict[str, NDArray[Any]]]] = {PARQUET: _of_parquet, NPZ: _of_npz}
    columns = Columns(path, readers.get(path.suffix.lower(), _of_text)(path))
    if not len(columns):
        raise DataError("has no rows", place=str(path), remedy="give a table with a row for each answer")
    return columns


def _of_text(path: Path) -> dict[str, NDArray[Any]]:
    table = read_table(path)
    for number, row in enumerate(table.rows):
        if number in table.short or len(row) != len(table.header):
            count = "fewer" if number in table.short else "more"
            cause = f"has {count} cells than the first line has titles ({len(table.header)})"
            remedy = "is there a separator within a cell? put such cells in quotes"
            raise DataError(cause, place=f"{path}, row {number + 1}", remedy=remedy)
    titles = _check_titles(path, table.header)
    cells = zip(*table.rows, strict=True) if table.rows else ([] for _ in titles)
    return {title: _parsed(column) for title, column in zip(titles, cells, strict=True)}


def _check_titles(path: Path, titles: Sequence[str]) -> Sequence[str]:
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        cause = f"has two columns with the title {plain(twice[0][:LONGEST])!r}"
        raise DataError(cause, place=str(path), remedy="give each column a title of its own")
    return titles


def _parsed(cells: Sequence[str]) -> NDArray[Any]:
    """The cells as numbers where all of them are, else as text."""
    values = texts(list(cells))
    try:
        return values.astype(float)
    except ValueError:
        pass
    try:
        numbers = np.array([WORDS.get(cell.lower(), cell) for cell in cells]).astype(float)
    except ValueError:
        return values
    return values if np.isnan(numbers).all() else numbers


def _is_number(cell: Any) -> bool:
    try:
        float(WORDS.get(str(cell).lower(), cell))
    except (TypeError, ValueError):
        return False
    return True


def _number_share(values: NDArray[Any]) -> float:
    filled = [cell for cell in values.tolist() if cell != ""]
    return sum(map(_is_number, filled)) / max(1, len(filled))


def _of_parquet(path: Path) -> dict[str, NDArray[Any]]:
    parquet = import_optional("pyarrow.parquet", "pyarrow", "parquet")
    try:
        table = parquet.read_table(path)
        titles = _check_titles(path, table.column_names)
        return {title: _of_arrow(column) for title, column in zip(titles, table.columns, strict=True)}
    except (OSError, ValueError, NotImplementedError) as error:
        cause = f"cannot be read as Parquet: {plain(str(error)[:200])}"
        raise DataError(cause, place=str(path), remedy="write the file again") from None


def _of_arrow(column: Any) -> NDArray[Any]:
    """Numbers and booleans as numbers, everything else as text."""
    kind = str(column.type)
    if kind.startswith(("int", "uint", "float", "double", "half", "bool", "decimal")):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], float)
    return texts(["" if value is None else str(value).strip() for value in column.to_pylist()])


def _of_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return dict(read_arrays(path))
    except RunError as error:
        remedy = "save arrays of numbers and of text, not of objects: np.savez(path, probs=…, classes=…)"
        raise DataError(plain(error.cause[:200]), place=str(path), remedy=remedy) from None
