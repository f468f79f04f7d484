"""Files that appear whole: a stopped command leaves the old file or the new one. Nothing in a file can run code.

Arrays are NPZ without pickles, everything else is JSON or text.
"""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
import tokenize
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError, DiskFullError, MienError, RunError, StorageError
from mien.storage.old_names import current_fields

T = TypeVar("T")
HEADER = ("format", "kind", "id")
"""What each JSON file that is an artifact begins with."""
STRAY = "allow_pickle"
"""A meaningless array in files that mien 0.1 wrote with NumPy before 2.1."""
AGAIN = "restore it from a copy, or make it again in another folder"
"""Remedy for a damaged file. No remedy names a folder for deletion: it may hold reviews, patches or other work."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a full disk, a used-up quota and a file that is too large."""


DAMAGE = (LookupError, TypeError, ValueError, OverflowError, AlignmentError, DataError)
"""What taking values out of a damaged record may end in."""


class Record(dict[str, Any]):
    """What a file holds by name; a name that it ought to have and has not is a RunError."""

    def __init__(self, values: Mapping[str, Any], path: Path) -> None:
        super().__init__(values)
        self.path = path

    def __missing__(self, name: str) -> NoReturn:
        raise RunError(f"has no {name!r}", place=str(self.path), remedy=AGAIN)

    def part(self, name: str) -> Record:
        """The record of this name within it; RunError where it is none."""
        part = self[name]
        if not isinstance(part, Record):
            raise RunError(f"{name!r} is no table of values", place=str(self.path), remedy=AGAIN)
        return part

    def record(self, kind: Callable[..., T]) -> T:
        """The settings object (or other record) of these fields; RunError where they do not fit it.

        Fields may have the names that earlier versions gave them; the header of a file is none of them.
        """
        try:
            names = signature(kind).parameters
            fields = current_fields(self, names)
            return kind(**{name: value for name, value in fields.items() if name in names or name not in HEADER})
        except (TypeError, ValueError, MienError) as error:
            raise RunError(f"is corrupt, or was edited: {error}", place=str(self.path), remedy=AGAIN) from None


@contextmanager
def as_storage_error(path: Path, remedy: str = "") -> Iterator[None]:
    """Turn what a damaged or hand-edited file leads to into a RunError that names it.

    Only for blocks that take values out of what was read: a mistake in other code must not be taken for damage.
    """
    try:
        yield
    except DAMAGE as error:
        lines = str(error)[:200].splitlines() or [type(error).__name__]
        raise RunError(f"is corrupt, or was edited: {lines[0]}", place=str(path), remedy=remedy or AGAIN) from None


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into a StorageError, or a DiskFullError."""
    try:
        yield
    except OSError as error:
        cause = f"cannot write: {error.strerror or error}"
        if error.errno in DISK_FULL:
            remedy = "free some space and run the same command again"
            raise DiskFullError(cause, place=str(path), remedy=remedy) from error
        # commands without --out show the first half alone
        remedy = "make it a place that can be written, or choose another place with --out"
        raise StorageError(cause, place=str(path), remedy=remedy) from error


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` on a temporary file beside `path`, then put it in place in one step."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101 -- mkstemp's 0600 would hide results from colleagues
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; bytes of file names that are no text are spelt out."""
    write_atomic(path, lambda file: file.write(text.encode(errors="backslashreplace")))


def write_json(path: Path, value: object) -> None:
    """Write JSON atomically, see `to_json`."""
    write_text(path, to_json(value) + "\n")


def to_json(value: object, indent: int | None = 2) -> str:
    """JSON text; NaN and infinities become null, which JSON has, and paths become text."""
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False)


def read_json(path: Path) -> Any:
    """Read JSON, its objects as `Record`; RunError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_hook=lambda values: Record(values, path))
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
    except OSError as error:
        raise RunError(f"cannot be read: {error.strerror or error}", place=str(path), remedy=AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"is not JSON: {error}", place=str(path), remedy=AGAIN) from None


def write_arrays(path: Path, /, **arrays: NDArray[Any]) -> None:
    """Write named arrays as NPZ, atomically; ValueError where an array holds Python objects."""

    def write(file: BinaryIO) -> None:
        # np.savez takes `allow_pickle` as one more array, and pickles objects, before NumPy 2.1
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    write_atomic(path, write)


def read_arrays(path: Path) -> Record:
    """Read named arrays; nothing in the file can run code."""
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            return Record({name: stored[name] for name in stored.files if name != STRAY}, path)
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
    except (ValueError, OSError, EOFError, MemoryError, SyntaxError, zipfile.BadZipFile, tokenize.TokenError) as error:
        raise RunError(f"cannot be read: {error}", place=str(path), remedy=AGAIN) from None


def _plain(value: Any) -> Any:
    """NumPy values and NaN as JSON knows them."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:  # first, since most values are of these types
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
