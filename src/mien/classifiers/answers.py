"""The output of a model from elsewhere that has its answers, and whether these are probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.declaration import ANSWERS, INDEPENDENT, LOGITS, PROBABILITIES
from mien.classifiers.graph import Graph
from mien.classifiers.rows import as_columns, as_rows
from mien.errors import UsageError, choice_error
from mien.types import Floats

SLACK = 0.02
SCALES = (100.0, 255.0, 256.0)
"""What the answers of a row add up to where they are shares of a hundred, or of 8 bits."""


def choose_output(
    graph: Graph, probe: NDArray[Any], rows: int, classes: Sequence[str], output: str, notes: list[str]
) -> tuple[str, Floats]:
    """The output with the answers, and those for the probe, a row each.

    Parameters
    ----------
    rows : of the probe. classes : as many as columns; () where they are not known.
    output : its name; "" for the only one that may have the answers. notes : gets a sentence where one was chosen.

    Raises
    ------
    UsageError : no output has the answers, or several have.
    """
    names = [info.name for info in graph.outputs]
    if output and output not in names:
        raise choice_error("output", output, names, place="--output")
    arrays = {name: as_rows(value) for name, value in zip(names, graph.run(probe, names), strict=True)}
    fitting = {
        name: as_columns(array, rows)
        for name, array in arrays.items()
        if output in ("", name) and _may_answer(as_columns(array, rows), rows, len(classes))
    }
    sure = {name: array for name, array in fitting.items() if is_shares(array)} if len(fitting) > 1 else fitting
    if len(sure or fitting) != 1:
        shown = "; ".join(f"{name} {array.shape} {array.dtype}" for name, array in arrays.items())
        many = f"{len(fitting)} outputs have" if fitting else "no output has"
        wanted = f"a column for each of {len(classes)} classes" if classes else "a column for each class"
        remedy = "name it with --output, and all its columns, in their order, with --classes"
        cause = f"{many} {wanted}, and numbers for each of {rows} rows: {shown}"
        raise UsageError(cause, place="outputs", remedy=remedy)
    [(name, array)] = (sure or fitting).items()
    if len(names) > 1 and not output:
        notes.append(f"answers are in its output {name!r}, of {', '.join(names)}")
    return name, array


def _may_answer(array: NDArray[Any], rows: int, classes: int) -> bool:
    is_number = array.dtype.kind == "f" or array.dtype == np.uint8
    return (
        is_number and array.ndim == 2 and len(array) == rows and array.shape[1] > 1 and classes in (0, array.shape[1])
    )


def is_shares(array: Floats, total: float = 1.0) -> bool:
    """Whether no number is negative, and the rows add up to a total, but for rounding."""
    slack = SLACK * total
    return bool((array >= -slack).all() and (np.abs(array.sum(-1, dtype=np.float64) - total) <= slack).all())


def kind_of_answers(array: Floats, given: str | None, output: str, notes: list[str]) -> str:
    """Whether the answers are probabilities, logits or independent.

    Parameters
    ----------
    array : (N, K) answers for random rows. given : the kind that the user declares, if any.
    output : its name. notes : gets a sentence where the answers are no probabilities and the user declares none.

    Raises
    ------
    UsageError : what is declared cannot be; or nothing is, and it cannot be told.
    """
    if not np.isfinite(array).all():
        if given is None:
            cause = f"its output {output!r} is not finite for random pictures, so its kind cannot be told"
            raise UsageError(cause, place="--answers", remedy=f"give --answers: {' or '.join(ANSWERS)}")
        return given  # those of real pictures are checked each time
    shares, negative = is_shares(array), bool((array < 0).any())
    scaled = not negative and (bool((array <= 1).all()) or any(is_shares(array, total) for total in SCALES))
    kind = PROBABILITIES if shares else INDEPENDENT if scaled else LOGITS
    if kind == LOGITS and array.dtype == np.uint8:
        cause = f"its output {output!r} has whole numbers from 0 to 255, whose scale is not known"
        raise UsageError(cause, place="outputs", remedy="convert the model again, with answers that are floats")
    if given == PROBABILITIES and not shares:
        raise UsageError(f"rows of its output {output!r} do not add up to 1", place="--answers",
                         remedy=f"give --answers {kind}")  # fmt: skip
    if given == INDEPENDENT and negative:
        cause = f"its output {output!r} has negative numbers"
        raise UsageError(cause, place="--answers", remedy=f"give --answers {LOGITS}")
    if given is None and kind != PROBABILITIES:
        how = {LOGITS: "a softmax makes probabilities of them", INDEPENDENT: "each is divided by their sum"}[kind]
        notes.append(f"its answers do not add up to 1 and are taken as {kind}: {how}")
    return kind if given is None else given
