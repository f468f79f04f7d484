"""Containers from outside as NumPy arrays: lists, tuples, pandas and torch objects, by position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError

MISSING = ("NoneType", "NAType", "NaTType")
"""Types of the single values that stand for "no value"."""
IN_ORDER = "give one value for each picture, in the order of the pictures"


def as_array(values: Any, place: str) -> NDArray[Any]:
    """Any container of numbers, booleans or text as an array; missing values become NaN.

    Raises
    ------
    DataError : no container, rows of different lengths, or values that are no numbers.

    Examples
    --------
    >>> as_array([1, None, 3], "labels").tolist()
    [1.0, nan, 3.0]
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), np.nan) if np.ma.is_masked(values) else values.data
    if not isinstance(values, np.ndarray):
        values = unpacked(values, place)
    if isinstance(values, np.matrix):
        values = np.asarray(values)
    if values.dtype.kind == "V":  # such as bfloat16, which NumPy does not know by itself
        values = _tried(lambda: values.astype(np.float32), place)
    if values.dtype.kind == "O" and not any(isinstance(value, str | bytes) for value in values.flat):
        values = _tried(lambda: np.array([_number(value) for value in values.flat], float).reshape(values.shape), place)
    if values.dtype.kind in "cmM":
        remedy = "give real numbers"
        raise DataError(f"holds values of the type {values.dtype}", place=place, remedy=remedy)
    array: NDArray[Any] = values
    return array


def as_pixels(values: Any, place: str, side: int = 1) -> NDArray[np.uint8]:
    """Pictures (N, H, W) or (N, H, W, 3), uint8; whole numbers from 0 to 255 of another type are taken.

    Parameters
    ----------
    side : the least number of pixels of a side.
    """
    array = as_array(values, place)
    refuse_text(array, place, "give numbers from 0 to 255")
    array = array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3) or min(array.shape[1:3]) < side:
        first = array.ndim == 4 and array.shape[1] in (1, 3)
        remedy = f"give (N, H, W) or (N, H, W, 3), of {side} pixels a side or more"
        remedy = "put the colours last: pixels.transpose(0, 2, 3, 1)" if first else remedy
        raise AlignmentError(f"is of shape {array.shape}", place=place, remedy=remedy)
    if array.dtype == np.uint8:
        return array
    whole = array.dtype.kind != "b" and ((array >= 0) & (array <= 255) & (array == np.floor(array))).all()
    if not whole or (array.size and 0 < array.max() <= 1):
        remedy = "give whole numbers from 0 to 255, such as (255 * pixels).round().astype(np.uint8)"
        raise DataError(f"holds values from {array.min()} to {array.max()}", place=place, remedy=remedy)
    return array.astype(np.uint8)


def check_length(array: NDArray[Any], rows: int | None, place: str) -> None:
    """AlignmentError unless the array has so many rows."""
    if rows is not None and len(array) != rows:
        raise AlignmentError(f"has {len(array)} rows, where there are {rows} pictures", place=place, remedy=IN_ORDER)


def refuse_rows(wrong: NDArray[Any], what: str, place: str, remedy: str, values: NDArray[Any] | None = None) -> None:
    """DataError that names the first rows where `wrong` holds, and the first value."""
    raise DataError(cause_in_rows(wrong, what, values), place=place, remedy=remedy)


def cause_in_rows(wrong: NDArray[Any], what: str, values: NDArray[Any] | None = None) -> str:
    """What is wrong, with the first rows and the first value.

    >>> cause_in_rows(np.array([False, True, True]), "is not a class", np.array([0, 7, 9]))
    '7 is not a class (rows 1, 2)'
    """
    rows = np.unique(np.nonzero(wrong)[0])
    first = "a value" if values is None else str(values[wrong][0])
    shown = ", ".join(map(str, rows[:3]))
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{first} {what} (row{'s' if len(rows) > 1 else ''} {shown}{more})"


def unpacked(values: Any, place: str) -> NDArray[Any]:
    """The array in a container that is none itself."""
    if hasattr(values, "detach"):  # a torch tensor, on whatever device
        values = values.detach().cpu()
        return _tried(lambda: np.asarray(values), place, lambda: np.asarray(values.float()))
    if hasattr(values, "toarray"):
        raise DataError("is a sparse matrix", place=place, remedy="give it as an array: .toarray()")
    if isinstance(values, int | float | np.generic):
        return np.asarray(values)
    single = isinstance(values, str | bytes | Mapping | set | frozenset | Iterator) or not isinstance(values, Iterable)
    if single and not hasattr(values, "__array__"):
        raise DataError(f"is a {type(values).__name__}, not an array", place=place, remedy="give an array or a list")
    if hasattr(values, "to_numpy"):
        return _tried(values.to_numpy, place, lambda: np.asarray(values))
    return _tried(lambda: np.asarray(values), place)


def _tried(make: Callable[[], Any], place: str, again: Callable[[], Any] | None = None) -> NDArray[Any]:
    try:
        return make()  # type: ignore[no-any-return]
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        if again is not None:
            return _tried(again, place)
        cause = f"cannot be made an array: {str(error).splitlines()[0]}"
        raise DataError(cause, place=place, remedy="give an array of numbers, all rows of one length") from None


def is_missing(value: Any) -> bool:
    """Whether a single value stands for "no value": None, NaN, or what pandas has in their place."""
    return type(value).__name__ in MISSING or (isinstance(value, float) and value != value)


def _number(value: Any) -> float:
    if isinstance(value, np.ndarray | list | tuple):
        raise TypeError("a value is an array itself")
    return float("nan") if is_missing(value) else float(value)


def refuse_text(array: NDArray[Any], place: str, remedy: str) -> None:
    if array.dtype.kind in "USOT":
        example = next((value for value in array.flat if isinstance(value, str | bytes)), "")
        raise DataError(f"holds text, such as {str(example)!r}, not numbers", place=place, remedy=remedy)
