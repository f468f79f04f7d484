"""Functions shared by the readers: spellings of labels, unique ids, pictures without a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.data.labels import ALIASES, EMOTIONS
from mien.errors import DataError
from mien.types import Ints, LabelSet, Problem, Texts, spelling

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
LONGEST = 100
"""Maximum length of a class name in bytes."""
UNDECIDED = ("tie", "unknown", "NF")
"""Raw labels of pictures whose votes give no emotion: a tie, or most votes for "unknown" or "not a face"."""


def spellings(names: Mapping[str, str] | None) -> dict[str, str]:
    """Every known spelling of a label → class name; the user's `names` take precedence."""
    folded = {spelling(raw): spelling(name) for raw, name in (names or {}).items()}
    return {**ALIASES, **{raw: ALIASES.get(name, name) for raw, name in folded.items()}}


def labelset_of(
    raw: Iterable[str], names: Mapping[str, str] | None, *, others: bool, place: str = "", what: str = "labels"
) -> LabelSet:
    """Collect the classes that occur among raw labels: emotions in canonical order, then the others, sorted.

    Parameters
    ----------
    raw : labels as written in the data.
    names : the user's own spellings.
    others : whether labels that are not emotions are classes too; if false, only where no label is an emotion.
    place, what : source and kind of the labels, for messages.

    Raises
    ------
    DataError : the name of a class is a number or otherwise invalid.

    Examples
    --------
    >>> labelset_of(["Happy", "FEAR", "hapy"], None, others=False).names
    ('fear', 'happiness')
    """
    meant = spellings(names)
    classes = {meant.get(label, label) for label in map(spelling, raw) if label}
    if not others and classes & set(EMOTIONS.names):
        classes &= {*EMOTIONS.names, *meant.values()}
    kept = [name for name in EMOTIONS.names if name in classes]
    kept += sorted(classes - set(kept))
    _refuse_numbers([name for name in kept if NUMBER.fullmatch(name) and name not in meant.values()], place, what)
    for name in kept:
        _check_class_name(name)
    return LabelSet(tuple(kept), {written: name for written, name in meant.items() if name in kept})


def _refuse_numbers(numbers: Sequence[str], place: str, what: str) -> None:
    """Raise DataError for numbers as class names, because data sets number the emotions in different orders."""
    if numbers:
        example = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral", "contempt")
        shown = ",".join(f"{number}={name}" for number, name in zip(numbers, example, strict=False))
        cause = f"the {what} are numbers ({', '.join(numbers)}), whose meaning differs between data sets"
        raise DataError(cause, place=place, remedy=f"give the class of each number, for instance --names {shown}")


def _check_class_name(name: str) -> None:
    """Raise DataError for a class name that cannot be part of folder names and lines of text."""
    if not name.isprintable() or set(name) & set("/\\") or len(name.encode()) > LONGEST:
        shown = name if len(name) <= LONGEST else name[:LONGEST] + "…"
        cause = f"is not a valid class name: it has a slash, a non-printable character, or over {LONGEST} bytes"
        raise DataError(cause, place=f"label {shown!r}", remedy="rename it, or give its class with --names")


def resolve(raw: Texts, labelset: LabelSet) -> Ints:
    """(N,) class indices of raw labels, -1 where a label means no class."""
    if not len(raw):
        return np.empty(0, dtype=np.int64)
    distinct, inverse = np.unique(raw, return_inverse=True)
    return np.array([labelset.resolve(str(label)) for label in distinct], dtype=np.int64)[inverse]


def unique_ids(names: Iterable[str]) -> list[str]:
    """Make names unique: the second row with a name becomes "name#2".

    >>> unique_ids(["a.png", "b.png", "a.png"])
    ['a.png', 'b.png', 'a.png#2']
    """
    counts: Counter[str] = Counter()
    ids = []
    for name in names:
        counts[name] += 1
        ids.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
    return ids


def unlisted(folder: Path, pictures: Sequence[str], listed: Iterable[int], table: str) -> list[Problem]:
    """A Problem for each picture of a folder that no row of a table names; `listed` are indices of the named ones."""
    named = np.zeros(len(pictures), bool)
    named[list(listed)] = True
    return [
        Problem(
            "unlabelled", str(folder / pictures[row]), f"no row of {table} names it", "add a row, or remove the file"
        )
        for row in np.flatnonzero(~named).tolist()
    ]


def broken_row(path: Path, number: int, cause: str) -> Problem:
    """The Problem for an unusable row of a table; `number` counts from 1 without the header."""
    return Problem("broken row", f"{path}, row {number}", cause, "correct the row; it is left out")
