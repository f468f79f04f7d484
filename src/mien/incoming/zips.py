"""Members of ZIP archives. The directory of an archive is in memory while it is read: some 600 bytes a member."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mien.data.signatures import first_bytes
from mien.incoming.member import Member

STARTS = (b"PK\3\4", b"PK\5\6")
"""How a ZIP begins, with a member or without any."""
ENCRYPTED = 1
"""Bit of the flags of a member that needs a password."""


def is_zip(path: Path) -> bool:
    """Whether a file is a ZIP, by its first bytes or else by its extension."""
    try:
        first = first_bytes(path)
    except (OSError, ValueError):
        return False
    return first.startswith(STARTS) or (path.suffix.lower() == ".zip" and bool(first))


def names_in(path: Path) -> Iterator[str]:
    """Iterate over the names of an archive's files; none where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield from (info.filename for info in archive.infolist() if not info.is_dir())
    except Exception:  # reading the pictures reports it
        return


def members(path: Path) -> Iterator[Member]:
    """Iterate over the files in an archive, in the order of its directory.

    Raises
    ------
    zipfile.BadZipFile, OSError, … : the directory cannot be read, as in an archive that is cut off.
    """
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                refusal = "is encrypted" if info.flag_bits & ENCRYPTED else ""
                yield Member(
                    info.filename, info.file_size, partial(archive.open, info), info.compress_size, refusal,
                    local_errors=(Exception,),
                )  # fmt: skip
