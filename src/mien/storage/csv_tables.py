"""Tables as CSV: an empty cell is an undefined number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from mien.errors import RunError
from mien.storage.files import AGAIN, write_text

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A kind of table, by its columns.

    Attributes
    ----------
    name : of its file, without .csv. columns : in order.
    text : those that hold names. They are read as text, also where a class is called 7; all others are numbers.

    Examples
    --------
    >>> Table.of("gain", "seed left_out hits", text="left_out").columns
    ('seed', 'left_out', 'hits')
    """

    name: str
    columns: tuple[str, ...]
    text: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, columns: str, text: str = "") -> Self:
        """A table from the names of its columns with spaces between them."""
        return cls(name, tuple(columns.split()), frozenset(text.split()))

    def write(self, path: Path, rows: Iterable[Row]) -> None:
        """Write rows with a header, atomically; what a row lacks, and NaN, become empty cells.

        Raises
        ------
        ValueError : a row has a column that the table does not have.
        """
        rows = list(rows)
        for row in rows:
            if unknown := row.keys() - set(self.columns):
                raise ValueError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
        cells = ([_cell(row.get(name, "")) for name in self.columns] for row in rows)
        write_text(path, csv_text([self.columns, *cells]))

    def read(self, path: Path) -> list[dict[str, Any]]:
        """Read rows: columns of names as text, the others as int, float or, where they are none, text; NaN where empty.

        Columns that an earlier version wrote, and others that this one does not know, are read as well.

        Raises
        ------
        RunError : it is missing, or no CSV.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                lines = csv.reader(file)
                header = next(lines, [])
                return [
                    {name: self._value(name, cell) for name, cell in zip(header, line, strict=True)} for line in lines
                ]
        except FileNotFoundError:
            raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
        except (ValueError, csv.Error) as error:
            raise RunError(f"is not CSV: {error}", place=str(path), remedy=AGAIN) from None

    def _value(self, name: str, cell: str) -> Any:
        if name in self.text:
            return cell
        for kind in (int, float):
            try:
                return kind(cell) if cell else math.nan
            except ValueError:
                continue
        return cell


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else f"{float(value):.10g}"
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    return value
