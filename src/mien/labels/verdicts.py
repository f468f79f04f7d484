"""A verdict on each picture, with a reason in a line: wrong labels, ambiguous faces and strangers need other care."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.errors import AlignmentError
from mien.labels.suspects import Suspects
from mien.types import Floats, Ints, as_numbers

WRONG, AMBIGUOUS, STRANGE, FINE = KINDS = ("probably wrong", "ambiguous", "unlike anything seen", "fine")
CLOSE = 0.75
"""Two classes are close where the second is at least this share of the first."""
FAR = 3.0
"""Robust standard deviations of novelty from which on a picture is unlike anything seen (one in 700 of normal ones)."""


@dataclass(frozen=True)
class Verdicts:
    """Of N pictures.

    Attributes
    ----------
    kind : (N,) numbers into KINDS.
    reason : (N,) a line each.
    """

    kind: Ints
    reason: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Kind → pictures."""
        return {name: int((self.kind == number).sum()) for number, name in enumerate(KINDS)}


def verdicts(found: Suspects, novelty: Floats, names: tuple[str, ...]) -> Verdicts:
    """The first that holds of: unlike anything seen, ambiguous, probably wrong; else fine.

    A picture that is unlike all others has no reliable neighbours, and one between two classes no single right label:
    so both go before "probably wrong", which says that one other class is clearly more likely.

    Parameters
    ----------
    found : the suspects. novelty : (N,) higher is stranger, on any scale.
    names : K class names.
    """
    novelty = as_numbers(novelty, "verdicts: novelty", rows=len(found.labels))
    if len(names) != found.belief.shape[1]:
        cause = f"{len(names)} names for {found.belief.shape[1]} classes"
        raise AlignmentError(cause, place="verdicts", remedy="name every class")
    if not len(novelty):
        return Verdicts(np.empty(0, np.int64), ())
    middle = np.median(novelty)
    spread = 1.4826 * np.median(np.abs(novelty - middle)) or 1.0
    far = (novelty - middle) / spread
    order = np.sort(found.belief, axis=1)
    close = order[:, -2] >= CLOSE * order[:, -1]
    holds = {STRANGE: far > FAR, AMBIGUOUS: close, WRONG: found.score > 0}
    kind = np.select(list(holds.values()), [KINDS.index(name) for name in holds], KINDS.index(FINE))
    return Verdicts(kind, tuple(_reason(row, KINDS[number], found, far, names) for row, number in enumerate(kind)))


def _reason(row: int, kind: str, found: Suspects, far: Floats, names: tuple[str, ...]) -> str:
    belief, given = found.belief[row], names[found.labels[row]]
    first, second = np.argsort(-belief)[:2]
    if kind == STRANGE:
        return f"{far[row]:.1f} standard deviations from what is usual"
    if kind == AMBIGUOUS:
        return f"{names[first]} {_percent(belief[first])} or {names[second]} {_percent(belief[second])}"
    other = names[found.other[row]]
    if kind == WRONG:
        return f"{other} {_percent(belief[found.other[row]])}, {given} {_percent(belief[found.labels[row]])}"
    return f"{given} {_percent(belief[found.labels[row]])}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
