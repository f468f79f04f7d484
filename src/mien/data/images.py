"""Picture files to pixels: decoded once, into a memory-mapped cache.

What cannot be read becomes a Problem, and its row is dropped; :mod:`mien.data.picture` says how one picture is read.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mien.data.picture import FITS, LIMIT, ImageSettings, Reading, header, read_picture, reading_of
from mien.data.pixel_cache import Decoded, Fault, PixelCache, default_folder
from mien.errors import StorageError
from mien.machine import cores
from mien.types import NO_LABEL, Dataset, LabelSet, Problem, Texts, digest, texts

__all__ = ["FITS", "Formats", "ImageSettings", "decode", "formats", "read_pictures"]

CHUNK = 256
LARGE = 16_384
"""Bytes of a picture file from which on a thread of its own saves more time than it costs (measured)."""
VERSION = 2
"""Part of the cache key: raise it when pictures are read differently."""
Progress = Callable[[int, int], object]


def decode(
    dataset: Dataset,
    settings: ImageSettings = ImageSettings(),  # noqa: B008 -- frozen
    cache: Path | None = None,
    progress: Progress | None = None,
    keep: bool = True,
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
    progress : called with (done, total) now and then.
    keep : whether the pixels go through the cache; if not, it is neither read nor written.
    """

    def gathered() -> Decoded:
        return Decoded.gathered(_batches(dataset, settings, progress), settings.shape)

    problems: list[Problem] = []
    if dataset.pixels is not None or not keep:
        found = gathered()
    else:
        store = PixelCache(cache or default_folder(), _key(dataset, settings))
        try:
            batches = _batches(dataset, settings, progress)
            found = store.load() or store.save(batches, len(dataset), settings.shape)
        except StorageError as error:
            remedy = "name a folder that can be written in MIEN_CACHE, or go on: the pixels are kept in memory"
            problems.append(Problem("no cache", error.place, error.cause, remedy))
            found = gathered()
    problems += [Problem(kind, str(dataset.paths[row]), cause, remedy) for row, kind, cause, remedy in found.faults]
    return dataset.take(found.rows).but(*problems, pixels=found.pixels, hashes=found.hashes)


def read_pictures(paths: Sequence[Path], classes: tuple[str, ...], settings: ImageSettings) -> Dataset:
    """Pictures without labels, past the cache; ids are paths. A Problem for each one that cannot be read."""
    names = texts([str(path) for path in paths])
    listed = Dataset(
        names, np.full(len(names), NO_LABEL), LabelSet(classes), texts([""] * len(names)), names, name="pictures"
    )
    return decode(listed, settings, keep=False)


def _key(dataset: Dataset, settings: ImageSettings) -> str:
    """Changes with any row's name, file, bytes on disk or time of change, and with the settings."""
    stats = np.full((len(dataset), 2), -1, dtype=np.int64)
    for row, path in enumerate(dataset.paths.tolist()):
        try:
            found = os.stat(path)  # noqa: PTH116 -- a Path per row would double the time of a warm start
            stats[row] = found.st_size, found.st_mtime_ns
        except (OSError, ValueError):
            continue  # the reading will say what is wrong
    return digest(dataset.ids, _resolved(dataset.paths), stats, astuple(settings), LIMIT, VERSION)


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


def _batches(dataset: Dataset, settings: ImageSettings, progress: Progress | None) -> Iterator[Decoded]:
    """The pictures in order, CHUNK at a time; large ones on all processors."""
    total = len(dataset)

    def reading(row: int) -> Reading:
        if dataset.pixels is None:
            return read_picture(Path(dataset.paths[row]), settings)
        return reading_of(Image.fromarray(dataset.pixels[row]), settings)

    Image.init()  # not safe to leave to the threads
    with warnings.catch_warnings(), ThreadPoolExecutor(cores()) as pool:
        warnings.simplefilter("ignore")  # Pillow's warnings on odd files: what matters of them becomes a Problem
        each = pool.map if _are_large(dataset) else map
        for start in range(0, total, CHUNK):
            rows = range(start, min(start + CHUNK, total))
            yield _batch(rows, list(each(reading, rows)), settings)
            if progress:
                progress(rows.stop, total)


def _are_large(dataset: Dataset) -> bool:
    """Whether threads pay: Pillow lets go of the interpreter while it decodes, but a small file is soon decoded."""
    sample = [Path(path) for path in dataset.paths[:: max(1, len(dataset) // 32)].tolist() if path]
    sizes = [path.stat().st_size for path in sample if path.is_file()]
    return sum(sizes) > LARGE * len(sizes)


def _batch(rows: range, readings: list[Reading], settings: ImageSettings) -> Decoded:
    good = [row for row, reading in zip(rows, readings, strict=True) if reading.pixels is not None]
    pixels = [reading.pixels for reading in readings if reading.pixels is not None]
    hashes = [reading.hash for reading in readings if reading.pixels is not None]
    faults: tuple[Fault, ...] = tuple(
        (row, *reading.fault) for row, reading in zip(rows, readings, strict=True) if reading.fault is not None
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
    """

    sizes: Counter[tuple[int, int]]
    modes: Counter[str]


def formats(dataset: Dataset) -> Formats:
    """Count sizes and colour modes; pictures whose header cannot be read are left out."""
    if dataset.pixels is not None and not (dataset.paths != "").any():
        height, width = dataset.pixels.shape[1:3]
        mode = "RGB" if dataset.pixels.ndim == 4 else "L"
        return Formats(Counter({(width, height): len(dataset)}), Counter({mode: len(dataset)}))
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in dataset.paths.tolist():
            found = header(Path(path))
            if found:
                sizes[found[0]] += 1
                modes[found[1]] += 1
    return Formats(sizes, modes)
