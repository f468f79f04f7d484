"""Join tables to pictures: find the picture that each row names, however the name is written.

Every table beside pictures (votes, lists, legends, reviews) goes through here. A name is compared in one Unicode form
(NFC), with "/" between folders and without "./". Where no picture has exactly that name, a bare name or a longer path
counts if it means one picture alone, and after that a name in other case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from mien.errors import DataError
from mien.types import Bools, Ints, Problem, fold

NONE, SEVERAL = -1, -2
UNMATCHED, AMBIGUOUS, REPEATED, CONTRADICTORY, LOOSE = (
    "row without a picture",
    "ambiguous row",
    "repeated row",
    "contradictory rows",
    "matched loosely",
)
SHOWN = 120


def normal(name: str) -> str:
    """A picture's name in one form: NFC, "/" between folders, no "./", no space or quotes around.

    >>> normal(".\\\\happiness\\\\1.png")
    'happiness/1.png'
    """
    bare = re.sub(r"""^(["'])(.*)\1$""", r"\2", name.strip())
    parts = unicodedata.normalize("NFC", bare.replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


@dataclass(frozen=True)
class Matched:
    """Which picture each row of a table means.

    Attributes
    ----------
    rows : (M,) number of the picture, −1 for none.
    problems : a Problem for each row that means no picture, or several; before them, one where all were matched
        loosely.
    """

    rows: Ints
    problems: list[Problem]


@dataclass(frozen=True)
class Joined:
    """Which row of a table each picture has.

    Attributes
    ----------
    rows : (N,) number of the row in the table, −1 for none.
    contradictory : (N,) whether rows of the table contradict each other; `rows` is −1 there.
    problems : rows without a picture, repeated ones, contradictory ones.
    """

    rows: Ints
    contradictory: Bools
    problems: list[Problem]


def match(written: Sequence[str], names: Sequence[str], table: Path | str, *, whole: bool = True) -> Matched:
    """Find the picture that each row of a table means.

    Parameters
    ----------
    written : (M,) names in the table. names : (N,) names of the pictures.
    table : where the rows are from, for messages.
    whole : whether these are all rows of the table. Then, where none of them means a picture, extensions and folders
        are left out if the rest tells the pictures apart; else it is an error. Some rows alone are not compared so
        loosely: the picture of that file name in another folder is another one.

    Raises
    ------
    DataError : `whole`, and no row means a picture, or there is none.

    Examples
    --------
    >>> match(["happy\\\\1.png", "./2.png", "3.png"], ["happy/1.png", "happy/2.png"], "votes.csv").rows.tolist()
    [0, 1, -1]
    """
    if whole and len(written) and not len(names):
        remedy = "move the table into the folder of the pictures, or the pictures to where it expects them"
        raise DataError(f"there are no pictures for its {len(written)} rows", place=str(table), remedy=remedy)
    index = _Index(names)
    rows: Ints = np.array([index.find(normal(name)) for name in written], dtype=np.int64)
    problems: list[Problem] = []
    if whole and len(rows) and not (rows >= 0).any():
        rows, problems = _by_file(written, index.names, rows, table)
    if whole and len(rows) and not (rows >= 0).any():
        raise DataError(
            f"none of its {len(rows)} rows names a picture of these data",
            place=str(table),
            remedy=f"row 1 has {written[0][:SHOWN]!r}, the first picture is {names[0][:SHOWN]!r}: make them agree",
        )
    problems += [
        _problem(table, number, written[number], int(rows[number])) for number in np.flatnonzero(rows < 0).tolist()
    ]
    return Matched(np.maximum(rows, NONE), problems)


def _by_file(written: Sequence[str], names: Sequence[str], rows: Ints, table: Path | str) -> tuple[Ints, list[Problem]]:
    """The rows matched without extensions, by file name, or by both, where that tells the pictures apart."""
    wanted, own = [fold(normal(name)) for name in written], [fold(name) for name in names]
    for ignored, part in (
        ("extensions", _stem),
        ("folders", _file),
        ("folders and extensions", lambda name: _stem(_file(name))),
    ):
        files, parts = _numbered([part(name) for name in own]), [part(name) for name in wanted]
        if len(set(parts)) < len(set(wanted)) or SEVERAL in files.values():
            continue
        found = np.array([files.get(name, NONE) for name in parts], dtype=np.int64)
        if (found >= 0).any():
            cause = f"no row names a picture exactly ({written[0][:SHOWN]!r}): names are compared without {ignored}"
            return found, [Problem(LOOSE, str(table), cause, "nothing, if these are the same pictures")]
    return rows, []


def _file(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _stem(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.rsplit(".", 1)[0] or file)


def join(written: Sequence[str], contents: Sequence[Hashable], names: Sequence[str], table: Path | str) -> Joined:
    """Find the row of a table that each picture has, where a picture should have one row at most.

    A row that is written again counts once. Rows that contradict each other do not count at all.

    Parameters
    ----------
    written, contents : (M,) names in the table, and the content of each row.
    names : (N,) names of the pictures. table : where the rows are from, for messages.

    Raises
    ------
    DataError : no row means a picture, or there is none.

    Examples
    --------
    >>> joined = join(["1.png", "2.png", "2.png"], ["anger", "fear", "joy"], ["1.png", "2.png"], "list.csv")
    >>> joined.rows.tolist(), joined.contradictory.tolist()
    ([0, -1], [False, True])
    """
    matched = match(written, names, table)
    rows, contradictory = np.full(len(names), NONE), np.zeros(len(names), bool)
    problems = list(matched.problems)
    for number, picture in enumerate(matched.rows.tolist()):
        if picture < 0:
            continue
        if contradictory[picture] or (rows[picture] >= 0 and contents[rows[picture]] != contents[number]):
            contradictory[picture], rows[picture] = True, NONE
            cause = f"has {contents[number]!r}, and another row of this picture differs"[:200]
            remedy = "correct the table; until then none of these rows is used"
            problems.append(Problem(CONTRADICTORY, _place(table, number, written[number]), cause, remedy))
        elif rows[picture] >= 0:
            cause, remedy = "repeats another row", "nothing: it counts once"
            problems.append(Problem(REPEATED, _place(table, number, written[number]), cause, remedy))
        else:
            rows[picture] = number
    return Joined(rows, contradictory, problems)


class _Index:
    """Pictures by their names, as written and in small letters."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [normal(name) for name in names]
        self.exact = _numbered(self.names)
        self.loose: list[_Loose] = []

    def find(self, name: str) -> int:
        """Number of the picture; NONE, or SEVERAL."""
        if not name or name in self.exact:
            return self.exact.get(name, NONE)
        if not self.loose:
            self.loose = [_Loose(self.names), _Loose([fold(picture) for picture in self.names])]
        plain = unquote(name) if "%" in name else name  # as in addresses: sad%20face/1.png
        for index, wanted in ((self.loose[0], name), (self.loose[1], fold(name)), (self.loose[1], fold(plain))):
            found = index.find(wanted)
            if found != NONE:
                return found
        return NONE


class _Loose:
    """Pictures by the ends of their names: a row may name more or fewer folders than there are."""

    def __init__(self, names: Sequence[str]) -> None:
        self.whole = _numbered(names)
        self.tails: dict[str, int] = {}
        self.files: dict[str, list[tuple[int, list[str]]]] = {}
        for number, name in enumerate(names):
            for tail in _tails(name):
                self.tails[tail] = SEVERAL if tail in self.tails else number
            parts = name.split("/")
            self.files.setdefault(parts[-1], []).append((number, parts))

    def find(self, name: str) -> int:
        """The picture of this name, of a longer path, or of a shorter one; else the one with folders between."""
        for tail in (name, *_tails(name)):
            if tail in self.whole:
                return self.whole[tail]
            if tail == name and tail in self.tails:
                return self.tails[tail]
        parts = name.split("/")
        near = (number for number, own in self.files.get(parts[-1], ()) if _within(parts, own) or _within(own, parts))
        found = next(near, NONE)
        return SEVERAL if found != NONE and next(near, NONE) != NONE else found


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether all parts of one path occur in another, in order."""
    rest = iter(long)
    return all(part in rest for part in short)


def _tails(name: str) -> list[str]:
    """The ends of a path, the longest first: a/b/c gives b/c and c."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _numbered(names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, name in enumerate(names):
        found[name] = SEVERAL if name in found else number
    return found


def _place(table: Path | str, number: int, name: str) -> str:
    return f"{table}, row {number + 1} ({name[:SHOWN]})"


def _problem(table: Path | str, number: int, name: str, found: int) -> Problem:
    if found == SEVERAL:
        remedy = "write the picture's path as well; the row is left out"
        return Problem(AMBIGUOUS, _place(table, number, name), "names more than one picture", remedy)
    cause = "names no picture of these data" if name.strip() else "names no picture: its name is empty"
    return Problem(UNMATCHED, _place(table, number, name), cause, "correct the name, or remove the row")
