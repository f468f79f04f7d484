"""Reader of pictures stored as numbers in a CSV, as FER2013 was published: columns emotion, pixels, Usage."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.ferplus import FER2013_NUMBERS
from mien.data.listing import broken_row, labelset_of, resolve
from mien.data.tables import LABEL, PART, Table, header_of, rows_of
from mien.errors import DataError, MienError
from mien.types import Dataset, Problem, texts

LAYOUT = "a CSV of pixels (emotion,pixels,Usage, as fer2013.csv)"
FILES = ("fer2013.csv", "icml_face_data.csv", "train.csv")
"""Usual file names, in order of preference."""
PIXELS = ("pixels", "pixel")


def looks_like(path: Path) -> bool:
    """Whether `path` is a CSV file of pixels, or a folder that contains one."""
    return _table(path) is not None


def read(path: Path, names: Mapping[str, str] | None = None) -> Dataset:
    """Read grey (N, S, S) pictures and labels from a CSV of pixels, or its folder; sources are Usage.

    Rows that cannot be read are left out, with a Problem each. FER2013's numbers of the classes are known; `names`
    (number → class name) take precedence.

    Raises
    ------
    DataError : the file does not exist, or none of its rows can be read; the message gives the most frequent cause.
    """
    table = _table(path)
    if table is None:
        raise DataError(
            "has no CSV of pixels", place=str(path), remedy="give a CSV with the columns emotion and pixels"
        )
    lines = rows_of(table)
    header = Table(table, next(lines, []), [])
    emotion, pixels, usage = header.require_column(*LABEL), header.require_column(*PIXELS), header.find_column(*PART)
    pictures: list[NDArray[np.uint8]] = []
    kept: list[tuple[str, str, str]] = []
    problems: list[Problem] = []
    for number, row in enumerate(lines, 1):
        if len(row) < len(header.header):
            problems.append(broken_row(table, number, f"has {len(row)} cells, not {len(header.header)}"))
            continue
        image = _image(row[pixels], pictures[0].shape[0] if pictures else None)
        if isinstance(image, str):
            problems.append(broken_row(table, number, image))
            continue
        pictures.append(image)
        kept.append((f"row-{number:06d}", row[emotion], row[usage] if usage is not None else ""))
    if not pictures:
        raise _none_usable(table, problems)
    ids, raw, sources = (texts(column) for column in zip(*kept, strict=True))
    labelset = labelset_of(raw.tolist(), {**FER2013_NUMBERS, **(names or {})}, others=False, place=str(table))
    return Dataset(
        ids=ids,
        labels=resolve(raw, labelset),
        labelset=labelset,
        raw_labels=raw,
        paths=np.full(len(ids), ""),
        pixels=np.stack(pictures),
        sources=sources if usage is not None else None,
        problems=tuple(problems),
        name=str(table),
    )


def _none_usable(table: Path, problems: Sequence[Problem]) -> DataError:
    if not problems:
        return DataError("has no row", place=str(table), remedy="is the file complete?")
    cause, count = Counter(problem.cause for problem in problems).most_common(1)[0]
    remedy = "write each picture as its grey values from 0 to 255, row by row, with spaces between; it must be square"
    return DataError(
        f"none of its {len(problems)} rows can be read; {count} × {cause}", place=str(table), remedy=remedy
    )


def _table(path: Path) -> Path | None:
    """The CSV of pixels at or in `path`, one with a usual name first; None if there is none."""
    if path.is_file():
        return path if path.suffix.lower() in (".csv", ".txt", ".tsv") and _has_pixels(path) else None
    if not path.is_dir():
        return None
    others = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
    return next((table for table in (*(path / name for name in FILES), *others) if _has_pixels(table)), None)


def _has_pixels(table: Path) -> bool:
    try:
        header = Table(table, header_of(table), []) if table.is_file() else None
    except MienError:
        return False
    return header is not None and header.find_column(*LABEL) is not None and header.find_column(*PIXELS) is not None


def _image(cell: str, size: int | None) -> NDArray[np.uint8] | str:
    """The (S, S) picture in a cell, or the cause why it cannot be read."""
    try:
        values = _values(cell)
    except ValueError:
        return "pixels are not whole numbers"
    side = math.isqrt(len(values))
    if side == 0 or side * side != len(values):
        colour = math.isqrt(len(values) // 3)
        hint = f" (in colour, {colour}×{colour}?)" if len(values) and colour * colour * 3 == len(values) else ""
        return f"{len(values)} values make no square picture{hint}"
    if size is not None and side != size:
        return f"is {side}×{side}, the rows above are {size}×{size}"
    if values.min() < 0 or values.max() > 255:
        return "a value is outside 0 to 255"
    return values.astype(np.uint8).reshape(side, side)


def _values(cell: str) -> NDArray[np.int32]:
    """The whole numbers in a cell, separated by spaces or commas, also written as a list or as floats ([1.0, 2.0])."""
    try:
        with warnings.catch_warnings(action="error"):  # NumPy before 2.3 warns, and returns the values before the fault
            return np.fromstring(cell, dtype=np.int32, sep=" ")  # four times as fast as int() over split()
    except (ValueError, DeprecationWarning):
        values = np.array(cell.strip("[]() ").replace(",", " ").split(), dtype=float)
        if not np.isfinite(values).all() or (values != np.rint(values)).any() or (abs(values) > 2**31 - 1).any():
            raise ValueError("no whole numbers") from None
        return values.astype(np.int32)
