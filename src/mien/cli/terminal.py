"""Tables of figures on a terminal, and figures that JSON can hold."""

from __future__ import annotations

import json
import math
from typing import Any

import click
from rich.table import Table

ALL_BUT_FIRST = slice(1, None)


def table(title: str, *columns: str, numbers: slice = ALL_BUT_FIRST) -> Table:
    """An empty table for the terminal; `numbers` are the columns that are aligned to the right."""
    made = Table(*columns, title=title or None, title_justify="left")
    for column in made.columns[numbers]:
        column.justify = "right"
    return made


def or_none(value: float) -> float | None:
    """None instead of NaN and infinities, which JSON lacks."""
    return value if math.isfinite(value) else None


def print_json(figures: Any, *, indent: int | None = 2) -> None:
    """Print what `--json` asks for, with null instead of NaN and infinities."""
    click.echo(json.dumps(_finite(figures), indent=indent, ensure_ascii=False, allow_nan=False))


def _finite(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {name: _finite(figure) for name, figure in figures.items()}
    if isinstance(figures, list | tuple):
        return [_finite(figure) for figure in figures]
    return or_none(figures) if isinstance(figures, float) else figures


def decimals(value: float | None) -> str:
    """A share with three decimals, and a dash for None."""
    return "–" if value is None else f"{value:.3f}"
