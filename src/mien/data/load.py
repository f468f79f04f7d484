"""From what the user calls DATA to a data set: recognise the layout, and read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from mien.data import ferplus, folders, legend_csv, pixel_csv, raf_db
from mien.errors import DataError, UsageError, choice_error, nearest
from mien.types import Dataset, Problem

FORMATS: dict[str, ModuleType] = {
    "ferplus": ferplus,
    "raf-db": raf_db,
    "legend-csv": legend_csv,
    "pixel-csv": pixel_csv,
    "folders": folders,
}
"""Format name → reader with `LAYOUT`, `looks_like(path)`, `read(path, names)`; the first that fits is taken."""


def load(
    source: str | os.PathLike[str],
    *,
    format: str | None = None,
    names: Mapping[str, str] | None = None,
    labels: str | None = None,
) -> Dataset:
    """Read a data set; pictures in files are listed, not decoded (see :func:`mien.data.images.decode`).

    Parameters
    ----------
    source : a path, or drawn faces: "faces", "faces:size=48,n=4000,seed=0".
    format : one of FORMATS, to force it; recognised otherwise.
    names : label as written → class name, for numbers and spellings of one's own.
    labels : which labels FER+ gives, see :func:`mien.data.ferplus.read`; "shares" by default.

    Raises
    ------
    DataError
        No such path, an empty folder, or a layout that no reader knows.
    UsageError
        An unknown format, or `labels` for data that have no votes to choose by.
    """
    text = os.fspath(source)
    if is_drawn(text):
        from mien.data import faces  # heavier than the readers, and seldom both

        _only_plurality(labels, "drawn faces")
        drawn = faces.read(text)
        if Path(text).is_dir():
            cause = "faces are drawn, although there is a folder of that name"
            return drawn.but(Problem("drawn, not read", text, cause, f"write ./{text} for the folder"))
        return drawn
    path = Path(text).expanduser()
    _must_exist(path)
    if format is not None and format not in FORMATS:
        raise choice_error("format", format, FORMATS, place="--format")
    name = format or recognise(path)
    if name == "ferplus":
        return ferplus.read(path, names, labels or "shares")
    _only_plurality(labels, name)
    found: Dataset = FORMATS[name].read(path, names)
    return found


def recognise(path: Path) -> str:
    """Name of the format that fits a path; DataError where none does."""
    for name, reader in FORMATS.items():
        if reader.looks_like(path):
            if reader is folders:
                _refuse_collections(path)
            return name
    if path.is_dir() and not any(path.iterdir()):
        raise DataError("is an empty folder", place=str(path), remedy="give the folder that the data lie in")
    layouts = "; ".join(str(reader.LAYOUT) for reader in FORMATS.values())
    raise DataError(
        "has no layout that mien knows", place=str(path), remedy=f"known are: {layouts}; or drawn faces (faces)"
    )


def _refuse_collections(path: Path) -> None:
    """A folder of data sets could pass for class folders."""
    for inner in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        for name, reader in FORMATS.items():
            if reader is not folders and reader.looks_like(inner):
                raise DataError(
                    "is not one data set but holds some",
                    place=str(path),
                    remedy=f"give {inner} ({name}), or --format folders",
                )


def is_drawn(text: str) -> bool:
    """Whether a source names drawn faces, not a path."""
    return text == "faces" or text.startswith("faces:")


def absolute(source: str) -> str:
    """A source as it is written down, so that it is found from any folder: a path in full, drawn faces as they are.

    >>> absolute("faces:n=100"), absolute("/data/../faces/")
    ('faces:n=100', '/faces')
    """
    return source if is_drawn(source) else str(Path(source).expanduser().resolve())


def _must_exist(path: Path) -> None:
    if path.exists():
        return
    above = next((parent for parent in path.parents if parent.is_dir()), Path())
    missing = path.relative_to(above).parts[0]
    here = {entry.name.casefold(): entry for entry in above.iterdir()}
    near = nearest(missing, here)
    hint = f"did you mean {here[near]}? " if near else ""
    raise DataError("no such file or folder", place=str(path), remedy=f"{hint}give a path, or faces for drawn faces")


def _only_plurality(labels: str | None, name: str) -> None:
    if labels not in (None, "plurality"):
        raise UsageError(
            f"labels {labels!r} need FER+, and these data are {name}", place="--labels", remedy="leave --labels out"
        )
