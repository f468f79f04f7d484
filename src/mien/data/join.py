"""Joining of tables to pictures: find the picture that each row of a table names, in any usual spelling.

All tables beside pictures (votes, lists, legends, reviews) are joined here. Names are compared in one Unicode form
(NFC), with "/" between folders and without "./". If no picture has exactly that name, a file name or a longer path
matches if it fits only one picture, and after that a name in another case.
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


def normalise_name(name: str) -> str:
    """Normalise a picture's name: NFC, "/" between folders, without "./" and without surrounding space or quotes.

    >>> normalise_name(".\\\\happiness\\\\1.png")
    'happiness/1.png'
    """
    bare = re.sub(r"""^(["'])(.*)\1$""", r"\2", name.strip())
    parts = unicodedata.normalize("NFC", bare.replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


@dataclass(frozen=True)
class Joined:
    """The row of a table that names each of N pictures.

    Attributes
    ----------
    rows : (N,) index of the row in the table, −1 for none.
    contradictory : (N,) whether several rows name the picture and contradict each other; `rows` is −1 there.
    problems : one for each row that names no picture, is repeated, or contradicts another.
    """

    rows: Ints
    contradictory: Bools
    problems: list[Problem]


def match(
    written: Sequence[str], names: Sequence[str], table: Path | str, *, whole: bool = True
) -> tuple[Ints, list[Problem]]:
    """Find the picture that each row of a table names.

    Parameters
    ----------
    written : (M,) names in the table.
    names : (N,) names of the pictures.
    table : the table's path, for messages.
    whole : whether these are all rows of the table. If so, and none of them names a picture, names are compared without
        extensions and folders, provided that the rest is unique; if that fails too, it is an error. A selection of rows
        is not compared so loosely, because an equal file name in another folder may be another picture.

    Returns
    -------
    (M,) index of the picture of each row, −1 for none; and Problems: one if all rows were matched loosely, then one for
    each row that names no picture, or several.

    Raises
    ------
    DataError : `whole` is true, and no row names a picture, or there are no pictures.

    Examples
    --------
    >>> match(["happy\\\\1.png", "./2.png", "3.png"], ["happy/1.png", "happy/2.png"], "votes.csv")[0].tolist()
    [0, 1, -1]
    """
    if whole and len(written) and not len(names):
        remedy = "move the table into the folder of the pictures, or the pictures to the folder that it names"
        raise DataError(f"there are no pictures for its {len(written)} rows", place=str(table), remedy=remedy)
    index = _Index(names)
    rows: Ints = np.array([index.find(normalise_name(name)) for name in written], dtype=np.int64)
    problems: list[Problem] = []
    if whole and len(rows) and not (rows >= 0).any():
        rows, problems = _match_loosely(written, index.names, rows, table)
    if whole and len(rows) and not (rows >= 0).any():
        remedy = f"row 1 has {written[0][:SHOWN]!r}, the first picture is {names[0][:SHOWN]!r}: make them agree"
        raise DataError(f"none of its {len(rows)} rows names a picture of these data", place=str(table), remedy=remedy)
    for number in np.flatnonzero(rows < 0).tolist():
        problems.append(_unmatched(_place(table, number, written[number]), written[number], rows[number] == SEVERAL))
    return np.maximum(rows, NONE), problems


def _match_loosely(
    written: Sequence[str], names: Sequence[str], rows: Ints, table: Path | str
) -> tuple[Ints, list[Problem]]:
    """Match rows without extensions, without folders, or without both, provided that the names remain unique."""
    row_names, image_names = [fold(normalise_name(name)) for name in written], [fold(name) for name in names]
    for ignored, part in (
        ("extensions", _stem),
        ("folders", _file),
        ("folders and extensions", lambda name: _stem(_file(name))),
    ):
        images, parts = _index_by_name([part(name) for name in image_names]), [part(name) for name in row_names]
        if len(set(parts)) < len(set(row_names)) or SEVERAL in images.values():
            continue
        matched = np.array([images.get(name, NONE) for name in parts], dtype=np.int64)
        if (matched >= 0).any():
            cause = f"no row names a picture exactly ({written[0][:SHOWN]!r}): names are compared without {ignored}"
            return matched, [Problem(LOOSE, str(table), cause, "nothing, if these are the same pictures")]
    return rows, []


def _file(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _stem(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.rsplit(".", 1)[0] or file)


def join(written: Sequence[str], contents: Sequence[Hashable], names: Sequence[str], table: Path | str) -> Joined:
    """Find the row of a table that names each picture, for tables with at most one row per picture.

    A repeated row counts once. Rows that contradict each other are not used.

    Parameters
    ----------
    written, contents : (M,) names in the table, and the content of each row.
    names : (N,) names of the pictures.
    table : the table's path, for messages.

    Raises
    ------
    DataError : no row names a picture, or there are no pictures.

    Examples
    --------
    >>> joined = join(["1.png", "2.png", "2.png"], ["anger", "fear", "joy"], ["1.png", "2.png"], "list.csv")
    >>> joined.rows.tolist(), joined.contradictory.tolist()
    ([0, -1], [False, True])
    """
    pictures, problems = match(written, names, table)
    rows, contradictory = np.full(len(names), NONE), np.zeros(len(names), bool)
    for number, picture in enumerate(pictures.tolist()):
        if picture < 0:
            continue
        place = _place(table, number, written[number])
        if contradictory[picture] or (rows[picture] >= 0 and contents[rows[picture]] != contents[number]):
            contradictory[picture], rows[picture] = True, NONE
            cause = f"has {contents[number]!r}, and another row of this picture differs"[:200]
            remedy = "correct the table; until then none of these rows is used"
            problems.append(Problem(CONTRADICTORY, place, cause, remedy))
        elif rows[picture] >= 0:
            cause, remedy = "repeats another row", "nothing: it counts once"
            problems.append(Problem(REPEATED, place, cause, remedy))
        else:
            rows[picture] = number
    return Joined(rows, contradictory, problems)


class _Index:
    """Index of pictures by name, exactly and without regard to case."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [normalise_name(name) for name in names]
        self.exact = _index_by_name(self.names)
        self.loose: list[_Loose] = []

    def find(self, name: str) -> int:
        """Index of the picture with this name, NONE or SEVERAL."""
        if not name or name in self.exact:
            return self.exact.get(name, NONE)
        if not self.loose:
            self.loose = [_Loose(self.names), _Loose([fold(picture) for picture in self.names])]
        plain = unquote(name) if "%" in name else name  # a URL: sad%20face/1.png
        for index, key in ((self.loose[0], name), (self.loose[1], fold(name)), (self.loose[1], fold(plain))):
            image = index.find(key)
            if image != NONE:
                return image
        return NONE


class _Loose:
    """Index of pictures by the ends of their paths: a row may name more or fewer folders than the picture has."""

    def __init__(self, names: Sequence[str]) -> None:
        self.whole = _index_by_name(names)
        self.tails: dict[str, int] = {}
        self.files: dict[str, list[tuple[int, list[str]]]] = {}
        for number, name in enumerate(names):
            for tail in _tails(name):
                self.tails[tail] = SEVERAL if tail in self.tails else number
            parts = name.split("/")
            self.files.setdefault(parts[-1], []).append((number, parts))

    def find(self, name: str) -> int:
        """Index of the picture with this path, a longer one, or a shorter one; else with further folders between."""
        for tail in (name, *_tails(name)):
            if tail in self.whole:
                return self.whole[tail]
            if tail == name and tail in self.tails:
                return self.tails[tail]
        parts = name.split("/")
        same_file = self.files.get(parts[-1], ())
        near = (number for number, path in same_file if _within(parts, path) or _within(path, parts))
        image = next(near, NONE)
        return SEVERAL if image != NONE and next(near, NONE) != NONE else image


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether all parts of one path occur in another, in order."""
    rest = iter(long)
    return all(part in rest for part in short)


def _tails(name: str) -> list[str]:
    """Proper suffixes of a path, the longest first: a/b/c gives b/c and c."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _index_by_name(names: Sequence[str]) -> dict[str, int]:
    index: dict[str, int] = {}
    for number, name in enumerate(names):
        index[name] = SEVERAL if name in index else number
    return index


def _place(table: Path | str, number: int, name: str) -> str:
    return f"{table}, row {number + 1} ({name[:SHOWN]})"


def _unmatched(place: str, name: str, several: bool) -> Problem:
    if several:
        remedy = "write the picture's path as well; the row is left out"
        return Problem(AMBIGUOUS, place, "names more than one picture", remedy)
    cause = "names no picture of these data" if name.strip() else "names no picture: its name is empty"
    return Problem(UNMATCHED, place, cause, "correct the name, or remove the row")
