"""Checks of the pixels: pictures with nothing on them, and classes confounded with their source.

Where brightness, size or colour alone separates a class from the others, a classifier may learn where pictures come
from, not what is on them. The measure is the area under the ROC curve (Mann–Whitney): the share of pairs, a picture of
the class and one of another, in which the former has the larger value; ties count by half.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mien.data.images import Formats
from mien.types import Dataset, Floats, Problem

GREY = frozenset({"1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Pillow's modes without colour."""
BLANK = 20
"""Grey levels between the darkest and the brightest hundredth of a picture below which it counts as blank."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Shares of red, green and blue in grey (ITU-R 601)."""
SIDE = 64
"""Pixels of a side that are looked at, at most."""
CHUNK = 1024
TELLS = 0.9
"""Area under the ROC curve from which on one measure alone separates a class."""
FEWEST = 10
"""Pictures that a class, and the others together, must have for that."""


def blank(dataset: Dataset) -> Dataset:
    """A Problem for each picture on which nearly nothing is to be seen; they are kept."""
    problems = []
    if dataset.pixels is not None:
        for row in np.flatnonzero(_spread(dataset) < BLANK).tolist():
            cause = "is nearly blank: all its grey levels are about the same"
            problems.append(
                Problem("nearly blank", str(dataset.ids[row]), cause, "look at it; remove it if it is empty")
            )
    return dataset.replace(*problems)


def told_by_brightness(dataset: Dataset) -> Dataset:
    """A Problem for each class that the mean brightness of its pictures alone separates from the others."""
    if dataset.pixels is None:
        return dataset
    grey = np.concatenate([part.mean((1, 2)) for part in _grey(dataset)] or [np.empty(0)])
    return dataset.replace(*_told(dataset, grey, "brightness", ("darker", "brighter")))


def told_by_format(dataset: Dataset, formats: Formats) -> Dataset:
    """A Problem for each class that the size of its picture files, or their being coloured, alone separates.

    Parameters
    ----------
    formats : of the rows' files, as :func:`mien.data.images.formats` finds them; rows that it lacks do not count.
    """
    known = np.array([path in formats.of for path in dataset.paths.tolist()], dtype=bool)
    rows = dataset.take(known)
    found = [formats.of[path] for path in rows.paths.tolist()]
    area = np.array([width * height for (width, height), _ in found], dtype=float)
    colour = np.array([mode not in GREY for _, mode in found], dtype=float)
    by_size = _told(rows, area, "size", ("smaller", "larger"))
    return dataset.replace(*by_size, *_told(rows, colour, "mode", ("more often grey", "more often in colour")))


def _told(dataset: Dataset, values: Floats, what: str, words: tuple[str, str]) -> list[Problem]:
    """Problems of the classes that (N,) values separate from the others."""
    labelled = dataset.labels >= 0
    labels, values = dataset.labels[labelled], values[labelled]
    problems = []
    for label, name in enumerate(dataset.labelset.names):
        own = labels == label
        area = _area(values, own) if min(own.sum(), (~own).sum()) >= FEWEST else 0.5
        if max(area, 1 - area) >= TELLS:
            more = words[int(area > 0.5)]
            share = f"{max(area, 1 - area):.0%}"
            cause = f"{what} alone separates it from the others: its pictures are {more} in {share} of all pairs"
            remedy = "check where they come from: a classifier may learn the source, not the face"
            problems.append(Problem("class confounded with its source", f"class {name}", cause, remedy))
    return problems


def _area(values: Floats, own: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of values for the rows `own` against the rest."""
    ranks = rankdata(values)
    count = own.sum()
    return float((ranks[own].sum() - count * (count + 1) / 2) / (count * (~own).sum()))


def _spread(dataset: Dataset) -> Floats:
    """(N,) grey levels between the first and the last hundredth of each picture."""
    parts = [np.percentile(part, (1, 99), axis=(1, 2)) for part in _grey(dataset)]
    return np.concatenate([high - low for low, high in parts] or [np.empty(0)])


def _grey(dataset: Dataset) -> Iterator[NDArray[np.uint8]]:
    """(n, H, W) grey pictures, CHUNK at a time, large ones thinned out."""
    assert dataset.pixels is not None
    step = max(1, dataset.pixels.shape[1] // SIDE)
    for start in range(0, len(dataset), CHUNK):
        part = np.asarray(dataset.pixels[start : start + CHUNK, ::step, ::step])
        yield part if part.ndim == 3 else (part @ LUMA).astype(np.uint8)
