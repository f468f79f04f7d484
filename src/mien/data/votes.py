"""Reader of votes.csv beside class folders: the annotators' votes on each picture, and the person in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.files import find_file
from mien.data.join import join
from mien.data.tables import IMAGE, LABEL, PERSON, Table, fold_title, read_table, unify_names
from mien.settings import names_flag
from mien.types import NO_LABEL, Bools, Ints, LabelSet, Problem, Texts, texts

NOT_CLASSES = frozenset({*map(fold_title, LABEL), "truth"})
NAMES = ("votes.csv", "votes.tsv", "votes.parquet")
"""Names of a table of votes; the first existing one is used."""


@dataclass(frozen=True)
class Votes:
    """Votes on N pictures, and the persons in them.

    Attributes
    ----------
    classes : (C,) names of the columns with votes, as written.
    votes : (N, C) counts, zeros for a picture without a row; None without votes.
    people : (N,) person, "" where unknown; None without a column of persons.
    contradictory : (N,) whether rows of the table contradict each other.
    problems : one for each row or column that cannot be used.
    """

    classes: Sequence[str]
    votes: Ints | None
    people: Texts | None
    contradictory: Bools
    problems: list[Problem] = field(default_factory=list)

    def counts(self, labelset: LabelSet) -> Ints | None:
        """(N, K) votes in the order of a label set; columns of the same class are added up."""
        if self.votes is None:
            return None
        counts = np.zeros((len(self.votes), len(labelset)), dtype=np.int64)
        for column, name in enumerate(self.classes):
            counts[:, labelset.resolve(name)] += self.votes[:, column]
        return counts


def votes_in(folder: Path) -> Path | None:
    """Path of the table of votes in a folder, its name in any case; None if there is none."""
    return next((table for name in NAMES if (table := find_file(folder, name)).is_file()), None)


def read_votes(tables: Sequence[Path], root: Path, files: Sequence[str], meanings: LabelSet) -> Votes:
    """Read tables of votes and join each to the pictures in and below its folder.

    Parameters
    ----------
    tables : paths of the tables.
    root, files : folder of the data set, and (N,) paths of the pictures inside it.
    meanings : classes that a column may mean; other columns are left out, with a Problem if they have a name.

    Raises
    ------
    DataError : a file is not a table, has no column of pictures, or none of its rows names a picture.
    """
    people, contradictory = np.full(len(files), "", dtype=object), np.zeros(len(files), bool)
    columns: dict[str, Ints] = {}
    problems: list[Problem] = []
    for path in tables:
        inside = "" if path.parent == root else path.parent.relative_to(root).as_posix() + "/"
        rows = np.array([row for row, file in enumerate(files) if file.startswith(inside)], dtype=np.int64)
        votes = _read(path, [files[row].removeprefix(inside) for row in rows], meanings)
        for name, counts in zip(votes.classes, [] if votes.votes is None else votes.votes.T, strict=False):
            columns.setdefault(name, np.zeros(len(files), dtype=np.int64))[rows] += counts
        people[rows] = people[rows] if votes.people is None else votes.people
        contradictory[rows] |= votes.contradictory
        problems += votes.problems
    return Votes(
        list(columns),
        np.stack(list(columns.values()), 1) if columns else None,
        texts(people.tolist()) if (people != "").any() else None,
        contradictory,
        problems,
    )


def _read(path: Path, files: Sequence[str], meanings: LabelSet) -> Votes:
    """Read one table of votes on the pictures in and below its folder."""
    table = read_table(path)
    image, person = table.require_column(*IMAGE), table.find_column(*PERSON)
    used = {image, person, *(column for column, title in enumerate(table.header) if fold_title(title) in NOT_CLASSES)}
    columns = [column for column, title in enumerate(table.header) if title and column not in used]
    known = [column for column in columns if meanings.resolve(table.header[column]) != NO_LABEL]
    rows, problems = _rows(table, image, person, known)
    problems[:0] = [_unknown_column(table, column) for column in columns if column not in known]
    joined = join([name for name, _ in rows], [content for _, content in rows], files, path)
    without = int((joined.rows < 0).sum()) - int(joined.contradictory.sum())
    if not rows or (person is None and not known):
        remedy = "add a column with votes for each class, or one called person; or remove the table"
        problems.append(Problem("table without use", str(path), "has neither votes nor persons", remedy))
    elif without:
        cause = f"{without} of {len(files)} pictures have no usable row: their votes and persons are unknown"
        remedy = "add rows for them; otherwise they are used without votes"
        problems.append(Problem("pictures without a row", str(path), cause, remedy))
    counts = np.array([content[0] for _, content in rows] + [(0,) * len(known)], dtype=np.int64)
    people = texts([*(content[1] for _, content in rows), ""])
    return Votes(
        [table.header[column] for column in known],
        counts[joined.rows] if known and rows else None,  # index −1 is the last row, which is empty
        people[joined.rows] if person is not None else None,
        joined.contradictory,
        [*problems, *joined.problems],
    )


def _rows(
    table: Table, image: int, person: int | None, known: Sequence[int]
) -> tuple[list[tuple[str, tuple[tuple[int, ...], str]]], list[Problem]]:
    """(picture, (votes, person)) of each usable row, and Problems; a row with invalid votes is used for its person."""
    people = [""] * len(table.rows) if person is None else unify_names(table.column(person))
    rows, problems = [], []
    for number, (row, name) in enumerate(zip(table.rows, people, strict=True)):
        counts = [_count(row[column]) for column in known]
        invalid = [column for column, count in zip(known, counts, strict=True) if count is None]
        if invalid:
            problems.append(_invalid_votes(table, number, invalid[0], kept=bool(name)))
        if not invalid or name:
            rows.append((row[image], (tuple(0 if invalid else count or 0 for count in counts), name)))
    return rows, problems


def _invalid_votes(table: Table, number: int, column: int, *, kept: bool) -> Problem:
    cell = f"is {table.rows[number][column][:20]!r}" if table.rows[number][column] else "is empty"
    cause = f"column {table.header[column]} {cell}: votes are whole numbers from 0"
    remedy = "correct the row; its votes do not count" + (", its person does" if kept else "")
    return Problem("broken row", f"{table.path}, row {number + 1}", cause, remedy)


def _count(cell: str) -> int | None:
    """The number of votes in a cell, also as pandas writes it (3.0 or 3,0); None if invalid."""
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return None
    return int(value) if value.is_integer() and 0 <= value < 2**31 else None


def _unknown_column(table: Table, column: int) -> Problem:
    name, counts = table.header[column], [_count(cell) for cell in table.column(column)]
    if None in counts:
        cause, remedy = "holds no votes, and is not used", f"call it {PERSON[0]} if it names people, or remove it"
    else:
        cause = "is not a class: neither a folder nor an emotion has this name"
        remedy = "remove the column, or give its class: " + names_flag(name, "CLASS")
    return Problem("unknown column", f"{table.path}, column {name}", cause, remedy)
