"""votes.csv beside class folders: the annotators' votes on each picture, and the person in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.files import find_file
from mien.data.join import join
from mien.data.people import one_name_each
from mien.data.tables import IMAGE, LABEL, PERSON, Table, folded, read_table
from mien.settings import names_flag
from mien.types import NO_LABEL, Bools, Ints, LabelSet, Problem, Texts, texts

NOT_CLASSES = frozenset({*map(folded, LABEL), "truth"})
NAMES = ("votes.csv", "votes.tsv", "votes.parquet")
"""What a table of votes is called; the first that there is counts."""


@dataclass(frozen=True)
class Votes:
    """The votes on N pictures, and the persons in them.

    Attributes
    ----------
    classes : (C,) names of the columns with votes, as written.
    votes : (N, C) counts, zeros for a picture without a row; None where there are no votes.
    people : (N,) person, "" where unknown; None where there are no people.
    contradictory : (N,) whether rows of the table contradict each other.
    problems : rows and columns that cannot be used.
    """

    classes: Sequence[str]
    votes: Ints | None
    people: Texts | None
    contradictory: Bools
    problems: list[Problem] = field(default_factory=list)

    def counts(self, labelset: LabelSet) -> Ints | None:
        """(N, K) the votes in the order of a label set; columns that mean one class are added up."""
        if self.votes is None:
            return None
        counts = np.zeros((len(self.votes), len(labelset)), dtype=np.int64)
        for place, name in enumerate(self.classes):
            counts[:, labelset.resolve(name)] += self.votes[:, place]
        return counts


def votes_in(folder: Path) -> Path | None:
    """The table of votes in a folder, in whatever case it is written; None where there is none."""
    return next((table for name in NAMES if (table := find_file(folder, name)).is_file()), None)


def read_votes(tables: Sequence[Path], root: Path, files: Sequence[str], meanings: LabelSet) -> Votes:
    """Read tables and join each to the pictures in its folder and below.

    Parameters
    ----------
    tables : the files. files : (N,) paths of the pictures inside `root`.
    meanings : the classes that a column may mean; other columns are left out with a Problem, those without a name
        without.

    Raises
    ------
    DataError : a file is no table, has no column of pictures, or none of its rows names a picture.
    """
    people, contradictory = np.full(len(files), "", dtype=object), np.zeros(len(files), bool)
    columns: dict[str, Ints] = {}
    problems: list[Problem] = []
    for path in tables:
        inside = "" if path.parent == root else path.parent.relative_to(root).as_posix() + "/"
        rows = np.array([row for row, file in enumerate(files) if file.startswith(inside)], dtype=np.int64)
        found = _read(path, [files[row].removeprefix(inside) for row in rows], meanings)
        for name, counts in zip(found.classes, [] if found.votes is None else found.votes.T, strict=False):
            columns.setdefault(name, np.zeros(len(files), dtype=np.int64))[rows] += counts
        people[rows] = people[rows] if found.people is None else found.people
        contradictory[rows] |= found.contradictory
        problems += found.problems
    return Votes(
        list(columns),
        np.stack(list(columns.values()), 1) if columns else None,
        texts(people.tolist()) if (people != "").any() else None,
        contradictory,
        problems,
    )


def _read(path: Path, files: Sequence[str], meanings: LabelSet) -> Votes:
    """The votes of one table on the pictures in its folder and below."""
    table = read_table(path)
    image, person = table.place(*IMAGE), table.find(*PERSON)
    used = {image, person, *(place for place, title in enumerate(table.header) if folded(title) in NOT_CLASSES)}
    places = [place for place, title in enumerate(table.header) if title and place not in used]
    known = [place for place in places if meanings.resolve(table.header[place]) != NO_LABEL]
    rows, problems = _rows(table, image, person, known)
    problems[:0] = [_unknown_column(table, place) for place in places if place not in known]
    joined = join([name for name, _ in rows], [content for _, content in rows], files, path)
    without = int((joined.rows < 0).sum()) - int(joined.contradictory.sum())
    if not rows or (person is None and not known):
        remedy = "add a column with votes for each class, or one called person; or go on without"
        problems.append(Problem("table without use", str(path), "gives no picture votes or a person", remedy))
    elif without:
        cause = f"{without} of {len(files)} pictures have no row that counts: their votes and persons are unknown"
        problems.append(
            Problem(
                "pictures without a row", str(path), cause, "add rows for them; otherwise they are used without votes"
            )
        )
    counts = np.array([content[0] for _, content in rows] + [(0,) * len(known)], dtype=np.int64)
    named = texts([*(content[1] for _, content in rows), ""])
    return Votes(
        [table.header[place] for place in known],
        counts[joined.rows] if known and rows else None,  # row −1 is the last one, which is empty
        named[joined.rows] if person is not None else None,
        joined.contradictory,
        [*problems, *joined.problems],
    )


def _rows(
    table: Table, image: int, person: int | None, known: Sequence[int]
) -> tuple[list[tuple[str, tuple[tuple[int, ...], str]]], list[Problem]]:
    """Picture, votes and person of each row that can be used. Votes that are no numbers do not take the person away."""
    people = [""] * len(table.rows) if person is None else one_name_each(table.column(person))
    rows, problems = [], []
    for number, (row, name) in enumerate(zip(table.rows, people, strict=True)):
        counts = [_count(row[place]) for place in known]
        wrong = [place for place, count in zip(known, counts, strict=True) if count is None]
        if wrong:
            problems.append(_no_votes(table, number, wrong[0], kept=bool(name)))
        if not wrong or name:
            rows.append((row[image], (tuple(0 if wrong else count or 0 for count in counts), name)))
    return rows, problems


def _no_votes(table: Table, number: int, place: int, *, kept: bool) -> Problem:
    cell = f"is {table.rows[number][place][:20]!r}" if table.rows[number][place] else "is empty"
    cause = f"column {table.header[place]} {cell}: votes are whole numbers from 0"
    remedy = "correct the row; its votes do not count" + (", its person does" if kept else "")
    return Problem("broken row", f"{table.path}, row {number + 1}", cause, remedy)


def _count(cell: str) -> int | None:
    """A number of votes, also as pandas writes it (3.0 or 3,0); None where it is none."""
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return None
    return int(value) if value.is_integer() and 0 <= value < 2**31 else None


def _unknown_column(table: Table, place: int) -> Problem:
    name, counts = table.header[place], [_count(cell) for cell in table.column(place)]
    if None in counts:
        cause, remedy = "holds no votes, and is not used", f"call it {PERSON[0]} if it names people, or remove it"
    else:
        cause = "is not a class: neither a folder nor an emotion has this name"
        remedy = "remove the column, or give its class: " + names_flag(name, "CLASS")
    return Problem("unknown column", f"{table.path}, column {name}", cause, remedy)
