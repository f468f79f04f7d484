"""Reader of lists: tables beside the pictures with a picture and a label in each row.

    ROOT/labels.csv     image,label          ROOT/images/1.png, or anywhere below ROOT
    ROOT/train.csv, ROOT/test.csv            several lists, one for each part of the set

CSV, TSV and Parquet are read. Pictures are found by the end of their path, so a list may contain paths of another
machine.
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
from mien.data.listing import UNDECIDED, broken_row, labelset_of, resolve, unique_ids, unlisted
from mien.data.official import part_of
from mien.data.tables import (
    IMAGE,
    LABEL,
    PART,
    PERSON,
    SOURCE,
    SUFFIXES,
    Table,
    fold_title,
    header_of,
    missing_column,
    read_table,
    unify_names,
)
from mien.errors import DataError, MienError
from mien.types import NO_LABEL, Dataset, Problem, texts

LAYOUT = "a list (a table with a picture and a label in each row, beside the pictures)"
OPTIONS = ("image_column", "label_column")
AFFECTNET = {
    "0": "neutral", "1": "happiness", "2": "sadness", "3": "surprise", "4": "fear", "5": "disgust", "6": "anger",
    "7": "contempt",
}  # fmt: skip
"""AffectNet's numbers of the classes, used for lists with its column names."""
NO_EMOTION = {"8": UNDECIDED[1], "9": UNDECIDED[1], "10": UNDECIDED[2]}
"""AffectNet's numbers for none, uncertain, and no face."""


def looks_like(path: Path) -> bool:
    """Whether `path` is a list, or a folder that contains lists."""
    return bool(lists_in(path))


def lists_in(path: Path) -> list[Path]:
    """Find the lists in a folder; the file itself if `path` is a list."""
    usual = {*map(fold_title, LABEL)}
    return [table for table in tables_in(path) if (titles := _titles(table)) & usual or _classes(titles)]


def _classes(titles: Collection[str]) -> list[str]:
    """Columns named after emotions, if there are several (one-hot labels or scores)."""
    classes = [title for title in titles if EMOTIONS.resolve(title) != NO_LABEL]
    return classes if len(classes) > 1 else []


def tables_in(path: Path) -> list[Path]:
    """Find the tables with a column of pictures in a folder, except votes.csv; the file itself if `path` is one."""
    inside = sorted(path.iterdir()) if path.is_dir() else []
    files = [path] if path.is_file() else [file for file in inside if file.name.casefold() not in votes.NAMES]
    tables = (file for file in files if file.suffix.lower() in SUFFIXES)
    return [file for file in tables if file.is_file() and _titles(file) & {*map(fold_title, IMAGE)}]


def _titles(table: Path) -> set[str]:
    """Folded column names of a table; none for files that are not tables, or tables that contain pixels."""
    try:
        titles = {fold_title(title) for title in header_of(table)}
    except MienError:
        return set()
    return set() if "pixels" in titles else titles


def read(path: Path, names: Mapping[str, str] | None = None, image_column: str = "", label_column: str = "") -> Dataset:
    """Read the rows of a list, or of all lists in a folder.

    Parameters
    ----------
    path : the list, or its folder.
    names : own spellings of labels, required if they are numbers.
    image_column, label_column : names of the columns with picture and label, if they are not usual ones.

    Returns
    -------
    Dataset, not decoded; ids are paths of the pictures, below the folder of the list or the one above. A column of
    persons gives `groups`. Sources come from a column of parts, else of contributors, else from the lists' names.

    Raises
    ------
    DataError : there is no list, a column is missing, no row names a picture, or the labels are numbers.
    """
    lists = [path] if path.is_file() else lists_in(path)
    if not lists and image_column and label_column and path.is_dir():
        lists = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not lists:
        raise DataError(
            "has no list of pictures and labels", place=str(path),
            remedy="give a CSV, TSV or Parquet file, with --image-column and --label-column for its columns",
        )  # fmt: skip
    _check_lists_are_parts(lists, path)
    rows = ListRows()
    for table in lists:
        rows.add(read_table(table), image_column, label_column, several=len(lists) > 1)
    root, pictures, problems = _pictures(lists[0].parent)
    return rows.dataset(root, pictures, names, str(path)).replace(*problems)


@dataclass
class ListRows:
    """Rows of one or several lists as written, one sequence per column."""

    tables: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    affectnet: bool = False

    def add(self, table: Table, image_column: str, label_column: str, several: bool = False) -> None:
        """Append the rows of a table; with `several`, its name is the source of rows without a source."""
        image = _column(table, image_column, IMAGE, "--image-column")
        title, labels = self._labels(table, label_column)
        person, part = table.find_column(*PERSON), table.find_column(*PART)
        source = next((column for column in (part, table.find_column(*SOURCE)) if column is not None), None)
        self.tables.append(table.path.name)
        titles = {fold_title(table.header[image]), fold_title(title)}
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
            source_name = "" if source is None else row[source]
            self.sources.append(source_name or (table.path.stem if several else ""))

    def _labels(self, table: Table, requested: str) -> tuple[str, list[str]]:
        """Title of the column of labels and its (R,) cells; without such a column, labels from one column per class."""
        classes = _classes(table.header)
        columns = [column for title in LABEL if (column := table.find_column(title)) is not None]
        if not requested and not columns and classes:
            cause = f"has no column of labels: the label is the highest of {', '.join(classes)}"
            remedy = "nothing; to keep the numbers as votes, use class folders with votes.csv"
            self.problems.append(Problem("labels from columns", str(table.path), cause, remedy))
            return "", [_highest(row, table.header, classes) for row in table.rows]
        with_names = (  # preferred to columns of numbers
            column for column in columns if any(EMOTIONS.resolve(cell) != NO_LABEL for cell in table.column(column))
        )
        column = next(with_names, None) if not requested else None
        column = _column(table, requested, LABEL, "--label-column") if column is None else column
        return table.header[column], table.column(column)

    def dataset(self, root: Path, pictures: Sequence[str], names: Mapping[str, str] | None, name: str) -> Dataset:
        """Build the data set `name` of the rows that name one of the pictures, given by their paths inside `root`.

        Other rows, and pictures that no row names, become Problems. `names` are the user's own spellings of labels.
        """
        table = " and ".join(self.tables)
        matched, unmatched = match(self.images, pictures, table)
        kept = matched >= 0
        rows = matched[kept].tolist()
        listed = [pictures[row] for row in rows]
        undecided = NO_EMOTION if self.affectnet else {}
        raw = texts([undecided.get(label, label) for label in self.labels])[kept]
        meanings = {**(AFFECTNET if self.affectnet else {}), **(names or {})}
        labelset = labelset_of(raw.tolist(), meanings, others=False, place=name)
        people, sources = texts(unify_names(self.people))[kept], texts(self.sources)[kept]
        return Dataset(
            ids=texts(unique_ids(listed)),
            labels=resolve(raw, labelset),
            labelset=labelset,
            raw_labels=raw,
            paths=texts([str(root / picture) for picture in listed]),
            groups=people if (people != "").any() else None,
            sources=sources if (sources != "").any() else None,
            problems=(*self.problems, *unmatched, *unlisted(root, pictures, rows, table)),
            name=name,
        )


def _highest(row: Sequence[str], header: Sequence[str], classes: Sequence[str]) -> str:
    """The class whose column has the highest number above 0; "" if there is none, UNDECIDED for a tie."""
    numbers = {title: _number(row[header.index(title)]) for title in classes}
    best = [title for title, number in numbers.items() if number == max(numbers.values()) and number > 0]
    return UNDECIDED[0] if len(best) > 1 else "".join(best)


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return 0.0
    return number if isfinite(number) else 0.0


def _column(table: Table, requested: str, usual: Sequence[str], flag: str) -> int:
    """Index of the requested column, else of one with a usual name; DataError if there is none."""
    column = table.find_column(requested) if requested else table.find_column(*usual)
    if column is not None:
        return column
    if requested:
        raise missing_column(requested, table.header, table.path)
    what = "pictures" if usual is IMAGE else "labels"
    raise DataError(
        f"has no column with a usual name for {what}", place=str(table.path),
        remedy=f"name it with {flag}; its columns are: {', '.join(table.header)[:200] or 'none'}",
    )  # fmt: skip


def _check_lists_are_parts(lists: Sequence[Path], path: Path) -> None:
    """Raise DataError for several lists that are not named after the parts of one data set."""
    unnamed = [table.name for table in lists if not part_of(table.stem)]
    if len(lists) > 1 and unnamed:
        raise DataError(
            f"has {len(lists)} lists, and {', '.join(unnamed)} is not named for a part (train, val, test)",
            place=str(path), remedy=f"give one of them, such as {lists[0]}",
        )  # fmt: skip


def pictures_below(root: Path) -> tuple[list[str], list[Problem]]:
    """List the pictures in and below a folder, as paths inside it, with the Problems of all folders."""
    walked = list(walk(root))
    names = [folder.path.relative_to(root).joinpath(name).as_posix() for folder in walked for name in folder.pictures]
    return names, [problem for folder in walked for problem in folder.problems]


def _pictures(folder: Path) -> tuple[Path, list[str], list[Problem]]:
    """The folder of the list, or the one above if only that has pictures, and the pictures' paths inside it."""
    for root in (folder, folder.parent):
        names, problems = pictures_below(root)
        if names:
            return root, names, problems
    raise DataError("there is no picture in or below it", place=str(folder), remedy="put the list beside its pictures")
