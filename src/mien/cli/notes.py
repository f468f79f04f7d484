"""Lines on standard error: progress, and problems that do not stop a verb."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress

from mien.data.checks import by_kind
from mien.data.reviews import KINDS
from mien.types import Problem


def to_stderr(text: str) -> None:
    """Print a line to standard error; a closed standard error is no failure."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def note_reviews(problems: Iterable[Problem]) -> None:
    """Print a line for each kind of Problem that the file of reviews has, with the first of its kind."""
    for kind in by_kind([problem for problem in problems if problem.kind in KINDS]):
        to_stderr(f"note: {kind.count:,} × {kind.name}: {kind.examples[0]}")


def note_data(problems: Iterable[Problem]) -> None:
    """Print the problems of the data: those of reviews one by one, the others with their counts in one line."""
    found = list(problems)
    note_reviews(found)
    others = by_kind([problem for problem in found if problem.kind not in KINDS])
    if others:
        counts = ", ".join(f"{kind.count:,} × {kind.name}" for kind in others)
        to_stderr(f"note: the data have problems: {counts} (mien data inspect shows them)")
