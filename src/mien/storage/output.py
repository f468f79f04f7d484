"""Output files and folders: outside the data, free of other files, written by one command at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.errors import RunError, UsageError
from mien.storage.files import storage_errors
from mien.storage.locks import exclusive_lock

LOCK = ".lock"
"""Lock file of a folder; it holds the kind of the command that writes there."""
NOT_CONTENT = {LOCK, f"{LOCK}.held", ".DS_Store", "Thumbs.db", "desktop.ini"}
"""Files that do not count as the content of a folder."""
WAIT = "wait until it has ended, or choose another place with --out"


def check_outside_data(out: Path, sources: Iterable[str | Path], flag: str = "--out") -> None:
    """UsageError where `out` lies in a folder of the data: what is written would become part of them.

    Parameters
    ----------
    sources : folders and files of data; other texts, such as those for drawn faces, are passed over.
    flag : that names `out`.
    """
    place = Path(os.path.realpath(out))
    for source in sources:
        try:
            data = Path(os.path.realpath(Path(source).expanduser()))
            inside = data.is_dir() and place.is_relative_to(data)
        except (OSError, RuntimeError, ValueError):  # no path at all
            continue
        if inside:
            raise UsageError(f"{out} lies inside the data", place=flag, remedy="give a folder outside of it")


@contextmanager
def prepare_output_dir(folder: Path, kind: str, marker: str, *, sources: Iterable[str | Path] = ()) -> Iterator[None]:
    """Lock a folder that a command writes into, and into which it writes again when it is repeated.

    A new folder is removed at the end if nothing was written into it.

    Parameters
    ----------
    folder : made if it is not there. kind : of the command, such as "audit".
    marker : file that a finished or begun command of this kind leaves in its folder.
    sources : data that the folder must not lie in.

    Raises
    ------
    UsageError : the folder lies inside the data, or holds files of something else.
    RunError : another command is writing there. StorageError : it cannot be written.
    """
    check_outside_data(folder, sources)
    _check_own(folder, kind, marker)
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with _only_user(folder / LOCK, folder, kind):
            _check_own(folder, kind, marker)
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    if made and {path.name for path in folder.iterdir()} <= {LOCK, f"{LOCK}.held"}:
                        (folder / LOCK).unlink()
    finally:
        for place in made:
            with contextlib.suppress(OSError):  # it holds something
                place.rmdir()


@contextmanager
def prepare_output(path: Path, marker: str = "", *, sources: Iterable[str | Path] = ()) -> Iterator[None]:
    """Lock the place of a file or folder that is written elsewhere and moved there when it is complete.

    Parameters
    ----------
    path : it need not be there. marker : file by which a folder is known that may be replaced; "" for none.
    sources : data that it must not lie in.

    Raises
    ------
    UsageError : it lies inside the data, or is something else. RunError : another command is writing it.
    StorageError : it cannot be written.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 -- of a link, the link
    check_outside_data(path, sources)
    if marker:
        _check_own(path, "", marker)
    made = [place for place in path.parents if not place.exists()]
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with _only_user(path.with_name(f".{path.name}{LOCK}"), path, "", temporary=True):
            yield
    finally:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()


@contextmanager
def _only_user(lock: Path, place: Path, kind: str, temporary: bool = False) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with storage_errors(place):
            try:
                stack.enter_context(exclusive_lock(lock, kind, temporary=temporary))
            except BlockingIOError:
                raise RunError("another mien is working here", place=str(place), remedy=WAIT) from None
        yield


def _check_own(folder: Path, kind: str, marker: str) -> None:
    """UsageError where the folder holds files, and no sign of a command of this kind."""
    if not folder.is_dir():
        if marker and folder.exists() and not kind:
            raise UsageError(f"{folder} exists and is not a folder", place="--out", remedy="give another folder")
        return
    with storage_errors(folder):
        names = {path.name for path in folder.iterdir()} - NOT_CONTENT
        if not names or marker in names or (kind and _kind_of(folder) == kind):
            return
    raise UsageError(
        f"{folder} exists and was not written by this command", place="--out", remedy="give another folder"
    )


def _kind_of(folder: Path) -> str:
    try:
        return (folder / LOCK).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
