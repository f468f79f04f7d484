"""Lists of paths, one a line or separated by NUL, as `find` prints them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mien.incoming.item import Item

LONGEST = 2**15
"""Most bytes of a path; no system allows more."""
BLOCK = 2**16
SHOWN = 80


def items_in(file: BinaryIO) -> Iterator[Item]:
    """Iterate over the pictures that a list names, as its lines arrive.

    Where NUL is among the first bytes, it separates the paths; else each line is a path. Empty lines are passed over. A
    line that can be no path becomes an Item that cannot be read.

    Examples
    --------
    >>> from io import BytesIO
    >>> [item.id for item in items_in(BytesIO(b"a.png\\r\\n\\nb c.png"))]
    ['a.png', 'b c.png']
    >>> [item.id for item in items_in(BytesIO(b"a.png\\0b.png\\0"))]
    ['a.png', 'b.png']
    """
    for number, line in enumerate(_lines(file), 1):
        if len(line) > LONGEST:
            name = f"line {number}: {os.fsdecode(line[:SHOWN])}…"
            yield Item.unreadable(name, "no path", "is longer than any path", "give a list of paths, one a line")
        elif line:
            yield Item.of_file(Path(os.fsdecode(line)))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines without their ends; of one that is too long, its beginning."""
    read = getattr(file, "read1", file.read)
    block: bytes = read(BLOCK)
    separator, end = (b"\0", b"") if b"\0" in block else (b"\n", b"\r")
    rest = b""
    while block:
        *lines, rest = (rest + block).split(separator)
        yield from (line.removesuffix(end) for line in lines)
        if len(rest) > 2 * LONGEST:
            rest = rest[: LONGEST + 1]
        block = read(BLOCK)
    yield rest.removesuffix(end)
