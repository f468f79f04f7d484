"""Problems of the data that do not stop a verb, as lines on standard error."""

from __future__ import annotations

from collections.abc import Iterable

from mien.cli.failures import to_stderr
from mien.data.checks import by_kind
from mien.data.reviews import KINDS
from mien.types import Problem


def note_data(problems: Iterable[Problem]) -> None:
    """Print a line for each kind of problem with reviews, with its first example, and one line that counts the rest."""
    kinds = by_kind(list(problems))
    for kind in kinds:
        if kind.name in KINDS:
            to_stderr(f"note: {kind.count:,} × {kind.name}: {kind.examples[0]}")
    counts = ", ".join(f"{kind.count:,} × {kind.name}" for kind in kinds if kind.name not in KINDS)
    if counts:
        to_stderr(f"note: the data have problems: {counts} (mien data inspect shows them)")
