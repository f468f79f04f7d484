"""Streams in blocks, each with a seed of its own, and figures of what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.common import Figure, Result, do_all
from benchmarks.watch.streams import Job
from mien.metrics.intervals import wilson
from mien.types import Ints

Value = TypeVar("Value")
STREAMS, LENGTH, AFTER = 2000, 100_000, 20_000
"""Streams of each kind, pictures of each, and pictures after a change where a delay is measured."""
BLOCK = 50
"""Streams that are simulated at once."""


def simulated(
    result: Result, task: Callable[[Job], Value], values: Mapping[str, Any], length: int, count: int = STREAMS
) -> dict[str, list[Value]]:
    """Name → what a task returns for each block of the streams of its value; name and block are the seed."""
    block, count = (5, 10) if result.options.quick else (BLOCK, count)
    jobs = [
        (name, Job(value, block, length, (*result.options.seeds, crc32(name.encode()), start)))
        for name, value in values.items()
        for start in range(0, count, block)
    ]
    returned: dict[str, list[Value]] = {name: [] for name in values}
    for (name, _), value in zip(jobs, do_all(task, [job for _, job in jobs]), strict=True):
        returned[name].append(value)
    return returned


def share(parts: Sequence[ArrayLike]) -> Figure:
    """A share of streams, with its 95 % interval."""
    hits = np.concatenate(parts).astype(bool)
    low, high = wilson(hits.sum(), len(hits))
    mean = float(hits.mean())
    return Figure(mean, min(float(low), mean), max(float(high), mean), len(hits), ())


def quartiles(values: ArrayLike, images: Ints | None = None) -> Figure:
    """The median and the quartiles over streams.

    Parameters
    ----------
    values : (S,). images : (S,) pictures until the alarm, by default `values`; 0 is none, which counts as the latest;
        −1 is one before the change, which is left out.
    """
    values = np.asarray(values, float)
    images = values if images is None else images
    after = np.where(images > 0, values, np.inf)[images >= 0]
    if not len(after):
        return Figure.over([], 0)
    low, middle, high = np.quantile(after, (0.25, 0.5, 0.75), method="inverted_cdf").tolist()
    return Figure(middle, low, high, len(after), ()) if np.isfinite(high) else Figure.over([], len(after))


def whole(figure: Figure) -> str:
    """A median of counts with its quartiles, as text."""
    if np.isnan(figure.value):
        return "–"
    return f"{figure.value:,.0f} ({figure.low:,.0f}–{figure.high:,.0f})"


def percent(figure: Figure) -> str:
    """A share with its interval, as text."""
    if np.isnan(figure.value):
        return "–"
    return f"{100 * figure.value:.2f} % ({100 * figure.low:.2f}–{100 * figure.high:.2f})"
