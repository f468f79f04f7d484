"""Results of several runs: figures with their spread over seeds, tables as text, files that keep their other parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = ("tables", "figures")


@dataclass(frozen=True)
class Figure:
    """One number of a result, with its spread over seeds (lowest and highest) and how many things it counts."""

    value: float
    low: float
    high: float
    n: int
    seeds: tuple[int, ...]

    @classmethod
    def over(cls, values: Iterable[float], n: int, seeds: Sequence[int] = ()) -> Figure:
        """The mean of `values`, one a seed (or repetition), with the lowest and the highest.

        >>> str(Figure.over([0.5, 0.7, float("nan")], n=10))
        '0.600 (0.500 to 0.700)'
        """
        defined = np.array([value for value in values if not math.isnan(value)], dtype=float)
        mean, low, high = (defined.mean(), defined.min(), defined.max()) if len(defined) else (math.nan,) * 3
        return cls(float(mean), float(low), float(high), int(n), tuple(seeds))

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "–"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def mean_of_defined(values: Any, axis: int | None = None) -> Any:
    """Mean of what is not NaN; NaN where nothing is left, without a warning.

    >>> mean_of_defined([[1.0, float("nan")], [3.0, float("nan")]], axis=0)
    array([ 2., nan])
    """
    array = np.asarray(values, dtype=float)
    count = (~np.isnan(array)).sum(axis)
    return np.where(count > 0, np.nansum(array, axis) / np.maximum(count, 1), np.nan)


def as_text(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A table for people; its columns are the keys of all rows.

    >>> print(as_text("Recall", [{"class": "fear", "recall": 0.5}, {"class": "anger"}]))
    Recall
    class  recall
    -----  ------
    fear   0.500
    anger  –
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [columns, *([_text(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in (cells[0], ["-" * width for width in widths], *cells[1:])
    ]
    return "\n".join([title, *lines])


def with_other_parts(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A result with the parts of an older one of the same data that it has not made itself.

    Parameters
    ----------
    new, old : {"parts": {name: {"tables": titles, "figures": names}}, "tables", "figures", "data": {"fingerprint"}}.
    """
    whole = {**new, **{kind: dict(new[kind]) for kind in (*KINDS, "parts")}}
    if old.get("data", {}).get("fingerprint") != new["data"]["fingerprint"]:
        return whole
    for name, part in old.get("parts", {}).items():
        if name not in new["parts"]:
            whole["parts"][name] = part
            for kind in KINDS:
                whole[kind] |= {key: old[kind][key] for key in part[kind] if key in old[kind] and key not in new[kind]}
    return whole


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return "–" if cell != cell else f"{cell:,.3f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return "–" if cell is None else str(cell)
