"""Picture files to pixels: decoded once, into a memory-mapped cache.

What cannot be read becomes a Problem, and its row is dropped; :mod:`mien.data.picture` says how one picture is read.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mien.data.deep import Finding, Ranges
from mien.data.opening import LIMIT, extent_of, header
from mien.data.picture import FITS, DecodedImage, ImageSettings, read_picture, reading_of
from mien.data.pixel_cache import OF_ALL, Decoded, PixelCache, RowFinding, default_folder
from mien.data.signatures import readable
from mien.errors import StorageError
from mien.events import Event, OnEvent, ignore
from mien.machine import cores
from mien.types import NO_LABEL, Dataset, LabelSet, Problem, Texts, digest, texts

__all__ = ["FITS", "Formats", "ImageSettings", "decode", "formats", "read_pictures"]

CHUNK = 256
LARGE = 16_384
"""Bytes of a picture file from which on a thread of its own saves more time than it costs (measured)."""
VERSION = 3
"""Part of the cache key: raise it when pictures are read differently."""


def decode(
    dataset: Dataset,
    settings: ImageSettings = ImageSettings(),  # noqa: B008 -- frozen
    cache: Path | None = None,
    on_event: OnEvent = ignore,
    keep: bool = True,
    ranges: Ranges | None = None,
) -> Dataset:
    """Fill in `pixels` and `hashes`; drop the rows whose picture cannot be read, with a Problem each.

    `hashes` are SHA-256 of the pictures as decoded (:mod:`mien.data.picture`), before resizing: they, and so copies and
    the test part, are the same whatever the settings.

    Parameters
    ----------
    dataset : listed by a reader. Pixels that came with the rows (pixel CSV, drawn faces) are resized alike.
    settings : size, colour, fit.
    cache : folder; MIEN_CACHE, or mien's folder in the user's cache folder, by default. If it cannot be written, the
        pixels stay in memory, with a Problem.
    on_event : called now and then while pictures are decoded.
    keep : whether the pixels go through the cache; if not, it is neither read nor written.
    ranges : black and white of pictures of more than 8 bits; by default they follow from the data set's own files, with
        a Problem where white is other than 65535 or, for floating-point numbers, 1.
    """

    def batches() -> Iterator[Decoded]:
        return _batches(dataset, settings, on_event, ranges)

    def gathered() -> Decoded:
        return Decoded.gathered(batches(), settings.shape)

    problems: list[Problem] = []
    if dataset.pixels is not None or not keep:
        found = gathered()
    else:
        store = PixelCache(cache or default_folder(), _key(dataset, settings))
        try:
            found = store.load() or store.save(batches(), len(dataset), settings.shape)
        except StorageError as error:
            remedy = "set MIEN_CACHE to a folder that can be written; until then the pixels are kept in memory"
            problems.append(Problem("no cache", error.place, error.cause, remedy))
            found = gathered()
    problems += [
        Problem(kind, dataset.name if row == OF_ALL else str(dataset.paths[row]), cause, remedy)
        for row, kind, cause, remedy in found.faults
    ]
    return dataset.take(found.rows).replace(*problems, pixels=found.pixels, hashes=found.hashes)


def read_pictures(
    paths: Sequence[Path], classes: tuple[str, ...], settings: ImageSettings, ranges: Ranges | None = None
) -> Dataset:
    """Pictures without labels, past the cache; ids are paths. A Problem for each one that cannot be read.

    Black and white of pictures of more than 8 bits are `ranges`, or follow from the files given here, be it one.
    """
    names = texts([str(path) for path in paths])
    listed = Dataset(
        names, np.full(len(names), NO_LABEL), LabelSet(classes), texts([""] * len(names)), names, name="pictures"
    )
    return decode(listed, settings, keep=False, ranges=ranges)


def ranges_of(paths: Sequence[Path]) -> tuple[Ranges, list[Finding]]:
    """Black and white of the pictures of more than 8 bits among files, and what is odd about them.

    Those pictures are read for it; of all others only the first bytes.
    """
    Image.init()  # not safe to leave to the threads
    with warnings.catch_warnings(), ThreadPoolExecutor(cores()) as pool:
        warnings.simplefilter("ignore")
        found = pool.map(extent_of, paths) if _are_large(paths) else map(extent_of, paths)
        return Ranges.of([extent for extent in found if extent is not None])


def _key(dataset: Dataset, settings: ImageSettings) -> str:
    """Changes with any row's name, file, bytes on disk or time of change, and with the settings."""
    stats = np.full((len(dataset), 2), -1, dtype=np.int64)
    for row, path in enumerate(dataset.paths.tolist()):
        try:
            found = os.stat(path)  # noqa: PTH116 -- a Path per row would double the time of a warm start
            stats[row] = found.st_size, found.st_mtime_ns
        except (OSError, ValueError):
            continue  # the reading will say what is wrong
    return digest(dataset.ids, _resolved(dataset.paths), stats, astuple(settings), LIMIT, readable(), VERSION)


def _resolved(paths: Texts) -> Texts:
    """(N,) paths in full; each folder is resolved once, since a look at the disk per row would be slow."""
    parts = [os.path.split(path) for path in paths.tolist()]
    folders = {folder: _folder(folder) for folder in {folder for folder, _ in parts}}
    return texts([f"{folders[folder]}/{name}" for folder, name in parts])


def _folder(path: str) -> str:
    try:
        return str(Path(path).resolve())
    except (OSError, ValueError, RuntimeError):
        return path  # no such folder can be: the reading will say what is wrong


def _batches(dataset: Dataset, settings: ImageSettings, on_event: OnEvent, ranges: Ranges | None) -> Iterator[Decoded]:
    """The pictures in order, CHUNK at a time; large ones on all processors. What is said of all of them comes first."""
    total = len(dataset)
    paths = [Path(path) for path in dataset.paths.tolist()] if dataset.pixels is None else []
    if ranges is None:
        ranges, said = ranges_of(paths)
        if said:
            none = Decoded.none(settings.shape)
            yield Decoded(none.rows, none.pixels, none.hashes, tuple((OF_ALL, *one) for one in said))
    known = ranges

    def reading(row: int) -> DecodedImage:
        if dataset.pixels is None:
            return read_picture(paths[row], settings, known)
        return reading_of(Image.fromarray(dataset.pixels[row]), settings)

    Image.init()  # not safe to leave to the threads
    with warnings.catch_warnings(), ThreadPoolExecutor(cores()) as pool:
        warnings.simplefilter("ignore")  # Pillow's warnings on odd files: what matters of them becomes a Problem
        each = pool.map if _are_large(paths) else map
        for start in range(0, total, CHUNK):
            rows = range(start, min(start + CHUNK, total))
            yield _batch(rows, list(each(reading, rows)), settings)
            on_event(Event("pictures", count=rows.stop, total=total))


def _are_large(paths: Sequence[Path]) -> bool:
    """Whether threads pay: Pillow lets go of the interpreter while it decodes, but a small file is soon decoded."""
    sizes = [path.stat().st_size for path in paths[:: max(1, len(paths) // 32)] if path.is_file()]
    return sum(sizes) > LARGE * len(sizes)


def _batch(rows: range, readings: list[DecodedImage], settings: ImageSettings) -> Decoded:
    good = [row for row, reading in zip(rows, readings, strict=True) if reading.pixels is not None]
    pixels = [reading.pixels for reading in readings if reading.pixels is not None]
    hashes = [reading.hash for reading in readings if reading.pixels is not None]
    faults: tuple[RowFinding, ...] = tuple(
        (row, *fault) for row, reading in zip(rows, readings, strict=True) for fault in reading.faults
    )
    stacked = np.stack(pixels) if pixels else np.empty((0, *settings.shape), dtype=np.uint8)
    return Decoded(np.array(good, dtype=np.int64), stacked, texts(hashes), faults)


@dataclass(frozen=True)
class Formats:
    """What the pictures of a data set are like before decoding, from their headers.

    Attributes
    ----------
    sizes : (width, height) → pictures.
    modes : Pillow's mode ("L" grey, "RGB", …) → pictures.
    of : path of a picture's file → its (width, height) and mode.
    """

    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    of: Mapping[str, tuple[tuple[int, int], str]] = field(default_factory=dict)


def formats(dataset: Dataset) -> Formats:
    """Count sizes and colour modes; pictures whose header cannot be read are left out."""
    if dataset.pixels is not None and not (dataset.paths != "").any():
        height, width = dataset.pixels.shape[1:3]
        mode = "RGB" if dataset.pixels.ndim == 4 else "L"
        return Formats(Counter({(width, height): len(dataset)}), Counter({mode: len(dataset)}))
    found: dict[str, tuple[tuple[int, int], str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in dataset.paths.tolist():
            seen = header(Path(path))
            if seen:
                found[path] = seen
    rows = [found[path] for path in dataset.paths.tolist() if path in found]
    return Formats(Counter(size for size, _ in rows), Counter(mode for _, mode in rows), found)
