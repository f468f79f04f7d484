"""Verdicts on labelled pictures, each with a one-line reason: probably wrong, ambiguous, outlier or fine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import AlignmentError
from mien.labels.suspects import Suspects
from mien.types import Bools, Floats, Ints, as_numbers

WRONG, AMBIGUOUS, STRANGE, FINE = KINDS = ("probably wrong", "ambiguous", "unlike anything seen", "fine")
CLOSE = 0.75
"""A picture is ambiguous where the second class has at least this share of the belief in the first."""
FAR = 3.0
"""Robust standard deviations of novelty above which a picture is an outlier (1 in 700 of a normal distribution)."""


@dataclass(frozen=True)
class Verdicts:
    """Verdict and reason for each of N pictures.

    Attributes
    ----------
    kind : (N,) verdicts, as indices into KINDS.
    reason : (N,) one line each.
    """

    kind: Ints
    reason: tuple[str, ...]

    def counts(self, rows: Bools | None = None) -> dict[str, int]:
        """Number of pictures for each verdict, among all or those of a mask (N,)."""
        kind = self.kind if rows is None else self.kind[rows]
        return dict(zip(KINDS, np.bincount(kind, minlength=len(KINDS)).tolist(), strict=True))


def verdicts(suspects: Suspects, novelty: Floats, names: tuple[str, ...]) -> Verdicts:
    """Assign the first verdict that holds: unlike anything seen, ambiguous, probably wrong, else fine.

    An outlier has no reliable neighbours and an ambiguous picture no single right label, so both precede "probably
    wrong", which means that another class is clearly more likely.

    Parameters
    ----------
    suspects : beliefs and labels of N pictures.
    novelty : (N,) outlier score on any scale; higher is more unusual.
    names : K class names.
    """
    novelty = as_numbers(novelty, "verdicts: novelty", rows=len(suspects.labels))
    if len(names) != suspects.belief.shape[1]:
        cause = f"there are {len(names)} names for {suspects.belief.shape[1]} classes"
        raise AlignmentError(cause, place="verdicts", remedy="name every class")
    if not len(novelty):
        return Verdicts(np.empty(0, np.int64), ())
    middle = np.median(novelty)
    deviations = (novelty - middle) / (1.4826 * np.median(np.abs(novelty - middle)) or 1.0)
    order = np.sort(suspects.belief, axis=1)
    close = order[:, -2] >= CLOSE * order[:, -1]
    holds = {STRANGE: deviations > FAR, AMBIGUOUS: close, WRONG: suspects.score > 0}
    kind = np.select(list(holds.values()), [KINDS.index(name) for name in holds], KINDS.index(FINE))
    other = suspects.other
    return Verdicts(kind, tuple(
        _reason(KINDS[number], suspects.belief[row], (suspects.labels[row], other[row]), deviations[row], names)
        for row, number in enumerate(kind)
    ))  # fmt: skip


def _reason(kind: str, belief: Floats, classes: tuple[int, int], deviations: float, names: tuple[str, ...]) -> str:
    """One line for a verdict; `classes` are the given and the most likely other class."""
    if kind == STRANGE:
        return f"{deviations:.1f} standard deviations from the median"
    given, other = (f"{names[c]} {100 * belief[c]:.0f} %" for c in classes)
    if kind == AMBIGUOUS:
        return " or ".join(f"{names[c]} {100 * belief[c]:.0f} %" for c in np.argsort(-belief)[:2])
    return f"{other}, {given}" if kind == WRONG else given
