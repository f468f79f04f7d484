"""Names of people in tables, unified over the different ways to write them."""

from __future__ import annotations

from collections.abc import Sequence

from mien.types import spelling

NOBODY = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nil", "unknown", "unk", "-", "--", "?", "-1"})
"""Cells that mean an unknown person."""


def unify_names(written: Sequence[str]) -> list[str]:
    """Replace each person's name by its first spelling, and names that mean an unknown person by "".

    Case, padding and the notation of whole numbers do not matter: pandas writes 3 as 3.0 if a column has empty cells.

    >>> unify_names(["3", "3.0", "003", "nan", "Anna", "ANNA"])
    ['3', '3', '3', '', 'Anna', 'Anna']
    """
    first: dict[str, str] = {}
    names = []
    for name in written:
        key = spelling(name)
        names.append("" if key in NOBODY else first.setdefault(key, name))
    return names
