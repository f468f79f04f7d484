"""One file in an archive, and the limits against archives that expand without end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO

LARGEST = 2**28
"""Most bytes of one picture in an archive (268 million)."""
RATIO, FLOOR = 200, 2**24
"""Archives may expand by this factor; the first 16 MB are free, since drawn pictures shrink a lot."""


class ArchiveError(Exception):
    """Raised for a member, or the rest of an archive, that is not read; `remedy` says how it can be."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.remedy = remedy


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    Attributes
    ----------
    name : with its folders, separated by /.
    size : in bytes, as the archive states it. packed : its share of the archive in bytes, 0 where that is unknown.
    open : opens it for reading; of a TAR, before the next member is asked for.
    refusal : why it cannot be opened, "" where it can.
    local_errors : errors after which the members that follow can still be read.
    """

    name: str
    size: int
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    packed: int = 0
    refusal: str = ""
    local_errors: tuple[type[Exception], ...] = ()


def expands_too_far(size: int, packed: int) -> bool:
    """Whether bytes that became so many more are taken for an attack.

    >>> expands_too_far(2**30, 2**20), expands_too_far(2**24, 100)
    (True, False)
    """
    return size > FLOOR + RATIO * packed
