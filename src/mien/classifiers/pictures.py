"""Pictures on their way to a classifier: Items are decoded one by one, and gathered into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mien.classifiers.contract import Batch
from mien.data.deep import Ranges
from mien.data.opening import pillow_warnings_ignored, ranges_of_one
from mien.data.picture import DecodedImage, ImageSettings, Pixels, decoded_image, read_image
from mien.incoming.item import UNREADABLE, Item
from mien.types import Ints, Problem, texts

RUN, RUN_BYTES = 32, 2**20
"""Most pictures, and most bytes of them, that are decoded by one task: small ones take less time than a task does."""


@dataclass(frozen=True)
class ReadItem:
    """An Item without its image, and what was read of it.

    Attributes
    ----------
    item : its status says whether it could be read.
    pixels : in the size and colours of the classifier; None where it could not be read.
    problems : what is wrong with the file; its place is the id of the item.
    """

    item: Item
    pixels: Pixels | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ReadRows:
    """Rows that a classifier can answer for.

    Attributes
    ----------
    batch : the rows that could be read. rows : their places among all that were given.
    problems : what is wrong with single image files.
    items : all that were given, without their images; () for arrays.
    """

    batch: Batch
    rows: Ints
    problems: tuple[Problem, ...] = ()
    items: tuple[Item, ...] = ()


def read_item(item: Item, settings: ImageSettings) -> ReadItem:
    """Decode the image of an Item; it never raises, and a fault of a file is a Problem."""
    bare = replace(item, image=None)
    if item.image is None:
        return ReadItem(bare, None, (item.problem,) if item.problem else ())
    decoded = _decoded(item, settings)
    problems = tuple(Problem(kind, item.id, cause, remedy) for kind, cause, remedy in decoded.faults)
    if decoded.pixels is None:
        bare = replace(bare, status=UNREADABLE, problem=problems[-1])
    return ReadItem(bare, decoded.pixels, problems)


def read_run(items: Sequence[Item], settings: ImageSettings) -> list[ReadItem]:
    """Decode some Items, see `read_item`."""
    with pillow_warnings_ignored():
        return [read_item(item, settings) for item in items]


def gathered(read: Sequence[ReadItem], settings: ImageSettings) -> ReadRows:
    """One batch of all that could be read."""
    rows = [row for row, part in enumerate(read) if part.pixels is not None]
    pixels = [part.pixels for part in read if part.pixels is not None]
    ids = texts([read[row].item.id for row in rows])
    stacked = np.stack(pixels) if pixels else np.empty((0, *settings.shape), np.uint8)
    problems = tuple(problem for part in read for problem in part.problems)
    return ReadRows(Batch(stacked, ids), np.array(rows, np.int64), problems, tuple(part.item for part in read))


def runs(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Divide Items into lists that are worth a task each: many small pictures, or a single large one."""
    run, size = list[Item](), 0
    for item in items:
        run.append(item)
        size += _bytes_of(item)
        if len(run) >= RUN or size >= RUN_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


def of_files(paths: Iterable[Path], ranges: Ranges) -> Iterator[Item]:
    """Iterate over image files as Items with the same ranges."""
    return (Item.of_file(path, ranges) for path in paths)


def _decoded(item: Item, settings: ImageSettings) -> DecodedImage:
    if isinstance(item.image, np.ndarray):
        return decoded_image(Image.fromarray(item.image), settings, hashed=False)
    assert item.image is not None
    ranges = item.ranges if item.ranges is not None else ranges_of_one(item.image)
    return read_image(item.image, settings, ranges, hashed=False)


def _bytes_of(item: Item) -> int:
    if isinstance(item.image, Path):
        try:
            return item.image.stat().st_size
        except (OSError, ValueError):  # reading it reports the fault
            return 0
    if isinstance(item.image, bytes):
        return len(item.image)
    return 0 if item.image is None else item.image.nbytes
