"""Locks between processes and threads: those of the system, or, where it has none, a file that names its holder.

A lock of the system ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

POLL_SECONDS = 0.02
FAR = 2**31 - 2
"""Offset of the byte that is locked on Windows, beyond the content of any file."""
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Error numbers of file systems without locks."""
WRITTEN_SECONDS = 5
"""Age, in seconds, from which on a file without its holder's name counts as left by a crash."""
Release = Callable[[], object]


def _module(name: str) -> Any:
    """A module that not every system has, or None."""
    try:
        return import_module(name)
    except ImportError:
        return None


FCNTL, MSVCRT = _module("fcntl"), _module("msvcrt")
_guard = threading.Lock()
_held: dict[str, tuple[int, int]] = {}
"""Lock file → thread that holds it, how many times."""


@contextmanager
def locked(file: IO[Any], *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of an open file.

    Parameters
    ----------
    file : its own lock is taken; its content is not touched.
    wait : until another holder is done.

    Raises
    ------
    BlockingIOError : another holds it, and `wait` is false.
    """
    while (release := _taken(file)) is None:
        if not wait:
            raise BlockingIOError(errno.EWOULDBLOCK, "is locked by another process", file.name)
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        release()


@contextmanager
def exclusive_lock(path: Path, note: str = "", *, temporary: bool = False) -> Iterator[None]:
    """Hold a lock file. Within it, the same thread may take it again.

    Parameters
    ----------
    path : the lock file; it is made if it is not there. note : text to write into it.
    temporary : whether to remove the file at the end.

    Raises
    ------
    BlockingIOError : another process or thread holds it. OSError : it cannot be written.
    """
    key, thread = os.path.realpath(path), threading.get_ident()
    with _guard:
        holder, depth = _held.get(key, (thread, 0))
        if holder != thread:
            raise BlockingIOError(errno.EWOULDBLOCK, "is locked by another thread", str(path))
        _held[key] = (thread, depth + 1)
    try:
        with contextlib.nullcontext() if depth else _lock_file(path, note, temporary):
            yield
    finally:
        with _guard:
            if depth:
                _held[key] = (thread, depth)
            else:
                del _held[key]


@contextmanager
def _lock_file(path: Path, note: str, temporary: bool) -> Iterator[None]:
    while True:
        with path.open("a+", encoding="utf-8") as file, locked(file, wait=False):
            if not _is_open_file(path, file):
                continue  # its last holder has removed it meanwhile
            if note:
                file.truncate(0)
                file.write(note)
                file.flush()
            try:
                yield
            finally:
                if temporary:
                    with contextlib.suppress(OSError):  # Windows removes no open file
                        path.unlink()
            return


def _is_open_file(path: Path, file: IO[Any]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _taken(file: IO[Any]) -> Release | None:
    """How to release the lock, now taken; None where another has it."""
    handle = file.fileno()
    if FCNTL is not None:
        try:
            FCNTL.flock(handle, FCNTL.LOCK_EX | FCNTL.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return None
            if error.errno not in UNSUPPORTED:
                raise
        else:
            return lambda: FCNTL.flock(handle, FCNTL.LOCK_UN)
    elif MSVCRT is not None:
        return _taken_on_windows(handle)
    return _taken_by_name(Path(f"{file.name}.held"))


def _taken_on_windows(handle: int) -> Release | None:
    def at_the_byte(mode: int) -> None:
        before = os.lseek(handle, 0, os.SEEK_CUR)
        os.lseek(handle, FAR, os.SEEK_SET)
        try:
            MSVCRT.locking(handle, mode, 1)
        finally:
            os.lseek(handle, before, os.SEEK_SET)

    try:
        at_the_byte(MSVCRT.LK_NBLCK)
    except OSError:
        return None
    return lambda: at_the_byte(MSVCRT.LK_UNLCK)


def _taken_by_name(mark: Path) -> Release | None:
    """A file that only one can make; one that a dead process has left is taken over."""
    holder = f"{os.getpid()} {platform.node()}"
    for _ in range(2):
        try:
            handle = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            if not _is_abandoned(mark):
                return None
            mark.unlink(missing_ok=True)
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(holder)
        return lambda: mark.unlink(missing_ok=True)
    return None


def _is_abandoned(mark: Path) -> bool:
    try:
        number, _, node = mark.read_text(encoding="utf-8").partition(" ")
        age = time.time() - mark.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return False  # it has just gone
    if not number.isdecimal():
        return age > WRITTEN_SECONDS
    if node != platform.node() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
