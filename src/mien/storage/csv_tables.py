"""Tables as CSV: an empty cell is an undefined number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import RunError
from mien.storage.files import AGAIN, write_text

Row = Mapping[str, Any]
NAMES = frozenset(
    (
        "class",
        "label",
        "left_out",
        "corrector",
        "group",
        "truth",
        "answer",
        "cell",
        "stage",
        "part",
        "system",
        "fitted_on",
        "model",
        "treatment",
        "training",
        "source",
        "most_answered",
    )
)
"""Columns of tables that hold names: text, also where a class is called 7."""


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """Write rows as CSV with a header, atomically; columns are those of the first row, or `columns` without rows."""
    text = io.StringIO()
    header = list(rows[0]) if rows else list(columns)
    if header:
        writer = csv.DictWriter(text, fieldnames=header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Read CSV: columns of NAMES as text, else numbers as int or float, empty cells as NaN, the rest as text; RunError
    where it is missing."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            return [{name: _value(name, cell) for name, cell in zip(header, line, strict=True)} for line in lines]
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
    except (ValueError, csv.Error) as error:
        raise RunError(f"is not CSV: {error}", place=str(path), remedy=AGAIN) from None


def format_cell(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else f"{float(value):.10g}"
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    return value


def _value(name: str, cell: str) -> Any:
    if name in NAMES:
        return cell
    for kind in (int, float):
        try:
            return kind(cell) if cell else math.nan
        except ValueError:
            continue
    return cell
