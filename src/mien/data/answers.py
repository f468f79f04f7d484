"""Reader of tables of answers: all that is known of a classifier is what it answered, a row for each picture or case.

    id,label,group,part,p_legit,p_fraud,amount,hour
    t-1,legit,c-7,,0.98,0.02,12.5,9

Columns p_CLASS or prob_CLASS are probabilities, logit_CLASS logits, of which the softmax is taken. The columns x_*, or
without such all other columns of numbers, are the features. An NPZ has `probs` or `logits`, `classes`, and where there
are any `ids`, `labels`, `groups`, `parts`, and features as `vectors` or `vectors/NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax

from mien.data.answer_layout import (
    CONVENTION,
    GROUP,
    ID,
    LABEL,
    PART,
    AnswerColumns,
    layout_of_arrays,
    layout_of_columns,
)
from mien.data.columns import NPZ, SUFFIXES, Columns, read_columns, shown
from mien.data.tables import unify_names
from mien.errors import AlignmentError, DataError
from mien.types import PARTS, Outputs, Texts, as_shares, check_unique, fold, spelling, texts


@dataclass(frozen=True)
class Answers:
    """The rows of a table of answers.

    Attributes
    ----------
    path : the file. columns : its classes and features.
    outputs : ids, probabilities (N, K) and vectors.
    labels, groups, parts : (N,) as written, "" where a row has none; None without such a column.
    numbered : whether the ids are row numbers, since the table has none.
    unused : titles of columns that play no part.
    """

    path: Path
    columns: AnswerColumns
    outputs: Outputs
    labels: Texts | None = None
    groups: Texts | None = None
    parts: Texts | None = None
    numbered: bool = False
    unused: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.outputs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the table is not used, and what it lacks, a sentence each."""
        notes = []
        if self.unused:
            notes.append(f"columns that play no part: {shown(self.unused)}")
        if self.numbered:
            notes.append("has no ids, so rows are known by their numbers from 0")
        if not self.columns.vectors:
            notes.append("has no features: a corrector sees the probabilities alone")
        return tuple(notes)

    def required_labels(self) -> Texts:
        """The labels; DataError where the table has none."""
        if self.labels is None:
            remedy = "add a column label (in an NPZ an array labels) with the right class of each row"
            raise DataError("has no labels", place=str(self.path), remedy=remedy)
        if not (self.labels != "").any():
            raise DataError("has a label in no row", place=str(self.path), remedy="label some rows")
        return self.labels


def read_answers(path: Path, columns: AnswerColumns | None = None) -> Answers:
    """Read a table of answers.

    Parameters
    ----------
    columns : classes and features that the table must have; by default those that it has.

    Raises
    ------
    DataError : no table, or one without probabilities; probabilities, features or ids that cannot be right; other
        classes or features than asked for. MissingExtraError : pyarrow is missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "answers.csv"
    ...     _ = path.write_text("id,label,logit_no,logit_yes,age\\na,no,1,1,30\\nb,yes,0,9,44\\n")
    ...     answers = read_answers(path)
    >>> answers.columns.classes, answers.outputs.probs.round(2).tolist(), dict(answers.columns.vectors)
    (('no', 'yes'), [[0.5, 0.5], [0.0, 1.0]], {'features': ('age',)})
    """
    table = read_columns(path)
    layout = (layout_of_arrays if path.suffix.lower() == NPZ else layout_of_columns)(table, columns)
    _check_classes(path, layout.classes, columns)
    if layout.are_logits:
        probs = softmax(layout.scores, axis=1)
    else:
        place = f"{path}, probabilities of {shown(layout.classes)} (rows count from 0)"
        probs = as_shares(layout.scores, place)
    ids = _keys(table, ID)
    vectors = {name: values for name, (_, values) in layout.vectors.items()}
    keys = texts([str(number) for number in range(len(probs))]) if ids is None else _unique(table, ids)
    outputs = Outputs(keys, probs, np.ones(probs.shape[1], bool), vectors)
    described = AnswerColumns(layout.classes, tuple((name, layout.vectors[name][0]) for name in sorted(vectors)))
    groups = _keys(table, GROUP)
    return Answers(
        path, described if columns is None else columns, outputs, _keys(table, LABEL),
        None if groups is None else texts(unify_names(groups.tolist())), _parts(table), ids is None, layout.unused,
    )  # fmt: skip


def _check_classes(path: Path, classes: Sequence[str], columns: AnswerColumns | None) -> None:
    """Refuse classes without a name, equal ones, a single one, and others than asked for."""
    place = str(path)
    if columns is not None and tuple(classes) != columns.classes:
        cause = f"has answers for {shown(classes)}, and the patch is for a classifier of {shown(columns.classes)}"
        raise DataError(cause, place=place, remedy="give answers of the classifier that the patch was made for")
    spelt = [spelling(name) for name in classes]
    if "" in spelt:
        raise DataError("has a class without a name", place=place, remedy=CONVENTION)
    twice = sorted({name for name in spelt if spelt.count(name) > 1})
    if twice:
        cause = f"has two classes that are read as {shown(twice[:1])}"
        raise DataError(cause, place=place, remedy="give each class a name of its own")
    if len(classes) < 2:
        remedy = "a classifier has two classes or more: add a column for the others, p_other = 1 − p"
        raise DataError(f"has answers for {shown(classes)} alone", place=place, remedy=remedy)


def _keys(table: Columns, key: str) -> Texts | None:
    """A column of names, as text."""
    title = f"{key}s" if table.path.suffix.lower() == NPZ else table.find(key)
    if title is None or title not in table.values:
        return None
    if table.values[title].ndim != 1:
        raise DataError(f"{title} has not one value a row", place=str(table.path), remedy="give one value for each row")
    return table.text(title)


def _unique(table: Columns, ids: Texts) -> Texts:
    missing = ids == ""
    if missing.any():
        raise table.error(ID, missing, "has no id", "give each row an id, or remove the column: rows are then numbered")
    try:
        check_unique(ids, f"{table.path}, column {ID}")
    except AlignmentError as error:
        raise DataError(error.cause, place=error.place, remedy=error.remedy) from None
    return ids


def _parts(table: Columns) -> Texts | None:
    """The column of parts, checked: one of PARTS, or ""."""
    written = _keys(table, PART)
    if written is None:
        return None
    parts = texts([fold(part) for part in written.tolist()])
    odd = ~np.isin(parts, ["", *PARTS])
    if odd.any():
        remedy = f"write one of {', '.join(PARTS)}, or nothing"
        raise table.error(PART, odd, f"{shown([str(written[odd][0])])!r} is no part", remedy)
    return parts if (parts != "").any() else None


def is_table(path: Path) -> bool:
    """Whether a path names a table, by its suffix."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def read_names(path: Path) -> Mapping[str, Texts]:
    """The columns id and group of a table, those that it has; DataError where it has neither."""
    table = read_columns(path)
    named = {key: column for key in (ID, GROUP) if (column := _keys(table, key)) is not None}
    if not named:
        cause = f"has neither a column {ID} nor a column {GROUP}"
        remedy = f"its columns are: {shown(list(table.values))}"
        raise DataError(cause, place=str(path), remedy=remedy)
    return named
