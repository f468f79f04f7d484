"""Arrays and their ids: the checks that every travelling type makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]


def texts(values: Sequence[str]) -> Texts:
    """A text array, also from an empty list."""
    return np.array(values, dtype=np.str_) if len(values) else np.empty(0, dtype="<U1")


def check_same_ids(first: Texts, second: Texts, place: str) -> None:
    """Raise AlignmentError unless both id arrays are equal, row by row."""
    if len(first) != len(second) or not np.array_equal(first, second):
        raise AlignmentError("the ids differ", place=place, remedy="take the rows by id before you combine them")


def check_rows(owner: object, count: int) -> None:
    """Every array field of `owner` named in `_ROWS` must have `count` rows."""
    for name in owner._ROWS:  # type: ignore[attr-defined]
        value = getattr(owner, name)
        if value is not None and len(value) != count:
            place = f"{type(owner).__name__}.{name}"
            raise AlignmentError(
                f"has {len(value)} rows, ids has {count}", place=place, remedy="give a row for each id"
            )


def check_unique(ids: Texts, place: str) -> None:
    """Raise AlignmentError where an id repeats."""
    if len(np.unique(ids)) != len(ids):
        distinct, counts = np.unique(ids, return_counts=True)
        cause = f"ids repeat, such as {str(distinct[counts > 1][0])!r}"
        raise AlignmentError(cause, place=place, remedy="give every row an id of its own")


def digest(*parts: Any) -> str:
    """A short hex digest (16 digits) of arrays, texts, numbers and tuples of these, for fingerprints of data.

    Objects are refused: their text is no content. See :func:`mien.storage.identity.identity`.
    """
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.shape}".encode())
            if part.dtype.kind in "UO":  # file names may hold bytes that are no text
                state.update("\0".join(part.tolist()).encode(errors="surrogateescape"))
            else:
                state.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, bytes):
            state.update(part)
        elif _is_plain(part):
            state.update(repr(part).encode())
        else:
            raise TypeError(f"no digest of a {type(part).__name__}")
        state.update(b"\1")
    return state.hexdigest()[:16]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)
