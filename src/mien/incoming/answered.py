"""Continue a stream of pictures behind those that have their rows already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby

from mien.errors import DataError
from mien.incoming.item import Item

FACE = re.compile(r"#face=\d+$")
"""How the name of a face ends, behind that of its picture or frame."""
CHANGED = "give the same pictures in the same order, or start over with --fresh"
Stage = Callable[[Iterator[Item]], Iterator[Item]]


def unanswered(items: Iterator[Item], names: Iterable[str], stage: Stage = iter) -> Iterator[Item]:
    """Iterate over the Items behind those that are named.

    Parameters
    ----------
    items : of all pictures. names : ids of the rows that are there, in order; the last picture may lack some of its
        faces.
    stage : makes an Item for each face. Pictures that are done with are not given to it; frames are, since tracks
        depend on the frames before.

    Raises
    ------
    DataError : the pictures are others than those that are named.

    Examples
    --------
    >>> items = (Item(name, name, None) for name in ("a.png", "b.png", "c.png"))
    >>> [item.id for item in unanswered(items, ["a.png", "b.png"])]
    ['c.png']
    """
    last: Item | None = None
    rows: Iterable[str] = ()
    groups = groupby(names, lambda name: FACE.sub("", name))
    for picture, group in groups:
        last = next(items, None)
        _check(last, picture)
        if last is not None and last.seconds is not None:
            rows = chain(group, chain.from_iterable(rest for _, rest in groups))
            break
        rows = list(group)
    if last is None:
        return stage(items)
    remaining = stage(chain([last], items))
    for name in rows:
        _check(next(remaining, None), name)
    return remaining


def _check(item: Item | None, name: str) -> None:
    if item is None or item.id != name:
        cause = f"the pictures have changed: {name} was answered, and " + (item.id if item else "nothing")
        raise DataError(f"{cause} stands there now", place="--resume", remedy=CHANGED)
