"""Run: a folder with a manifest, arrays and tables. Every write is atomic: a killed run leaves whole files or none.

Arrays are NPZ without pickles, tables are CSV (an empty cell is an undefined number), everything else is JSON.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import tempfile
import tokenize
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DiskFullError, MienError, RunError, StorageError

FORMAT = 1
FULL, RETRAINED, WITHOUT = "full", "retrained", "without-"
"""Names of a study's cells: trained on all classes, on train + correct too, and without a class (its name follows)."""
Row = Mapping[str, Any]
Record = TypeVar("Record")
NAMES = frozenset(
    (
        "class",
        "label",
        "left_out",
        "corrector",
        "group",
        "truth",
        "answer",
        "cell",
        "stage",
        "part",
        "system",
        "fitted_on",
        "model",
        "treatment",
        "training",
        "source",
        "most_answered",
    )
)
"""Columns of tables that hold names: text, also where a class is called 7."""
STRAY = "allow_pickle"
"""A meaningless array in files that mien 0.1 wrote with NumPy before 2.1."""
AGAIN = "restore it from a copy, or make it again in another folder"
"""Remedy for a damaged file. No remedy names a folder for deletion: it may hold reviews, patches or other work."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a full disk, a used-up quota and a file that is too large."""


DAMAGE = (
    KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RuntimeError, AlignmentError,
)  # fmt: skip
"""What reading a damaged file may end in."""


class Stored(dict[str, Any]):
    """What a file holds by name; a name that it ought to have and has not is a RunError."""

    def __init__(self, values: Mapping[str, Any], path: Path) -> None:
        super().__init__(values)
        self.path = path

    def __missing__(self, name: str) -> NoReturn:
        raise RunError(f"has no {name!r}", place=str(self.path), remedy=AGAIN)

    def record(self, kind: Callable[..., Record]) -> Record:
        """The settings object (or other record) of these fields; RunError where they do not fit it."""
        try:
            return kind(**self)
        except (TypeError, ValueError, MienError) as error:
            raise RunError(f"does not hold what it should: {error}", place=str(self.path), remedy=AGAIN) from None


@contextmanager
def sound(path: Path, remedy: str = "") -> Iterator[None]:
    """Turn whatever a damaged or hand-edited file leads to into a RunError that names it."""
    try:
        yield
    except DAMAGE as error:
        said = str(error)[:200].splitlines() or [type(error).__name__]
        raise RunError(f"does not hold what it should: {said[0]}", place=str(path), remedy=remedy or AGAIN) from None


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
    """Write JSON atomically; NaN and infinities become null."""
    write_text(path, json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON, its objects as Stored; RunError where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_hook=lambda values: Stored(values, path))
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


def read_arrays(path: Path) -> Stored:
    """Read named arrays; nothing in the file can run code."""
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            return Stored({name: stored[name] for name in stored.files if name != STRAY}, path)
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
    except (ValueError, OSError, EOFError, MemoryError, SyntaxError, zipfile.BadZipFile, tokenize.TokenError) as error:
        raise RunError(f"cannot be read: {error}", place=str(path), remedy=AGAIN) from None


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """Write rows as CSV with a header, atomically; columns are those of the first row, or `columns` without rows."""
    text = io.StringIO()
    header = list(rows[0]) if rows else list(columns)
    if header:
        writer = csv.DictWriter(text, fieldnames=header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Read CSV: columns of NAMES as text, else numbers as int or float, empty cells as NaN, the rest as text; RunError
    where it is missing."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            return [{name: _value(name, cell) for name, cell in zip(header, line, strict=True)} for line in lines]
    except FileNotFoundError:
        raise RunError("no such file", place=str(path), remedy="is this the folder of a finished run?") from None
    except (ValueError, csv.Error) as error:
        raise RunError(f"is not CSV: {error}", place=str(path), remedy=AGAIN) from None


def _plain(value: Any) -> Any:
    """NumPy values and NaN as JSON knows them."""
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


class Run:
    """A run folder.

    Parameters
    ----------
    folder : where it is or shall be.

    Examples
    --------
    >>> import tempfile
    >>> run = Run(tempfile.mkdtemp())
    >>> run.write_manifest({"kind": "study"})
    >>> run.write_table("gain", [{"left_out": "fear", "gain": float("nan")}])
    >>> run.manifest()["kind"], run.read_table("gain")
    ('study', [{'left_out': 'fear', 'gain': nan}])
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def path(self, *parts: str) -> Path:
        """A path inside the run."""
        return self.folder.joinpath(*parts)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write run.json with the number of this format."""
        write_json(self.path("run.json"), {"format": FORMAT, **manifest})

    def manifest(self) -> Stored:
        """Read run.json; RunError where it is missing or newer than this version can read."""
        if not self.folder.is_dir():
            raise RunError("no such folder", place=str(self.folder), remedy="give the folder that a run was written to")
        if not self.path("run.json").exists():
            raise RunError(
                "has no run.json", place=str(self.folder), remedy="give the folder that a run was written to"
            )
        manifest = read_json(self.path("run.json"))
        if not isinstance(manifest, Stored) or not isinstance(manifest["format"], int):
            raise RunError("is no manifest of a run", place=str(self.path("run.json")), remedy=AGAIN)
        if manifest["format"] > FORMAT:
            raise RunError("was written by a newer mien", place=str(self.folder), remedy="pip install --upgrade mien")
        return manifest

    def write_table(self, name: str, rows: Sequence[Row]) -> None:
        """Write tables/NAME.csv; columns are the first row's keys, NaN becomes an empty cell."""
        cells = [{key: _cell(value) for key, value in row.items()} for row in rows]
        write_csv(self.path("tables", f"{name}.csv"), cells)

    def read_table(self, name: str) -> list[dict[str, Any]]:
        """Read a table back, as `read_csv` does."""
        path = self.path("tables", f"{name}.csv")
        if not path.exists():
            raise RunError("no such table", place=str(path), remedy="mien report makes it from the finished cells")
        return read_csv(path)


def _cell(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else f"{float(value):.10g}"
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    return value


def _value(name: str, cell: str) -> Any:
    if name in NAMES:
        return cell
    for kind in (int, float):
        try:
            return kind(cell) if cell else math.nan
        except ValueError:
            continue
    return cell
