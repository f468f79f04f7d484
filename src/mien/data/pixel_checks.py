"""Checks of the pixels: blank pictures, and classes confounded with their source.

If brightness, size or colour alone separates a class from the others, a classifier may learn where pictures come from
instead of the expression. The measure is the area under the ROC curve (Mann–Whitney): the share of pairs of a picture
of the class and a picture of another class in which the former has the larger value; ties count by half.
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
"""Grey levels between the 1st and the 99th percentile of a picture below which it counts as blank."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Shares of red, green and blue in grey (ITU-R 601)."""
SIDE = 64
"""Maximum number of pixels per side that are examined; larger pictures are subsampled."""
CHUNK = 1024
CONFOUNDED = 0.9
"""Area under the ROC curve from which on one measure alone separates a class."""
MIN_IMAGES = 10
"""Minimum number of pictures of the class, and of all others together, for this check."""


def blank_images(dataset: Dataset) -> Dataset:
    """Add a Problem for each nearly blank picture; the pictures are kept."""
    problems = []
    if dataset.pixels is not None:
        for row in np.flatnonzero(_contrast(dataset) < BLANK).tolist():
            cause = "is nearly blank: all its grey levels are about the same"
            problems.append(
                Problem("nearly blank", str(dataset.ids[row]), cause, "look at it; remove it if it is empty")
            )
    return dataset.replace(*problems)


def confounded_by_brightness(dataset: Dataset) -> Dataset:
    """Add a Problem for each class that mean brightness alone separates from the others."""
    if dataset.pixels is None:
        return dataset
    grey = np.concatenate([part.mean((1, 2)) for part in _grey(dataset)] or [np.empty(0)])
    return dataset.replace(*_confounded(dataset, grey, "brightness", ("darker", "brighter")))


def confounded_by_format(dataset: Dataset, formats: Formats) -> Dataset:
    """Add a Problem for each class that the size of its image files, or grey against colour, alone separates.

    Rows whose file is not in `formats` (:func:`mien.data.images.formats`) do not count.
    """
    rows = dataset.take(np.array([path in formats.by_path for path in dataset.paths.tolist()], dtype=bool))
    headers = [formats.by_path[path] for path in rows.paths.tolist()]
    area = np.array([width * height for (width, height), _ in headers], dtype=float)
    colour = np.array([mode not in GREY for _, mode in headers], dtype=float)
    by_size = _confounded(rows, area, "size", ("smaller", "larger"))
    return dataset.replace(*by_size, *_confounded(rows, colour, "mode", ("more often grey", "more often in colour")))


def _confounded(dataset: Dataset, values: Floats, measure: str, comparatives: tuple[str, str]) -> list[Problem]:
    """A Problem for each class that (N,) values separate from the others."""
    labelled = dataset.labels >= 0
    labels, values = dataset.labels[labelled], values[labelled]
    problems = []
    for label, name in enumerate(dataset.labelset.names):
        in_class = labels == label
        area = _area(values, in_class) if min(in_class.sum(), (~in_class).sum()) >= MIN_IMAGES else 0.5
        if max(area, 1 - area) >= CONFOUNDED:
            more = comparatives[int(area > 0.5)]
            share = f"{max(area, 1 - area):.0%}"
            cause = f"{measure} alone separates it from the others: its pictures are {more} in {share} of all pairs"
            remedy = "check where they come from: a classifier may learn the source, not the face"
            problems.append(Problem("class confounded with its source", f"class {name}", cause, remedy))
    return problems


def _area(values: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of (N,) values for the positive rows against the others."""
    ranks = rankdata(values)
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def _contrast(dataset: Dataset) -> Floats:
    """(N,) difference between the 99th and the 1st percentile of each picture's grey levels."""
    parts = [np.percentile(part, (1, 99), axis=(1, 2)) for part in _grey(dataset)]
    return np.concatenate([high - low for low, high in parts] or [np.empty(0)])


def _grey(dataset: Dataset) -> Iterator[NDArray[np.uint8]]:
    """(n, H, W) grey pictures, CHUNK at a time, subsampled to about SIDE pixels."""
    assert dataset.pixels is not None
    step = max(1, dataset.pixels.shape[1] // SIDE)
    for start in range(0, len(dataset), CHUNK):
        part = np.asarray(dataset.pixels[start : start + CHUNK, ::step, ::step])
        yield part if part.ndim == 3 else (part @ LUMA).astype(np.uint8)
