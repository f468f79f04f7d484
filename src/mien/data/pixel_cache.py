"""Cache of decoded pixels on disk: one folder per content and settings, written atomically and memory-mapped.

An entry is a folder FOLDER/pixels/KEY with pixels.npy, rows.npz and faults.json. Of two processes that write the same
entry, the second finds the first's in place and uses that.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.errors import StorageError
from mien.storage.folders import appearing
from mien.types import Ints, Texts, texts

RowFinding = tuple[int, str, str, str]
"""Row, kind, cause and remedy of a finding."""
OF_ALL = -1
"""Row number of a finding about all files together."""


def default_folder() -> Path:
    """Return MIEN_CACHE, else mien's folder in the user's cache folder (XDG_CACHE_HOME, ~/.cache)."""
    chosen = os.environ.get("MIEN_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "mien"


@dataclass(frozen=True)
class Decoded:
    """Decoded pixels of the readable pictures of a data set, and findings on all of them.

    Attributes
    ----------
    rows : (M,) row of each readable picture in the data set, ascending.
    pixels : (M, H, W) or (M, H, W, 3) uint8.
    hashes : (M,) SHA-256 of each decoded picture before resizing.
    faults : findings on any row, or on all (OF_ALL).
    """

    rows: Ints
    pixels: NDArray[np.uint8]
    hashes: Texts
    faults: tuple[RowFinding, ...]

    @classmethod
    def gathered(cls, batches: Iterable[Decoded], shape: tuple[int, ...]) -> Decoded:
        """Concatenate all batches in memory."""
        parts = [cls.none(shape), *batches]
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.pixels for part in parts]),
            np.concatenate([part.hashes for part in parts]),
            tuple(fault for part in parts for fault in part.faults),
        )

    @classmethod
    def none(cls, shape: tuple[int, ...], faults: tuple[RowFinding, ...] = ()) -> Decoded:
        """Return a result without pictures, which would have the given shape."""
        return cls(np.empty(0, dtype=np.int64), np.empty((0, *shape), dtype=np.uint8), texts([]), faults)


def load(entry: Path) -> Decoded | None:
    """Read an entry of the cache with memory-mapped pixels; None if it does not exist or cannot be read."""
    try:
        with (entry / "rows.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
            rows, hashes = stored["rows"], stored["hashes"].astype(np.str_)
        pixels = np.lib.format.open_memmap(entry / "pixels.npy", mode="r")
        faults = json.loads((entry / "faults.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Decoded(rows, pixels[: len(rows)], hashes, tuple((row, *finding) for row, *finding in faults))


def save(entry: Path, batches: Iterable[Decoded], count: int, shape: tuple[int, ...]) -> Decoded:
    """Write batches to an entry of the cache as they come, and return the entry memory-mapped.

    Parameters
    ----------
    count : maximum number of pictures, for which the file has room.
    shape : of one picture.

    Raises
    ------
    StorageError : the entry cannot be written.
    """
    try:
        with appearing(entry, unless=lambda: load(entry) is not None) as beside:
            _write(beside, batches, count, shape)
    except OSError as error:
        cause = f"cannot write the cache: {error.strerror or error}"
        remedy = "name a folder that can be written in MIEN_CACHE"
        raise StorageError(cause, place=str(entry.parent), remedy=remedy) from error
    stored = load(entry)
    if stored is None:
        remedy = "name a folder on another disk in MIEN_CACHE"
        raise StorageError("what was written cannot be read back", place=str(entry), remedy=remedy)
    return stored


def _write(beside: Path, batches: Iterable[Decoded], count: int, shape: tuple[int, ...]) -> None:
    # written as a file, not through a mapping: a full disk is then an error, not a crash
    rest: list[Decoded] = []
    with (beside / "pixels.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        end = file.tell() + count * int(np.prod(shape))
        for batch in batches:
            file.write(np.ascontiguousarray(batch.pixels).data)
            rest.append(Decoded(batch.rows, batch.pixels[:0], batch.hashes, batch.faults))
        file.truncate(end)
        _flush(file)
    whole = Decoded.gathered(rest, shape)
    np.savez(beside / "rows.npz", rows=whole.rows, hashes=whole.hashes.astype(np.bytes_))
    (beside / "faults.json").write_text(json.dumps(whole.faults, ensure_ascii=False), encoding="utf-8")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
