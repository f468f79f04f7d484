"""Files that a log of decisions is written to: JSON lines, CSV and Parquet, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from mien.deploy.decisions.rows import STAGES, Columns, Row
from mien.errors import UsageError, choice_error
from mien.outside import import_optional
from mien.storage.files import to_json

GROUP = 10_000
"""Rows of a Parquet file that are written together."""


@dataclass(frozen=True)
class Format:
    """A format of logs.

    Attributes
    ----------
    suffixes : of files in this format. text : some rows as text; None where the format is no text.
    header : the text above all rows.
    """

    suffixes: tuple[str, ...]
    text: Callable[[Iterable[Row], Columns], str] | None
    header: Callable[[Columns], str] = lambda columns: ""


def encoded(text: str) -> bytes:
    """Text as it is written: bytes of file names that are no text are spelt out."""
    return text.encode(errors="backslashreplace")


def json_lines(rows: Iterable[Row], columns: Columns) -> str:
    """A JSON object for each row; what it lacks is left out."""
    return "".join(f"{to_json(row, None)}\n" for row in rows)


def csv_lines(rows: Iterable[Row], columns: Columns) -> str:
    """A line of cells for each row; what it lacks is empty."""
    return _csv(map(_as_cell, _cells(row, columns)) for row in rows)


def _csv(lines: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    quoting = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for line in lines:
        cells = list(line)
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)  # Python quotes it from 3.13 on
        (quoting if has_return else writer).writerow(cells)
    return buffer.getvalue()


FORMATS = {
    "jsonl": Format((".jsonl", ".ndjson"), json_lines),
    "csv": Format((".csv",), csv_lines, lambda columns: _csv([columns.names])),
    "parquet": Format((".parquet",), None),
}


def format_for(out: Path | None, name: str | None) -> str:
    """The format that is named, or else that of the file's suffix; JSON lines where there is no file.

    Raises
    ------
    UsageError : neither is known, or Parquet is to be printed. MissingExtraError : pyarrow is not installed.
    """
    if name is None:
        name = _by_suffix(out)
    if name not in FORMATS:
        raise choice_error("format", name, FORMATS, place="--format")
    if FORMATS[name].text is None:
        if out is None:
            raise UsageError("Parquet is not printed", place="--format", remedy="name a file with --out")
        _pyarrow()
    return name


def write_log(file: BinaryIO, name: str, rows: Iterable[Row], columns: Columns) -> None:
    """Write rows in a format; memory does not grow with their number."""
    format = FORMATS[name]
    if format.text is None:
        _write_parquet(file, rows, columns)
        return
    file.write(encoded(format.header(columns)))
    for row in rows:
        file.write(encoded(format.text([row], columns)))


def check_columns(name: str, columns: Columns) -> None:
    """Raise UsageError where a class has the name of a column, and the format has columns that are told by names."""
    twice = sorted(name for name in columns.classes if columns.names.count(name) > 1)
    if name == "parquet" and twice:
        raise UsageError(f"the class {twice[0]!r} has the name of a column", place="--format", remedy="take jsonl")


def _by_suffix(out: Path | None) -> str:
    if out is None:
        return "jsonl"
    for name, format in FORMATS.items():
        if out.suffix.lower() in format.suffixes:
            return name
    known = ", ".join(suffix for format in FORMATS.values() for suffix in format.suffixes)
    remedy = f"end its name with one of {known}, or name the format with --format"
    raise UsageError(f"{out.name} tells no format", place="--out", remedy=remedy)


def _cells(row: Row, columns: Columns) -> list[Any]:
    """The values of a row in the order of the columns; None for what it lacks."""
    shares = row.get("probabilities") or {}
    return [
        *(row.get(name) for name in (*columns.first, "label", "corrected", "overridden")),
        *(shares.get(name) for name in columns.classes),
        *(row.get(name) for name in ("error", *columns.logged)),
    ]


def _as_cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else int(value) if isinstance(value, bool) else value


def _write_parquet(file: BinaryIO, rows: Iterable[Row], columns: Columns) -> None:
    arrow, parquet = _pyarrow()
    types = {str: arrow.string(), float: arrow.float64(), int: arrow.int64(), bool: arrow.bool_()}
    kinds = [
        *(STAGES.get(name, str) for name in columns.first), str, str, bool, *(float for _ in columns.classes), str,
        *(float if name in ("score", "threshold") else str for name in columns.logged),
    ]  # fmt: skip
    schema = arrow.schema([(name, types[kind]) for name, kind in zip(columns.names, kinds, strict=True)])
    remaining = iter(rows)
    with parquet.ParquetWriter(file, schema) as writer:
        while group := [_cells(row, columns) for row in islice(remaining, GROUP)]:
            arrays = [
                arrow.array([_typed(cells[place], kind) for cells in group], types[kind])
                for place, kind in enumerate(kinds)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def _typed(value: Any, kind: type) -> Any:
    if value is None or kind is not str:
        return value
    return encoded(str(_as_cell(value))).decode()


def _pyarrow() -> tuple[Any, Any]:
    arrow = import_optional("pyarrow", "pyarrow", "parquet")
    return arrow, import_optional("pyarrow.parquet", "pyarrow", "parquet")
