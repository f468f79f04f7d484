"""What the readers share: tables, spellings of labels, row keys, pictures without a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.data.labels import ALIASES, EMOTIONS
from mien.data.tables import Table
from mien.errors import DataError
from mien.types import Ints, LabelSet, Problem, Texts, spelling

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
LONGEST = 100
"""Bytes of a class name."""
UNDECIDED = ("tie", "unknown", "NF")
"""Raw labels that say: the annotators' votes name no emotion (a tie, "unknown" or "not a face" wins)."""


def columns(header: Sequence[str], wanted: Sequence[str], path: Path) -> list[int]:
    """Where the wanted columns stand in a header, whatever their order, case and padding; DataError without one."""
    table = Table(path, list(header), [])
    return [table.place(name) for name in wanted]


def spellings(names: Mapping[str, str] | None) -> dict[str, str]:
    """Every known spelling and the class it means; `names` are the user's own and win."""
    own = {spelling(raw): spelling(name) for raw, name in (names or {}).items()}
    return {**ALIASES, **{raw: ALIASES.get(name, name) for raw, name in own.items()}}


def labelset_of(
    raw: Iterable[str], names: Mapping[str, str] | None, *, others: bool, place: str = "", what: str = "labels"
) -> LabelSet:
    """The classes that occur among raw labels: emotions in canonical order, then the others, sorted.

    Parameters
    ----------
    raw : labels as they were written.
    names : the user's own spellings.
    others : whether a word that is no emotion is a class; if not, it is one only where no word is an emotion.
    place, what : where the labels are from and what they are, for messages.

    Raises
    ------
    DataError : a class would be called by a number alone, or by a name that cannot be one.

    Examples
    --------
    >>> labelset_of(["Happy", "FEAR", "hapy"], None, others=False).names
    ('fear', 'happiness')
    """
    meant = spellings(names)
    found = {meant.get(word, word) for word in map(spelling, raw) if word}
    if not others and found & set(EMOTIONS.names):
        found &= {*EMOTIONS.names, *meant.values()}
    kept = [name for name in EMOTIONS.names if name in found]
    kept += sorted(found - set(kept))
    _refuse_numbers([name for name in kept if NUMBER.fullmatch(name) and name not in meant.values()], place, what)
    for name in kept:
        _check_class_name(name)
    return LabelSet(tuple(kept), {word: name for word, name in meant.items() if name in kept})


def _refuse_numbers(numbers: Sequence[str], place: str, what: str) -> None:
    """Data sets number the emotions in different orders, so a number alone means nothing."""
    if numbers:
        example = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral", "contempt")
        shown = ",".join(f"{number}={name}" for number, name in zip(numbers, example, strict=False))
        raise DataError(
            f"the {what} are numbers ({', '.join(numbers)}), and what they mean differs between data sets",
            place=place,
            remedy=f"say what each means, for instance --names {shown}",
        )


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


def unlisted(folder: Path, pictures: Sequence[str], listed: Iterable[int], table: str) -> list[Problem]:
    """A Problem for each picture of a folder that no row of a table names; `listed` are numbers of those named."""
    named = np.zeros(len(pictures), bool)
    named[list(listed)] = True
    return [
        Problem(
            "unlabelled", str(folder / pictures[row]), f"no row of {table} names it", "add a row, or remove the file"
        )
        for row in np.flatnonzero(~named).tolist()
    ]


def broken_row(path: Path, number: int, cause: str) -> Problem:
    """A row of a table that cannot be used; `number` counts from 1, the header not included."""
    return Problem("broken row", f"{path}, row {number}", cause, "correct the row; it is left out")
