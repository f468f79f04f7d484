"""Figures on a terminal: as tables, and as JSON."""

from __future__ import annotations

import math
from typing import Any

import click
from rich.table import Table

from mien.storage.files import to_json

ALL_BUT_FIRST = slice(1, None)


def table(title: str, *columns: str, numbers: slice = ALL_BUT_FIRST) -> Table:
    """An empty table for the terminal; `numbers` are the columns that are aligned to the right."""
    made = Table(*columns, title=title or None, title_justify="left")
    for column in made.columns:
        column.overflow = "fold"  # names that are cut off may look alike
    for column in made.columns[numbers]:
        column.justify = "right"
    return made


def print_json(figures: Any, *, indent: int | None = 2) -> None:
    """Print what `--json` asks for, with null instead of NaN and infinities."""
    click.echo(to_json(figures, indent))


def decimals(value: float, form: str = ".3f") -> str:
    """A figure with three decimals, and a dash where it is undefined (NaN)."""
    return "–" if math.isnan(value) else f"{value:{form}}"
