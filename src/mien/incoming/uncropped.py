"""Whether pictures look like whole photographs rather than crops of faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from mien.data.opening import header
from mien.incoming.item import Item

LOOKED_AT = 64
"""Pictures at the beginning of a stream whose sizes are looked at."""
OBLONG, OBLONG_SIZE, LARGE = 1.25, 4, 16
"""Limits of `looks_uncropped`."""


def looks_uncropped(width: int, height: int, side: int) -> bool:
    """Whether a picture is probably no crop of a face, by its size alone.

    That is an oblong picture (sides as 5 to 4 or more, as of every camera) whose longer side is above 4 times what the
    classifier reads, or one whose shorter side is above 16 times it. Crops of faces are square or nearly so, and
    small; boxes of detectors may be as oblong as photographs, so an oblong picture alone is no sign.

    Notes
    -----
    Measured with a classifier of 48 pixels: none of 18,558 pictures of FER+ (48 × 48), none of 13,718 crops in 255
    sizes of up to 72 pixels, of which 551 are as oblong, and no square crop of up to 768 pixels.

    Parameters
    ----------
    side : length in pixels of the square that the classifier reads.

    Examples
    --------
    >>> looks_uncropped(640, 480, 48), looks_uncropped(54, 72, 48), looks_uncropped(224, 224, 48)
    (True, False, False)
    """
    short, long = sorted((width, height))
    return (long > OBLONG * short and long > OBLONG_SIZE * side) or short > LARGE * side


def noting_uncropped(items: Iterable[Item], side: int, note: Callable[[int, int], object]) -> Iterator[Item]:
    """Pass Items on, and call `note` once if most of the first pictures look uncropped.

    Parameters
    ----------
    note : called with width and height of the first picture that does.
    """
    looked_at, oddities = 0, list[tuple[int, int]]()
    is_open = True
    for item in items:
        if is_open and (size := _size(item)):
            looked_at += 1
            oddities += [size] if looks_uncropped(*size, side) else []
            if looked_at == LOOKED_AT:
                is_open = False
                _noted(oddities, looked_at, note)
        yield item
    if is_open:
        _noted(oddities, looked_at, note)


def _noted(oddities: list[tuple[int, int]], looked_at: int, note: Callable[[int, int], object]) -> None:
    if 2 * len(oddities) > looked_at:
        note(*oddities[0])


def _size(item: Item) -> tuple[int, int] | None:
    """(width, height); None where it cannot be read."""
    if item.image is None:
        return None
    if isinstance(item.image, np.ndarray):
        height, width = item.image.shape[:2]
        return width, height
    read = header(item.image)
    return read and read[0]
