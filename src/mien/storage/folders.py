"""Folders that appear whole: a stopped command leaves the old folder or the new one."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

STALE_SECONDS = 24 * 3600
"""Age from which on an unfinished folder counts as left by a killed process."""
UNFINISHED = re.compile(r"\.(?P<name>.+)\.\d+-[0-9a-f]{6}\.new")
"""Name of an unfinished folder: that of the folder, and the process that writes it."""


@contextmanager
def appearing(
    folder: Path, *, stale: float = STALE_SECONDS, unless: Callable[[], object] = lambda: False
) -> Iterator[Path]:
    """An empty folder to write into, which becomes `folder` at the end, in place of what is there.

    It is taken away where the block raises. A process that is killed while it exchanges them leaves the older folder as
    ``.NAME.old``; the next call puts it back.

    Parameters
    ----------
    stale : seconds after which the unfinished folder of another call is taken away; 0 where a lock excludes others.
    unless : called at the end; if true, another process was first, and what it wrote stays.

    Raises
    ------
    OSError : it cannot be written.
    """
    old = older(folder)
    recover(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder, stale)
    new = folder.with_name(f".{folder.name}.{os.getpid()}-{token_hex(3)}.new")
    new.mkdir()
    try:
        yield new
        if unless():
            return
        try:
            if folder.exists() or folder.is_symlink():
                folder.rename(old)
            new.rename(folder)
        except OSError:
            recover(folder)
            if not unless():
                raise
        remove(old)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def older(folder: Path) -> Path:
    """Where a folder lies while it is exchanged for a newer one."""
    return folder.with_name(f".{folder.name}.old")


def recover(folder: Path) -> None:
    """Put back the older folder that a killed process left under another name."""
    old = older(folder)
    if old.exists():
        if folder.exists():
            remove(old)
        else:
            old.rename(folder)


def remove(folder: Path) -> None:
    """Take a folder away, if it is there; of a link, the link."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _sweep(folder: Path, stale: float) -> None:
    """Take away what killed processes left here, of this folder and of others."""
    for left in folder.parent.glob(".*.new"):
        match = UNFINISHED.fullmatch(left.name)
        if match and is_older(left, stale if match["name"] == folder.name else STALE_SECONDS):
            shutil.rmtree(left, ignore_errors=True)


def is_older(path: Path, seconds: float) -> bool:
    """Whether nothing was added to a folder for so long; a folder that has just gone is not older."""
    try:
        return time.time() - path.stat().st_mtime >= seconds
    except OSError:
        return False
