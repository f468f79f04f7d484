"""The figures of a study, read from its tables and averaged over the seeds.

Counts are never added up over seeds: the test pictures are the same each time. A figure of several seeds is the mean of
its values, with their range.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mien.experiments.tables import TABLES
from mien.report.common.layout import Cell, undefined
from mien.storage.run import Run

TableRow = Mapping[str, Any]
NOTHING_COUNTED = "undefined: there is nothing to count (0/0)"
NOT_YET = "not there yet: this cell of the study is not finished"


@dataclass(frozen=True)
class SeedValue:
    """A figure of one seed, with its count and interval where it has them; `note` is shown for several seeds, too."""

    seed: int
    value: float
    count: str = ""
    low: float = math.nan
    high: float = math.nan
    note: str = ""

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"seed {self.seed}: undefined" + (f" ({self.count})" if self.count else "")
        parts = [f"seed {self.seed}: {self.value:.4g}", self.count, interval(self.low, self.high), self.note]
        return " · ".join(part for part in parts if part)


@dataclass(frozen=True)
class Number:
    """A figure over the seeds of a study.

    >>> one = Number((SeedValue(0, 0.239, "21/88", 0.162, 0.337),))
    >>> rate(one.value), one.detail
    ('0.239', '21/88 · .16–.34')
    >>> three = Number((SeedValue(0, 0.2), SeedValue(1, 0.3), SeedValue(2, math.nan)))
    >>> rate(three.value), three.detail
    ('0.250', '.20–.30 · 2 of 3 seeds')
    """

    readings: tuple[SeedValue, ...] = ()

    @property
    def defined(self) -> list[SeedValue]:
        return [reading for reading in self.readings if not math.isnan(reading.value)]

    @property
    def value(self) -> float:
        """Mean over the seeds where it is defined, NaN if there is none."""
        values = [reading.value for reading in self.defined]
        return math.fsum(values) / len(values) if values else math.nan

    @property
    def range(self) -> tuple[float, float]:
        """Interval of a single seed; least and greatest value of several."""
        if len(self.readings) == 1:
            return self.readings[0].low, self.readings[0].high
        values = [reading.value for reading in self.defined]
        return (min(values), max(values)) if values else (math.nan, math.nan)

    @property
    def detail(self) -> str:
        """Count and interval of a single seed; range of several. Rates in small print."""
        return self.detail_in(_small)

    def detail_in(self, form: Callable[[float], str]) -> str:
        """Count and interval, or range, with bounds that are written by `form`."""
        count = self.readings[0].count if len(self.readings) == 1 else ""
        some = f"{len(self.defined)} of {len(self.readings)} seeds" if len(self.defined) < len(self.readings) else ""
        notes = dict.fromkeys(reading.note for reading in self.readings)
        return " · ".join(part for part in (count, interval(*self.range, form), some, *notes) if part)

    @property
    def title(self) -> str:
        return "\n".join(map(str, self.readings))

    def replace(self, **texts: Sequence[str]) -> Number:
        """This figure with other counts or notes, one per seed."""
        changes = [dict(zip(texts, values, strict=True)) for values in zip(*texts.values(), strict=True)]
        return Number(tuple(replace(each, **change) for each, change in zip(self.readings, changes, strict=True)))


def number(
    rows: Iterable[TableRow],
    value: str = "rate",
    hits: str = "hits",
    total: str = "total",
    bounds: bool = True,
    prefix: str = "",
) -> Number:
    """The figure in column `value` of the rows of one cell, one row a seed; counts and interval where there are any.
    `prefix` stands before the names of the columns of the interval."""
    return Number(
        tuple(
            SeedValue(
                row["seed"],
                float(row[value]),
                f"{row[hits]}/{row[total]}" if hits in row and total in row else "",
                float(row.get(f"{prefix}low", math.nan)) if bounds else math.nan,
                float(row.get(f"{prefix}high", math.nan)) if bounds else math.nan,
            )
            for row in rows
        )
    )


def mean(numbers: Sequence[Number]) -> Number:
    """Per seed, the mean of the figures that are defined; where some are not, with the number of those that are."""
    values: dict[int, list[float]] = defaultdict(list)
    for each in numbers:
        for reading in each.readings:
            values[reading.seed].append(reading.value)
    return Number(tuple(_mean_reading(seed, values[seed]) for seed in sorted(values)))


def mean_over_classes(table: Iterable[TableRow], value: str) -> Number:
    """Per seed, the mean of a column over the left-out classes."""
    return mean([number(same, value, bounds=False) for same in grouped(table, "left_out").values()])


def ratio(above: Number, below: Number) -> Number:
    """Per seed, one figure as a share of another; undefined where that is 0."""
    whole = {reading.seed: reading.value for reading in below.readings if reading.value}
    return Number(
        tuple(SeedValue(value.seed, value.value / whole[value.seed]) for value in above.readings if value.seed in whole)
    )


def _mean_reading(seed: int, values: Sequence[float]) -> SeedValue:
    defined = [value for value in values if not math.isnan(value)]
    note = f"n = {len(defined)}" if len(defined) < len(values) else ""
    return SeedValue(seed, math.fsum(defined) / len(defined) if defined else math.nan, note=note)


# How figures are written


def rate(value: float) -> str:
    """A share with three decimals."""
    return f"{value:.3f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{value:+.3f}".replace("-", "−")


def percent(value: float) -> str:
    """A share in percent, for sentences; a decimal below 10 %.

    >>> percent(0.4151), percent(0.0161)
    ('42\u202f%', '1.6\u202f%')
    """
    if math.isnan(value):
        return "an undefined share"
    return f"{100 * value:.{0 if abs(value) >= 0.0995 else 1}f}\u202f%".replace("-", "−")


def grouped_digits(value: float) -> str:
    """A whole number with a thin space at each thousand.

    >>> grouped_digits(12345.6)
    '12\u202f346'
    """
    return f"{round(value):,}".replace(",", "\u202f")


def budget(value: float) -> str:
    """A Harm budget or confidence, as it was set."""
    return f"{100 * value:.3g}\u202f%"


def seconds(value: float) -> str:
    """A duration in the unit that suits it, which no line break parts from its number.

    >>> seconds(3.14), seconds(200)
    ('3.1\u202fs', '3\u202fmin 20\u202fs')
    """
    if value < 60:
        return f"{value:.1f}\u202fs" if value < 9.95 else f"{value:.0f}\u202fs"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}\u202fmin {rest:02d}\u202fs"
    return f"{minutes // 60}\u202fh {minutes % 60:02d}\u202fmin"


def chance(p: float) -> str:
    """A p value, for small print.

    >>> chance(0.158), chance(3e-18)
    ('p .158', 'p < .001')
    """
    return "p < .001" if p < 0.001 else f"p {_bare(f'{p:.3f}')}"


def _small(value: float) -> str:
    text = f"{value:.3f}" if abs(value) < 0.095 else f"{value:.2f}"
    return _bare(text).replace("-", "−")


def _bare(text: str) -> str:
    """A number without the 0 before its point."""
    return re.sub(r"^(-?)0\.", r"\1.", text)


def interval(low: float, high: float, form: Callable[[float], str] = _small) -> str:
    """A range, in small print unless `form` says otherwise; empty where undefined.

    >>> interval(0.159, 0.342), interval(0.004, 0.021), interval(math.nan, math.nan)
    ('.16–.34', '.004–.021', '')
    >>> interval(110.64, 190.2), interval(110.64, 190.2, seconds)
    ('110.64–190.20', '1\u202fmin 51\u202fs–3\u202fmin 10\u202fs')
    """
    return "" if math.isnan(low) or math.isnan(high) else f"{form(low)}–{form(high)}"


def cell(
    figure: Number,
    form: Callable[[float], str] = rate,
    *,
    why: str = NOTHING_COUNTED,
    heat: Callable[[float], float] | None = None,
    tone: str = "",
    brief: bool = False,
) -> Cell:
    """The cell of a figure; a dash with the reason `why` where it is undefined. The range of rates is in small print,
    others in the same `form`. A brief one shows the interval of a single seed only as a tooltip."""
    if not figure.readings:
        return undefined(NOT_YET)
    if math.isnan(figure.value):
        return undefined(why)
    strength = min(1.0, max(0.0, heat(figure.value))) if heat else None
    detail = figure.detail if form in (rate, signed) else figure.detail_in(form)
    if brief and len(figure.readings) == 1:
        detail = figure.readings[0].count
    return Cell(form(figure.value), detail, figure.title, strength, tone)


# What the tables hold


def rows(run: Run, name: str, **where: str) -> list[TableRow]:
    """The rows of a table `where` columns have these values, none if it is missing."""
    if not run.has_table(TABLES[name]):
        return []
    return [row for row in run.read_table(TABLES[name]) if all(row[key] == value for key, value in where.items())]


def grouped(table: Iterable[TableRow], *keys: str) -> dict[Any, list[TableRow]]:
    """Rows by the values of `keys` (a tuple if there are several), in order of appearance."""
    groups: dict[Any, list[TableRow]] = defaultdict(list)
    for row in table:
        groups[tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]].append(row)
    return groups


def names(run: Run, key: str) -> list[str]:
    """A list of names in the manifest: classes, left_out, correctors."""
    return [str(name) for name in run.manifest().get(key, [])]


def hue(run: Run, kind: str, name: str) -> int | None:
    """The number of a name's colour: by its place in the manifest, so the same in every figure."""
    known = names(run, kind)
    return known.index(name) if name in known else None
