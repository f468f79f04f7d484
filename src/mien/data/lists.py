"""Lists: one table with a picture and a label in each row, beside the pictures.

    ROOT/labels.csv     image,label          ROOT/images/1.png, or wherever below ROOT
    ROOT/train.csv, ROOT/test.csv            several lists, one for each part of the set

CSV, TSV and Parquet are read. Pictures are found by the end of their path, so a list may have been written elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from mien.data import votes
from mien.data.files import walk
from mien.data.join import match
from mien.data.labels import EMOTIONS
from mien.data.listing import UNDECIDED, broken_row, labelset_of, resolve, row_keys, unlisted
from mien.data.official import part_of
from mien.data.people import one_name_each
from mien.data.tables import (
    IMAGE,
    LABEL,
    PART,
    PERSON,
    SOURCE,
    SUFFIXES,
    Table,
    folded,
    header_of,
    missing_column,
    read_table,
)
from mien.errors import DataError, MienError
from mien.types import NO_LABEL, Dataset, Problem, texts

LAYOUT = "a list (a table with a picture and a label in each row, beside the pictures)"
OPTIONS = ("image_column", "label_column")
AFFECTNET = {
    "0": "neutral", "1": "happiness", "2": "sadness", "3": "surprise", "4": "fear", "5": "disgust", "6": "anger",
    "7": "contempt",
}  # fmt: skip
"""AffectNet's numbers, in lists with its column names."""
NO_EMOTION = {"8": UNDECIDED[1], "9": UNDECIDED[1], "10": UNDECIDED[2]}
"""AffectNet's numbers for none, uncertain, and no face."""


def looks_like(path: Path) -> bool:
    """Whether `path` is a list, or a folder with lists in it."""
    return bool(lists_in(path))


def lists_in(path: Path) -> list[Path]:
    """The lists in a folder, or the file itself if it is one."""
    return [table for table in tables_in(path) if (found := _titles(table)) & {*map(folded, LABEL)} or _classes(found)]


def _classes(titles: Collection[str]) -> list[str]:
    """The columns that are called by emotions, where there are several: each has a 1 where a picture has this class."""
    found = [title for title in titles if EMOTIONS.resolve(title) != NO_LABEL]
    return found if len(found) > 1 else []


def tables_in(path: Path) -> list[Path]:
    """The tables with a column of pictures in a folder without its votes.csv, or the file itself if it is one."""
    inside = sorted(path.iterdir()) if path.is_dir() else []
    files = [path] if path.is_file() else [file for file in inside if file.name.casefold() not in votes.NAMES]
    tables = (file for file in files if file.suffix.lower() in SUFFIXES)
    return [file for file in tables if file.is_file() and _titles(file) & {*map(folded, IMAGE)}]


def _titles(table: Path) -> set[str]:
    """The folded column names of a table of pictures' names; none of other files, or where pixels stand in it."""
    try:
        titles = {folded(title) for title in header_of(table)}
    except MienError:
        return set()
    return set() if "pixels" in titles else titles


def read(path: Path, names: Mapping[str, str] | None = None, image_column: str = "", label_column: str = "") -> Dataset:
    """Read the rows of a list, or of all lists in a folder.

    Parameters
    ----------
    path : the list, or the folder that it lies in.
    names : own spellings of labels, needed where they are numbers.
    image_column, label_column : which columns hold picture and label, where their names are not the usual ones.

    Returns
    -------
    Dataset, not decoded; ids are paths of the pictures, below the folder of the list or the one above. A column of
    persons gives `groups`. Sources are a column of contributors, else of parts, else the lists.

    Raises
    ------
    DataError : no list, no such column, no row that names a picture, or numbers as labels.
    """
    lists = [path] if path.is_file() else lists_in(path)
    if not lists and image_column and label_column and path.is_dir():
        lists = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not lists:
        raise DataError(
            "has no list of pictures and labels", place=str(path),
            remedy="give a CSV, TSV or Parquet file, with --image-column and --label-column for its columns",
        )  # fmt: skip
    _refuse_unrelated(lists, path)
    rows = Rows()
    for table in lists:
        rows.add(read_table(table), image_column, label_column, several=len(lists) > 1)
    root, pictures, problems = _pictures(lists[0].parent)
    return rows.dataset(root, pictures, names, str(path)).replace(*problems)


@dataclass
class Rows:
    """Rows of lists, column by column: as written, one entry a row."""

    tables: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    affectnet: bool = False

    def add(self, table: Table, image_column: str, label_column: str, several: bool = False) -> None:
        """Append the rows of a table; with `several`, its name is the source of rows that have none."""
        image = _place(table, image_column, IMAGE, "--image-column")
        title, labels = self._labels(table, label_column)
        person, part = table.find(*PERSON), table.find(*PART)
        source = next((place for place in (part, table.find(*SOURCE)) if place is not None), None)
        self.tables.append(table.path.name)
        titles = {folded(table.header[image]), folded(title)}
        self.affectnet |= titles == {"subdirectoryfilepath", "expression"}
        for number, row in enumerate(table.rows, 1):
            if number - 1 in table.short or not row[image]:
                cause = "has no picture name" if number - 1 not in table.short else "has too few cells"
                self.problems.append(broken_row(table.path, number, cause))
                continue
            self.images.append(row[image])
            label = labels[number - 1]
            self.labels.append("" if label.casefold() == "nan" else label)
            self.people.append("" if person is None else row[person])
            own = "" if source is None else row[source]
            self.sources.append(own or (table.path.stem if several else ""))

    def _labels(self, table: Table, wanted: str) -> tuple[str, list[str]]:
        """The title of the column of labels and its (R,) cells; made from one column a class where there is none."""
        classes = _classes(table.header)
        places = [place for title in LABEL if (place := table.find(title)) is not None]
        if not wanted and not places and classes:
            self.problems += [_columns_of_classes(table, classes)]
            return "", [_most(row, table.header, classes) for row in table.rows]
        told = (place for place in places if any(EMOTIONS.resolve(cell) != NO_LABEL for cell in table.column(place)))
        place = next(told, None) if not wanted else None  # words rather than their numbers
        place = _place(table, wanted, LABEL, "--label-column") if place is None else place
        return table.header[place], table.column(place)

    def dataset(self, root: Path, pictures: Sequence[str], names: Mapping[str, str] | None, name: str) -> Dataset:
        """The rows that name one of the pictures, which are paths below `root`; Problems for the others, and for
        pictures that no row names."""
        table = " and ".join(self.tables)
        found = match(self.images, pictures, table)
        kept = found.rows >= 0
        listed = [pictures[row] for row in found.rows[kept].tolist()]
        undecided = NO_EMOTION if self.affectnet else {}
        raw = texts([undecided.get(label, label) for label in self.labels])[kept]
        meanings = {**(AFFECTNET if self.affectnet else {}), **(names or {})}
        labelset = labelset_of(raw.tolist(), meanings, others=False, place=name)
        people, sources = texts(one_name_each(self.people))[kept], texts(self.sources)[kept]
        return Dataset(
            ids=texts(row_keys(listed)),
            labels=resolve(raw, labelset),
            labelset=labelset,
            raw_labels=raw,
            paths=texts([str(root / picture) for picture in listed]),
            groups=people if (people != "").any() else None,
            sources=sources if (sources != "").any() else None,
            problems=(
                *self.problems, *found.problems, *unlisted(root, pictures, found.rows[kept].tolist(), table)
            ),
            name=name,
        )  # fmt: skip


def _most(row: Sequence[str], header: Sequence[str], classes: Sequence[str]) -> str:
    """The class whose column has the highest number, "" where none has one, UNDECIDED where several have it."""
    numbers = {title: _number(row[header.index(title)]) for title in classes}
    best = [title for title, number in numbers.items() if number == max(numbers.values()) and number > 0]
    return UNDECIDED[0] if len(best) > 1 else "".join(best)


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return 0.0
    return number if isfinite(number) else 0.0


def _columns_of_classes(table: Table, classes: Sequence[str]) -> Problem:
    cause = f"has no column of labels: the label is the highest of {', '.join(classes)}"
    remedy = "nothing; votes.csv beside class folders keeps the numbers as votes"
    return Problem("labels from columns", str(table.path), cause, remedy)


def _place(table: Table, wanted: str, usual: Sequence[str], flag: str) -> int:
    found = table.find(wanted) if wanted else table.find(*usual)
    if found is not None:
        return found
    if wanted:
        raise missing_column(wanted, table.header, table.path)
    what = "pictures" if usual is IMAGE else "labels"
    raise DataError(
        f"no column is known to hold the {what}", place=str(table.path),
        remedy=f"name it with {flag}; its columns are: {', '.join(table.header)[:200] or 'none'}",
    )  # fmt: skip


def _refuse_unrelated(lists: Sequence[Path], path: Path) -> None:
    """Several lists are one data set only if each is of a part."""
    unnamed = [table.name for table in lists if not part_of(table.stem)]
    if len(lists) > 1 and unnamed:
        raise DataError(
            f"has {len(lists)} lists, and {', '.join(unnamed)} is not named for a part (train, val, test)",
            place=str(path), remedy=f"give one of them, such as {lists[0]}",
        )  # fmt: skip


def pictures_below(root: Path) -> tuple[list[str], list[Problem]]:
    """The pictures in a folder and below, as paths inside it, and what is wrong with its folders."""
    walked = list(walk(root))
    names = [found.path.relative_to(root).joinpath(name).as_posix() for found in walked for name in found.pictures]
    return names, [problem for found in walked for problem in found.problems]


def _pictures(folder: Path) -> tuple[Path, list[str], list[Problem]]:
    """The folder that the pictures lie in or below, theirs or the one above, and their paths inside it."""
    for root in (folder, folder.parent):
        names, problems = pictures_below(root)
        if names:
            return root, names, problems
    raise DataError(
        "there is no picture beside it or below", place=str(folder), remedy="put the list beside its pictures"
    )
