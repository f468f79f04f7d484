"""Names of people in tables: one person has one name, however the rows write it."""

from __future__ import annotations

from collections.abc import Sequence

from mien.types import spelling

NOBODY = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nil", "unknown", "unk", "-", "--", "?", "-1"})
"""What tables write where the person is not known."""


def one_name_each(written: Sequence[str]) -> list[str]:
    """The name of each person, "" where it is not known: the first writing stands for all that mean the same.

    Case, padding and the ways to write a whole number do not matter: pandas writes 3 as 3.0 where a cell is empty.

    >>> one_name_each(["3", "3.0", "003", "nan", "Anna", "ANNA"])
    ['3', '3', '3', '', 'Anna', 'Anna']
    """
    first: dict[str, str] = {}
    names = []
    for name in written:
        key = spelling(name)
        names.append("" if key in NOBODY else first.setdefault(key, name))
    return names
