"""Pictures as rows of numbers, as FER2013 was published: columns emotion, pixels, Usage, in any order."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.ferplus import FER2013_NUMBERS
from mien.data.listing import broken_row, columns, labelset_of, resolve, rows_of
from mien.errors import DataError
from mien.types import Dataset, Problem, texts

LAYOUT = "a CSV of pixels (emotion,pixels,Usage, as fer2013.csv)"
FILES = ("fer2013.csv", "icml_face_data.csv", "train.csv")


def looks_like(path: Path) -> bool:
    """Whether `path` is such a CSV file, or a folder with one of the usual names in it."""
    table = _table(path)
    if table is None:
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        header = {name.strip().casefold() for name in file.readline(10_000).split(",")}
    return {"emotion", "pixels"} <= header


def read(path: Path, names: Mapping[str, str] | None = None) -> Dataset:
    """Read pictures and labels; sources are Usage. The size follows from the number of values.

    Parameters
    ----------
    path : the CSV file, or its folder.
    names : number → class name; FER2013's own numbers otherwise.

    Returns
    -------
    Dataset with `pixels` (N, S, S) grey. Rows that cannot be read are left out, with a Problem each.
    """
    table = _table(path)
    if table is None:
        raise DataError("has no CSV of pixels", place=str(path), remedy=f"known names are {', '.join(FILES)}")
    lines = rows_of(table)
    header = next(lines, [])
    emotion, pixels = columns(header, ["emotion", "pixels"], table)
    usage = next((place for place, name in enumerate(header) if name.casefold() == "usage"), None)
    pictures: list[NDArray[np.uint8]] = []
    kept: list[tuple[str, str, str]] = []
    problems: list[Problem] = []
    for number, row in enumerate(lines, 1):
        if len(row) < len(header):
            problems.append(broken_row(table, number, f"has {len(row)} cells, not {len(header)}"))
            continue
        found = _picture(row[pixels], pictures[0].shape[0] if pictures else None)
        if isinstance(found, str):
            problems.append(broken_row(table, number, found))
            continue
        pictures.append(found)
        kept.append((f"row-{number:06d}", row[emotion], row[usage] if usage is not None else ""))
    if not pictures:
        raise DataError("has no row with a picture", place=str(table), remedy="is the file complete?")
    ids, raw, sources = (texts(column) for column in zip(*kept, strict=True))
    labelset = labelset_of(raw.tolist(), {**FER2013_NUMBERS, **(names or {})}, others=False)
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


def _table(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".csv" else None
    return next((path / name for name in FILES if (path / name).is_file()), None)


def _picture(cell: str, size: int | None) -> NDArray[np.uint8] | str:
    """The picture of a cell, or what is wrong with it."""
    try:
        with warnings.catch_warnings(action="error"):  # NumPy before 2.3 warns, and gives the values before the fault
            values = np.fromstring(cell, dtype=np.int32, sep=" ")  # four times as fast as int() over split()
    except (ValueError, DeprecationWarning):
        return "pixels are not whole numbers"
    side = math.isqrt(len(values))
    if side == 0 or side * side != len(values):
        return f"{len(values)} values make no square picture"
    if size is not None and side != size:
        return f"is {side}×{side}, the rows above are {size}×{size}"
    if values.min() < 0 or values.max() > 255:
        return "a value is outside 0 to 255"
    return values.astype(np.uint8).reshape(side, side)
