"""A legend beside a folder of pictures, as the "Emotion Detection" set has it (muxspace/facial_expressions).

ROOT/data/legend.csv    user.id, image, emotion
ROOT/images/            the pictures
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mien.data.listing import broken_row, columns, labelset_of, resolve, row_keys, rows_of, unlisted
from mien.errors import DataError
from mien.types import Dataset, Problem, texts

LAYOUT = "a legend (data/legend.csv with user.id, image, emotion, beside images/)"
PERSON = re.compile(r"(.+)_\d{4}\.[^.]+")
"""File names that tell the person: George_W_Bush_0001.jpg."""


def looks_like(path: Path) -> bool:
    """Whether `path` is such a folder, or its legend.csv."""
    return _legend(path) is not None


def read(path: Path, names: Mapping[str, str] | None = None) -> Dataset:
    """List the rows of a legend. Groups are people, sources contributors (`user.id`).

    Parameters
    ----------
    path : the root folder, or its legend.csv.
    names : own spellings of labels.
    """
    legend = _legend(path)
    if legend is None:
        raise DataError("has no data/legend.csv", place=str(path), remedy="give the folder above data/ and images/")
    pictures = _pictures(legend)
    lines = rows_of(legend)
    header = next(lines, [])
    image, emotion = columns(header, ["image", "emotion"], legend)
    user = header.index("user.id") if "user.id" in header else None
    files: list[str] = []
    raw: list[str] = []
    users: list[str] = []
    problems: list[Problem] = []
    for number, row in enumerate(lines, 1):
        if len(row) < len(header) or not row[image]:
            problems.append(
                broken_row(legend, number, "has no picture name" if len(row) >= len(header) else "is short")
            )
            continue
        files.append(row[image])
        raw.append(row[emotion])
        users.append("" if user is None else row[user])
    labelset = labelset_of(raw, names, others=False)
    people = [PERSON.fullmatch(file) for file in files]
    return Dataset(
        ids=texts(row_keys(files)),
        labels=resolve(texts(raw), labelset),
        labelset=labelset,
        raw_labels=texts(raw),
        paths=texts([str(pictures / file) for file in files]),
        groups=texts([person[1] if person else "" for person in people]) if any(people) else None,
        sources=None if user is None else texts(users),
        problems=(*problems, *unlisted(pictures, files, legend)),
        name=str(path),
    )


def _legend(path: Path) -> Path | None:
    choices = [path] if path.name == "legend.csv" else [path / "data" / "legend.csv", path / "legend.csv"]
    return next((legend for legend in choices if legend.is_file()), None)


def _pictures(legend: Path) -> Path:
    for folder in (legend.parent.parent / "images", legend.parent / "images"):
        if folder.is_dir():
            return folder
    raise DataError("there is no folder images/ beside it", place=str(legend), remedy="put the pictures into images/")
