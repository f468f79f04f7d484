"""Rows of the log of decisions: what `mien predict` prints and `mien watch` reads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mien.deploy.predictor import Predictions
from mien.incoming.item import OK, Item
from mien.types import NO_LABEL, Decision
from mien.watch.fields import time_text

Row = dict[str, Any]
OF_PATCH = ("patch", "score", "threshold", "time")
"""Columns that a decision has where a patch corrects."""
STAGES = {"seconds": float, "face": int, "box": str, "track": str, "group": str}
"""Columns of videos and of detected faces, and their types; they are there where such a stage is used."""


@dataclass(frozen=True)
class Columns:
    """The columns of a log.

    Attributes
    ----------
    classes : names of the classes. patch : id of the patch that corrects, "" for none.
    key : "file" for pictures, which have a status too, or "id" for rows of tables.
    stages : those of STAGES that are used. last : columns that the caller adds to each row.

    Examples
    --------
    >>> ",".join(Columns(("joy", "fear")).names)
    'file,status,label,corrected,overridden,joy,fear,error'
    """

    classes: tuple[str, ...]
    patch: str = ""
    key: str = "file"
    stages: tuple[str, ...] = ()
    last: tuple[str, ...] = ()

    @property
    def first(self) -> tuple[str, ...]:
        """Names of what a row has whether or not there is an answer."""
        return (self.key, *(("status",) if self.key == "file" else ()), *self.stages)

    @property
    def logged(self) -> tuple[str, ...]:
        """Names of what stands behind the answer."""
        return (*(OF_PATCH if self.patch else ()), *self.last)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns of a table, the probabilities by their classes."""
        return (*self.first, "label", "corrected", "overridden", *self.classes, "error", *self.logged)


def rows_of(answers: Predictions, columns: Columns) -> Iterator[Row]:
    """Iterate over the rows for a batch.

    Probabilities are rounded to 6 decimals; a threshold that is never exceeded is None.
    """
    place = {name: row for row, name in enumerate(answers.outputs.ids.tolist())}
    for position, name in enumerate(answers.ids):
        about = _of_item(answers.items[position], columns) if answers.items else {columns.key: name}
        if name in place:
            yield about | _answer(answers, place[name], columns)
        else:
            yield about


def _of_item(item: Item, columns: Columns) -> Row:
    face = item.face
    values = {
        "seconds": item.seconds,
        "face": face and face.number,
        "box": face and [round(side, 1) for side in face.box],
        "track": (face and face.track) or None,
        "group": item.group or None,
    }
    row = {columns.key: item.id, "status": item.status, **{name: values[name] for name in columns.stages}}
    if item.problem is not None and item.status != OK:
        row["error"] = item.problem.cause
    return row


def _answer(answers: Predictions, row: int, columns: Columns) -> Row:
    outputs, decision, classes = answers.outputs, answers.decision, columns.classes
    final = int(decision.final[row])
    logged = {"patch": columns.patch, **figures_of(decision, row), "time": time_text()} if columns.patch else {}
    return {
        "label": classes[decision.base[row]],
        "corrected": None if final == NO_LABEL else classes[final],
        "overridden": bool(decision.overridden[row]),
        "probabilities": {
            name: round(float(value), 6) for name, value in zip(classes, outputs.probs[row], strict=True)
        },
        **logged,
    }


def figures_of(decision: Decision, row: int) -> dict[str, float | None]:
    """Score and threshold; None for a threshold that is never exceeded."""
    figures = {"score": decision.score, "threshold": decision.threshold}
    values = {name: float(array[row]) for name, array in figures.items() if array is not None}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
