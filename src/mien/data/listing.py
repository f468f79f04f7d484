"""What the readers share: tables, spellings of labels, row keys, pictures without a row."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.data.files import look
from mien.data.labels import ALIASES, EMOTIONS
from mien.errors import DataError
from mien.types import Ints, LabelSet, Problem, Texts

LONGEST = 100
"""Bytes of a class name."""
UNDECIDED = ("tie", "unknown", "NF")
"""Raw labels that say: the annotators' votes name no emotion (a tie, "unknown" or "not a face" wins)."""


def rows_of(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV file with their cells trimmed, empty lines left out; DataError where it is no text."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a 224×224 picture in one cell is past the default
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.reader(file, skipinitialspace=True):
                if row:
                    yield [cell.strip() for cell in row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"is not a CSV file: {error}", place=str(path), remedy="save it as UTF-8 CSV") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", place=str(path), remedy="check the path") from None


def columns(header: Sequence[str], wanted: Sequence[str], path: Path) -> list[int]:
    """Where the wanted columns stand in a header, whatever their order and case; DataError where one is missing."""
    places = {name.casefold(): place for place, name in enumerate(header)}
    missing = [name for name in wanted if name.casefold() not in places]
    if missing:
        found = ", ".join(header) or "nothing"
        raise DataError(
            f"has no column {', '.join(map(repr, missing))}", place=str(path), remedy=f"its columns are: {found[:200]}"
        )
    return [places[name.casefold()] for name in wanted]


def spellings(names: Mapping[str, str] | None) -> dict[str, str]:
    """Every known spelling and the class it means; `names` are the user's own and win."""
    own = {raw.strip().casefold(): name.strip().casefold() for raw, name in (names or {}).items()}
    return {**ALIASES, **{raw: ALIASES.get(name, name) for raw, name in own.items()}}


def labelset_of(raw: Iterable[str], names: Mapping[str, str] | None, *, others: bool) -> LabelSet:
    """The classes that occur among raw labels: emotions in canonical order, then the others, sorted.

    Parameters
    ----------
    raw : labels as they were written.
    names : the user's own spellings.
    others : whether a word that is no emotion is a class; if not, it is one only where no word is an emotion.

    Examples
    --------
    >>> labelset_of(["Happy", "FEAR", "hapy"], None, others=False).names
    ('fear', 'happiness')
    """
    meant = spellings(names)
    found = {meant.get(word, word) for word in (label.strip().casefold() for label in raw) if word}
    if not others and found & set(EMOTIONS.names):
        found &= {*EMOTIONS.names, *meant.values()}
    kept = [name for name in EMOTIONS.names if name in found]
    kept += sorted(found - set(kept))
    for name in kept:
        _check_class_name(name)
    return LabelSet(tuple(kept), {word: name for word, name in meant.items() if name in kept})


def _check_class_name(name: str) -> None:
    """A class name becomes part of folder names and of lines of text."""
    if not name.isprintable() or set(name) & set("/\\") or len(name.encode()) > LONGEST:
        shown = name if len(name) <= LONGEST else name[:LONGEST] + "…"
        cause = f"cannot be the name of a class: it has a slash, a sign that does not print, or over {LONGEST} bytes"
        raise DataError(cause, place=f"label {shown!r}", remedy="rename it, or say with --names what it means")


def resolve(raw: Texts, labelset: LabelSet) -> Ints:
    """(N,) class indices of raw labels, -1 where a label means no class."""
    if not len(raw):
        return np.empty(0, dtype=np.int64)
    words, where = np.unique(raw, return_inverse=True)
    return np.array([labelset.resolve(str(word)) for word in words], dtype=np.int64)[where]


def row_keys(names: Iterable[str]) -> list[str]:
    """Names made unique: the second row of a name becomes "name#2".

    >>> row_keys(["a.png", "b.png", "a.png"])
    ['a.png', 'b.png', 'a.png#2']
    """
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        seen[name] += 1
        keys.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return keys


def unlisted(folder: Path, listed: Iterable[str], table: Path) -> list[Problem]:
    """A Problem for each picture of `folder` that no row of `table` names, and for formats in it that are not read."""
    known = set(listed)
    found = look(folder, known)
    rest = [
        Problem("unlabelled", str(folder / name), f"no row of {table.name} names it", "add a row, or remove the file")
        for name in found.pictures
        if name not in known
    ]
    return rest + found.problems


def broken_row(path: Path, number: int, cause: str) -> Problem:
    """A row of a table that cannot be used; `number` counts from 1, the header not included."""
    return Problem("broken row", f"{path}, row {number}", cause, "correct the row; it is left out")
