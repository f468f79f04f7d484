"""Names that occurred already, in a compact table."""

from __future__ import annotations

from array import array
from hashlib import blake2b

START = 1024
"""Places of an empty table; a power of two, as are all later sizes."""


class Distinct:
    """The names so far, as hashes of 8 bytes: 16 to 32 bytes of memory for each.

    Two different names among a million have equal hashes with a chance of 3 in 100 million.

    Examples
    --------
    >>> names = Distinct()
    >>> names.add("a.png"), names.add("b.png"), names.add("a.png"), len(names)
    (True, True, False, 2)
    """

    def __init__(self) -> None:
        self._table = _empty(START)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, name: str) -> bool:
        """Take in a name, and return whether it is new."""
        digest = blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
        key = int.from_bytes(digest, "little") or 1  # 0 is an empty place
        place = _place(self._table, key)
        if self._table[place] == key:
            return False
        self._table[place] = key
        self._count += 1
        if 2 * self._count > len(self._table):
            self._grow()
        return True

    def _grow(self) -> None:
        larger = _empty(2 * len(self._table))
        for key in self._table:
            if key:
                larger[_place(larger, key)] = key
        self._table = larger


def _empty(places: int) -> array[int]:
    return array("Q", bytes(8 * places))


def _place(table: array[int], key: int) -> int:
    """Where a key stands, or the empty place where it belongs."""
    last = len(table) - 1
    place = key & last
    while table[place] and table[place] != key:
        place = (place + 1) & last
    return place
