"""Notes on standard error: problems that do not stop a verb."""

from __future__ import annotations

from collections.abc import Iterable

import click

from mien.data.checks import by_kind
from mien.data.reviews import KINDS
from mien.types import Problem


def note_reviews(problems: Iterable[Problem]) -> None:
    """Print a line for each kind of Problem that the file of reviews has, with the first of its kind."""
    for kind in by_kind([problem for problem in problems if problem.kind in KINDS]):
        click.echo(f"note: {kind.count:,} × {kind.name}: {kind.examples[0]}", err=True)
