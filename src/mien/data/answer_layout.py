"""The layouts of a table of answers: titles of columns, or arrays of an NPZ, as classes, scores and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.columns import Columns, shown
from mien.errors import DataError
from mien.types import Floats

FEATURES, VECTORS = "features", "vectors"
"""Name of the vector of a table's features, and of the arrays of vectors in an NPZ."""
PROBS, LOGITS = ("p_", "prob_"), "logit_"
"""How the titles of columns of probabilities and of logits begin."""
MARKED = "x_"
"""How the titles of columns begin that alone are features, where there are any."""
ID, LABEL, GROUP, PART = KEYS = ("id", "label", "group", "part")
"""Columns that are no features."""
INDEX = ("", "unnamed: 0", "__index_level_0__")
"""Titles of row numbers, as pandas writes them."""
CONVENTION = "name them p_CLASS (or prob_CLASS, or logit_CLASS for logits), one for each class"
OF_NPZ = "an NPZ has an array probs (or logits) of a row each and a column a class, and an array classes of their names"
Vectors = dict[str, tuple[tuple[str, ...], Floats]]
"""Name of a vector → names of its columns, and (N, D) values."""


@dataclass(frozen=True)
class AnswerColumns:
    """What two tables of one classifier have in common, and what is checked of that.

    Attributes
    ----------
    classes : K names, in the order of the columns.
    vectors : (name of a vector, names of its columns), sorted.
    name : of the classifier, by the user; "" for none.
    """

    classes: tuple[str, ...]
    vectors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        vectors = tuple((str(name), tuple(map(str, columns))) for name, columns in self.vectors)  # JSON has lists only
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "name", str(self.name))


@dataclass(frozen=True)
class Layout:
    """What the columns of a table are.

    Attributes
    ----------
    classes : K names. scores : (N, K) probabilities, or logits where `are_logits`.
    vectors : name → names of the columns, and (N, D) values.
    unused : titles of columns that play no part.
    """

    classes: tuple[str, ...]
    scores: Floats
    are_logits: bool
    vectors: Vectors
    unused: tuple[str, ...] = ()


def layout_of_columns(table: Columns, columns: AnswerColumns | None) -> Layout:
    """The layout of a CSV, TSV or Parquet, by the titles of its columns.

    Parameters
    ----------
    columns : classes and features that it must have; None: those that it has.
    """
    titles = list(table.values)
    by_prefix = {prefix: [title for title in titles if title.lower().startswith(prefix)] for prefix in (*PROBS, LOGITS)}
    used = [prefix for prefix, matching in by_prefix.items() if matching]
    if len(used) != 1:
        cause = f"has columns {' and '.join(f'{prefix}…' for prefix in used)}" if used else "has no column of answers"
        remedy = "keep those of the classes alone; name features x_NAME" if used else CONVENTION
        raise DataError(cause, place=str(table.path), remedy=f"{remedy}; its columns are: {shown(titles)}")
    [prefix] = used
    answers = by_prefix[prefix]
    keys = {table.find(key) for key in KEYS}
    rest = [title for title in titles if title not in keys and title not in answers]
    marked = [title for title in rest if title.lower().startswith(MARKED)]
    features = marked or [title for title in rest if title.lower() not in INDEX and table.is_number(title)]
    if columns is not None:
        features = _expected(table.path, dict(columns.vectors).get(FEATURES, ()), rest)
    unused = tuple(title for title in rest if title not in features)
    vectors: Vectors = {FEATURES: (tuple(features), table.numbers(features))} if features else {}
    classes = tuple(title[len(prefix) :].strip() for title in answers)
    if columns is not None and set(classes) == set(columns.classes):
        answers = [answers[classes.index(name)] for name in columns.classes]
        classes = columns.classes
    return Layout(classes, table.numbers(answers), prefix == LOGITS, vectors, unused)


def layout_of_arrays(table: Columns, columns: AnswerColumns | None) -> Layout:
    """The layout of an NPZ, by the names of its arrays; see `layout_of_columns`."""
    arrays, place = table.values, str(table.path)
    kinds = [kind for kind in ("probs", "logits") if kind in arrays]
    if len(kinds) != 1 or "classes" not in arrays:
        cause = f"has the arrays {shown(list(arrays))}"
        raise DataError(cause, place=place, remedy=OF_NPZ)
    scores = _matrix(table, kinds[0])
    if not len(scores):
        raise DataError(f"{kinds[0]} has no rows", place=place, remedy="give a row for each answer")
    names = table.text("classes")
    if names.ndim != 1 or len(names) != scores.shape[1]:
        cause = f"has {scores.shape[1]} columns of {kinds[0]}, and {len(names)} classes"
        raise DataError(cause, place=place, remedy=OF_NPZ)
    vectors: Vectors = {}
    for title in arrays:
        first, _, name = title.partition("/")
        if first == VECTORS:
            values = _matrix(table, title)
            vectors[name or FEATURES] = (tuple(map(str, range(values.shape[1]))), values)
    wrong = {title: len(array) for title, array in arrays.items() if title != "classes" and array.ndim
             and len(array) != len(scores)}  # fmt: skip
    if wrong:
        title = next(iter(wrong))
        cause = f"has {wrong[title]} rows of {title}, and {len(scores)} of {kinds[0]}"
        raise DataError(cause, place=place, remedy="give every array a row for each answer")
    if columns is not None:
        _check_vectors(table.path, columns, vectors)
    known = {*kinds, "classes", *(f"{key}s" for key in KEYS)}
    unused = tuple(title for title in arrays if title not in known and title.partition("/")[0] != VECTORS)
    return Layout(tuple(names.tolist()), scores, kinds[0] == "logits", vectors, unused)


def _matrix(table: Columns, title: str) -> Floats:
    """(N, D) an array of numbers of an NPZ."""
    array, place = table.values[title], f"{table.path}, array {shown([title])}"
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        cause = f"is {array.dtype} of shape {array.shape}"
        raise DataError(cause, place=place, remedy="give numbers, a row for each answer and a column for each value")
    odd = ~np.isfinite(array).all(1)
    if odd.any():
        raise DataError(
            f"row {int(np.argmax(odd)) + 1} has a value that is missing or infinite", place=place,
            remedy="leave these rows out, or correct their values",
        )  # fmt: skip
    return array.astype(np.float64)


def _expected(path: Path, features: Sequence[str], titles: Sequence[str]) -> list[str]:
    """The features that a patch needs; DataError where the table lacks one."""
    missing = [title for title in features if title not in titles]
    if missing:
        cause = f"has no column {shown(missing)}, on which the patch was fitted"
        remedy = f"give the columns that the patch was made with; this table has: {shown(titles) or 'no features'}"
        raise DataError(cause, place=str(path), remedy=remedy)
    return list(features)


def _check_vectors(path: Path, columns: AnswerColumns, vectors: Vectors) -> None:
    """Keep the vectors that a patch needs; DataError where the table lacks one, or has it with another width."""
    widths = {name: len(vectors[name][0]) for name in vectors}
    for name, titles in columns.vectors:
        if widths.get(name) != len(titles):
            given = f"{widths[name]} columns" if name in widths else "none"
            cause = f"the patch was fitted on vectors {shown([name])} of {len(titles)} columns, and there are {given}"
            raise DataError(cause, place=str(path), remedy="give the vectors that the patch was made with")
    for name in set(vectors) - {name for name, _ in columns.vectors}:
        del vectors[name]
