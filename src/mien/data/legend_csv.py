"""Reader of a legend beside a folder of pictures, the layout of muxspace/facial_expressions.

ROOT/data/legend.csv    user.id, image, emotion
ROOT/images/            the pictures
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mien.data.files import find_file
from mien.data.lists import ListRows, pictures_below
from mien.data.tables import read_table
from mien.errors import DataError
from mien.types import Dataset, texts

LAYOUT = "a legend (data/legend.csv with user.id, image, emotion, beside images/)"
OPTIONS = ("image_column", "label_column")
PERSON = re.compile(r"(.+)_\d{4}\.[^.]+")
"""File names that contain the person's name: George_W_Bush_0001.jpg."""


def looks_like(path: Path) -> bool:
    """Whether `path` is a folder with a legend and pictures, or its legend.csv."""
    legend = _legend(path)
    return legend is not None and _folder(legend) is not None


def read(
    path: Path, names: Mapping[str, str] | None = None, image_column: str = "image", label_column: str = "emotion"
) -> Dataset:
    """List the rows of a legend; groups are people, sources are contributors (`user.id`).

    The `path` is the root folder, or its legend.csv; `names` are the user's own spellings of labels.

    Raises
    ------
    DataError : there is no legend or no images/ beside it, a column is missing, or no row names a picture.
    """
    legend = _legend(path)
    if legend is None:
        raise DataError("has no data/legend.csv", place=str(path), remedy="give the folder above data/ and images/")
    folder = _folder(legend)
    if folder is None:
        raise DataError("there is no folder images/ beside it", place=str(legend), remedy="put the pictures there")
    rows = ListRows()
    rows.add(read_table(legend), image_column, label_column)
    pictures, problems = pictures_below(folder)
    data = rows.dataset(folder, pictures, names, str(path))
    people = [PERSON.fullmatch(Path(file).name) for file in data.paths.tolist()]
    names_in_files = texts([person[1] if person else "" for person in people])
    return data.replace(*problems, groups=names_in_files if any(people) and data.groups is None else data.groups)


def _legend(path: Path) -> Path | None:
    is_legend = path.name.casefold() == "legend.csv"
    choices = [path] if is_legend else [find_file(path / "data", "legend.csv"), find_file(path, "legend.csv")]
    return next((legend for legend in choices if legend.is_file()), None)


def _folder(legend: Path) -> Path | None:
    choices = (legend.parent.parent / "images", legend.parent / "images")
    return next((folder for folder in choices if folder.is_dir()), None)
