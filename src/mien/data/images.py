"""Decoding of all pictures of a data set, once, into a memory-mapped cache.

A picture that cannot be read becomes a Problem, and its row is dropped. Single files: :mod:`mien.data.picture`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from mien.data.deep import Extent, Finding, Ranges
from mien.data.opening import LIMIT, extent_of, header, pillow_warnings_ignored
from mien.data.picture import DecodedImage, ImageSettings, decoded_image, read_image
from mien.data.pixel_cache import OF_ALL, Decoded, RowFinding, default_folder, load, save
from mien.data.signatures import readable
from mien.errors import StorageError
from mien.events import Event, OnEvent, ignore
from mien.machine import cores
from mien.storage.identity import fields_of
from mien.types import NO_LABEL, Dataset, LabelSet, Problem, Texts, digest, texts

CHUNK = 256
LARGE = 16_384
"""Mean size of files in bytes from which on decoding in threads is faster (measured)."""
VERSION = 3
"""Part of the cache key: raise it when pictures are read differently."""


def decode(
    dataset: Dataset,
    settings: ImageSettings = ImageSettings(),  # noqa: B008 -- frozen
    cache: Path | None = None,
    on_event: OnEvent = ignore,
    keep: bool = True,
) -> Dataset:
    """Fill in `pixels` and `hashes` of a data set; rows whose picture cannot be read are dropped, with a Problem each.

    `hashes` are SHA-256 of the decoded pictures before resizing (:mod:`mien.data.picture`). Therefore copies and the
    test part do not depend on the settings.

    Parameters
    ----------
    dataset : listed by a reader. Pixels that the reader gave (pixel CSV, synthetic faces) are resized in the same way.
    settings : size, colour, fit.
    cache : folder; MIEN_CACHE, or mien's folder in the user's cache folder, by default. If it cannot be written, the
        pixels stay in memory, with a Problem.
    on_event : called now and then while pictures are decoded.
    keep : whether the cache is used; if false, it is neither read nor written.

    Notes
    -----
    Black and white of pictures with more than 8 bits per channel are determined from the files of the data set, with a
    Problem if white is not 65535 or, for floating-point numbers, 1.
    """

    problems: list[Problem] = []
    decoded = None
    if dataset.pixels is None and keep:
        entry = (cache or default_folder()) / "pixels" / _key(dataset, settings)
        try:
            decoded = load(entry) or save(entry, _batches(dataset, settings, on_event), len(dataset), settings.shape)
        except StorageError as error:
            remedy = "set MIEN_CACHE to a writable folder; until then the pixels are kept in memory"
            problems.append(Problem("no cache", error.place, error.cause, remedy))
    if decoded is None:
        decoded = Decoded.gathered(_batches(dataset, settings, on_event), settings.shape)
    return _filled(dataset, decoded, problems)


def _filled(dataset: Dataset, decoded: Decoded, problems: Sequence[Problem] = ()) -> Dataset:
    """The rows that could be read, with their pixels."""
    faults = [
        Problem(kind, dataset.name if row == OF_ALL else str(dataset.paths[row]), cause, remedy)
        for row, kind, cause, remedy in decoded.faults
    ]
    return dataset.take(decoded.rows).replace(*problems, *faults, pixels=decoded.pixels, hashes=decoded.hashes)


def read_pictures(
    paths: Sequence[Path],
    classes: tuple[str, ...],
    settings: ImageSettings,
    ranges: Ranges | None = None,
    *,
    hashed: bool = True,
) -> Dataset:
    """Decode image files without labels and without the cache; ids are paths, unreadable files become Problems.

    The `ranges` of pictures with more than 8 bits per channel are determined from these files by default. Reading is
    faster without hashes.
    """
    names = texts([str(path) for path in paths])
    listed = Dataset(
        names, np.full(len(names), NO_LABEL), LabelSet(classes), texts([""] * len(names)), names, name="pictures"
    )
    batches = _batches(listed, settings, ranges=ranges, hashed=hashed)
    pictures = _filled(listed, Decoded.gathered(batches, settings.shape))
    return pictures if hashed else pictures.replace(hashes=None)


def ranges_of(paths: Iterable[Path]) -> tuple[Ranges, list[Finding]]:
    """Determine black and white of the files with more than 8 bits per channel, and findings about assumed ranges.

    Such files are read completely, all others up to their first bytes. Memory grows only with the number of the former.
    """
    Image.init()  # not thread-safe
    remaining, extents = iter(paths), list[Extent]()
    with pillow_warnings_ignored(), ThreadPoolExecutor(cores()) as pool:
        while some := list(islice(remaining, CHUNK)):
            looked_at = pool.map(extent_of, some) if _are_large(some) else map(extent_of, some)
            extents += [extent for extent in looked_at if extent is not None]
    return Ranges.covering(extents)


def _key(dataset: Dataset, settings: ImageSettings) -> str:
    """Cache key: a digest of the settings and of each row's id, path, file size and modification time."""
    stats = np.full((len(dataset), 2), -1, dtype=np.int64)
    for row, path in enumerate(dataset.paths.tolist()):
        try:
            status = os.stat(path)  # noqa: PTH116 -- a Path per row would double the time of a warm start
            stats[row] = status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            continue  # decoding reports the fault
    form = tuple(fields_of(settings).values())
    return digest(dataset.ids, _resolved(dataset.paths), stats, form, LIMIT, readable(), VERSION)


def _resolved(paths: Texts) -> Texts:
    """(N,) absolute paths; each folder is resolved only once, since a system call per row would be slow."""
    parts = [os.path.split(path) for path in paths.tolist()]
    folders = {folder: _folder(folder) for folder in {folder for folder, _ in parts}}
    return texts([f"{folders[folder]}/{name}" for folder, name in parts])


def _folder(path: str) -> str:
    try:
        return str(Path(path).resolve())
    except (OSError, ValueError, RuntimeError):
        return path  # not a valid folder: decoding reports the fault


def _batches(
    dataset: Dataset,
    settings: ImageSettings,
    on_event: OnEvent = ignore,
    ranges: Ranges | None = None,
    hashed: bool = True,
) -> Iterator[Decoded]:
    """Decode the pictures in order, CHUNK at a time, large ones in threads; findings on the whole set come first."""
    total = len(dataset)
    paths = [Path(path) for path in dataset.paths.tolist()] if dataset.pixels is None else []
    if ranges is None:
        ranges, findings = ranges_of(paths)
        if findings:
            yield Decoded.none(settings.shape, tuple((OF_ALL, *finding) for finding in findings))
    known_ranges = ranges

    def decoded(row: int) -> DecodedImage:
        if dataset.pixels is None:
            return read_image(paths[row], settings, known_ranges, hashed=hashed)
        return decoded_image(Image.fromarray(dataset.pixels[row]), settings, hashed=hashed)

    Image.init()  # not thread-safe
    with pillow_warnings_ignored(), ThreadPoolExecutor(cores()) as pool:  # what Pillow warns of becomes a Problem
        apply = pool.map if _are_large(paths) else map
        for start in range(0, total, CHUNK):
            rows = range(start, min(start + CHUNK, total))
            yield _batch(rows, list(apply(decoded, rows)), settings)
            on_event(Event("pictures", count=rows.stop, total=total))


def _are_large(paths: Sequence[Path]) -> bool:
    """Whether decoding in threads is faster: Pillow releases the GIL while it decodes, but small files take no time."""
    sizes = [path.stat().st_size for path in paths[:: max(1, len(paths) // 32)] if path.is_file()]
    return sum(sizes) > LARGE * len(sizes)


def _batch(rows: range, images: list[DecodedImage], settings: ImageSettings) -> Decoded:
    readable_rows = [row for row, image in zip(rows, images, strict=True) if image.pixels is not None]
    pixels = [image.pixels for image in images if image.pixels is not None]
    hashes = [image.hash for image in images if image.pixels is not None]
    faults: tuple[RowFinding, ...] = tuple(
        (row, *fault) for row, image in zip(rows, images, strict=True) for fault in image.faults
    )
    stacked = np.stack(pixels) if pixels else np.empty((0, *settings.shape), dtype=np.uint8)
    return Decoded(np.array(readable_rows, dtype=np.int64), stacked, texts(hashes), faults)


@dataclass(frozen=True)
class Formats:
    """Sizes and colour modes of the pictures of a data set before decoding, from the headers of the files.

    Attributes
    ----------
    sizes : (width, height) → number of pictures.
    modes : Pillow's mode ("L" grey, "RGB", …) → number of pictures.
    by_path : path of an image file → its (width, height) and mode.
    """

    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    by_path: Mapping[str, tuple[tuple[int, int], str]] = field(default_factory=dict)


def formats(dataset: Dataset) -> Formats:
    """Count sizes and colour modes; pictures whose header cannot be read are left out."""
    if dataset.pixels is not None and not (dataset.paths != "").any():
        height, width = dataset.pixels.shape[1:3]
        mode = "RGB" if dataset.pixels.ndim == 4 else "L"
        return Formats(Counter({(width, height): len(dataset)}), Counter({mode: len(dataset)}))
    by_path: dict[str, tuple[tuple[int, int], str]] = {}
    with pillow_warnings_ignored():
        for path in dataset.paths.tolist():
            if size_and_mode := header(Path(path)):
                by_path[path] = size_and_mode
    rows = [by_path[path] for path in dataset.paths.tolist() if path in by_path]
    return Formats(Counter(size for size, _ in rows), Counter(mode for _, mode in rows), by_path)
