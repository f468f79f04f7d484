"""Arrays from outside: converted to NumPy arrays, or refused with place, cause and remedy.

Every public function that takes arrays passes them through here. Lists, tuples, pandas and torch objects are
converted by position, so a pandas index plays no part. Arrays that are valid stay as they are, memory-mapped ones too.
What cannot be right is refused: wrong values (NaN, logits, text) by a DataError, shapes and class numbers that do not
fit together by an AlignmentError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError, UsageError
from mien.types.arrays import Bools, Floats, Ints, Texts, texts
from mien.types.containers import (
    IN_ORDER,
    as_array,
    cause_in_rows,
    check_length,
    is_missing,
    refuse_rows,
    refuse_text,
    unpacked,
)

TINY = 1e-6
"""Tolerance for rounding: probabilities this far below 0 count as 0, and an unknown class may have this much."""
SLACK = 0.02 + TINY
"""How far the sum of a row of probabilities may be from 1. A softmax in float16 stays below 0.0005, one in bfloat16
below 0.004 (measured with 2 to 1000 classes); seven probabilities rounded to two decimals stay below 0.02."""


def as_numbers(
    values: Any,
    place: str,
    *,
    ndim: int | None = 1,
    rows: int | None = None,
    finite: bool = True,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> NDArray[Any]:
    """An array of floats, or of integers as they are; booleans become 0 and 1.

    Parameters
    ----------
    ndim : dimensions that it must have; None for any.
    rows : its length; None for any.
    finite : whether NaN and infinities are refused.
    within : the least and the largest value.
    """
    array = as_array(values, place)
    refuse_text(array, place, "give numbers")
    array = array.astype(np.float64) if array.dtype.kind == "b" or not array.size else array
    if ndim is not None and array.ndim != ndim:
        raise AlignmentError(f"is of shape {array.shape}", place=place, remedy=f"give an array of {ndim} dimension(s)")
    check_length(array, rows, place)
    if finite and not np.isfinite(array).all():
        remedy = "leave these rows out, or correct their values"
        refuse_rows(np.atleast_1d(~np.isfinite(array)), "is not finite", place, remedy, np.atleast_1d(array))
    low, high = within
    odd = np.atleast_1d((array < low) | (array > high))
    if odd.any():
        limits = f"between {low:g} and {high:g}" if np.isfinite(high) else f"at least {low:g}"
        refuse_rows(odd, f"is not {limits}", place, f"give values {limits}", np.atleast_1d(array))
    return array


def as_labels(values: Any, place: str, classes: int | None = None, *, rows: int | None = None, least: int = 0) -> Ints:
    """(N,) int64 class indices 0 … K−1; floats with whole values, and an (N, 1) column, are taken.

    Parameters
    ----------
    classes : K; None where it is not known.
    rows : N; None for any.
    least : −1 where "no class" is allowed.

    Raises
    ------
    DataError : text, NaN or fractions. AlignmentError : another shape or length, or a number that is no class.

    Examples
    --------
    >>> as_labels([0.0, 2.0], "labels", 3).tolist()
    [0, 2]
    """
    array = as_array(values, place)
    refuse_text(array, place, "give class indices, such as [labelset.index(name) for name in labels]")
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise AlignmentError(f"is of shape {array.shape}, not (N,)", place=place, remedy="give one class index a row")
    check_length(array, rows, place)
    if array.dtype.kind == "b" and classes != 2:
        cause = "is True or False" + (f", where there are {classes} classes" if classes else "")
        raise DataError(cause, place=place, remedy="give class indices, from 0")
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.floor(np.where(np.isfinite(array), array, 0.5)))
        if not whole.all():
            refuse_rows(~whole, "is not a whole number", place, "leave out rows without a usable label", array)
    if len(array) and not (array.min() >= least and (classes is None or array.max() < classes)):
        _refuse_classes(array, place, classes, least)
    return array.astype(np.int64, copy=False)


def as_counts(values: Any, place: str, *, ndim: int | None = None) -> Ints:
    """Counts of any shape: whole numbers of 0 or more."""
    array = as_numbers(values, place, ndim=ndim)
    odd = (array < 0) | (array != np.floor(array))
    if odd.any():
        refuse_rows(np.atleast_1d(odd), "is no count", place, "give whole numbers of 0 or more", np.atleast_1d(array))
    return array.astype(np.int64, copy=False)


def as_shares(values: Any, place: str, classes: int | None = None, *, ndim: int = 2, empty: bool = False) -> Floats:
    """(…, K) shares: not negative, and adding up to 1 along the last axis within `SLACK`.

    Parameters
    ----------
    classes : K; None for any. ndim : dimensions. empty : whether a row may be 0 throughout.

    Returns
    -------
    The same numbers; float16 becomes float32, integers and booleans float64.
    """
    array = as_numbers(values, place, ndim=None)
    if array.ndim == 1 and not len(array) and classes is not None:
        array = array.reshape(*(0,) * (ndim - 1), classes)
    if array.ndim != ndim or (classes is not None and array.shape[-1] != classes):
        wanted = f"(…, {'K' if classes is None else classes})"
        raise AlignmentError(f"is of shape {array.shape}, not {wanted}", place=place, remedy="give a column a class")
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.float64)
    if array.size:
        _check_sums(array, place, empty)
        array = np.maximum(array, 0) if array.min() < 0 else array
    return array


def without_nan(array: NDArray[Any], place: str) -> NDArray[Any]:
    """The array, which may hold infinities; DataError where it holds NaN."""
    odd = np.atleast_1d(np.isnan(array))
    if odd.any():
        refuse_rows(odd, "is NaN", place, "leave these rows out, or correct their values", np.atleast_1d(array))
    return array


def as_known(values: Any, place: str) -> Bools:
    """(K,) bool: which classes a classifier was trained on, at least one; 0 and 1 are taken."""
    array = as_array(values, place)
    if array.ndim == 1 and array.dtype.kind in "iuf" and not np.isin(array, (0, 1)).all() and np.isfinite(array).all():
        cause = f"holds {array[~np.isin(array, (0, 1))][0]}, not True or False for each class"
        raise DataError(cause, place=place, remedy="of class indices make np.isin(np.arange(K), indices)")
    mask = as_mask(array, place)
    if not mask.any():
        remedy = "mark those that the classifier was trained on"
        raise AlignmentError("marks no class as known", place=place, remedy=remedy)
    return mask


def as_mask(values: Any, place: str, rows: int | None = None) -> Bools:
    """(N,) bool; 0 and 1 are taken."""
    array = as_array(values, place)
    refuse_text(array, place, "give True and False")
    if array.ndim != 1:
        raise AlignmentError(f"is of shape {array.shape}, not one-dimensional", place=place, remedy=IN_ORDER)
    check_length(array, rows, place)
    odd = ~np.isin(array, (0, 1))
    if odd.any():
        refuse_rows(odd, "is neither True nor False", place, "give True and False", array)
    return array.astype(bool, copy=False)


def as_ids(values: Any, place: str) -> Texts:
    """(N,) text keys; numbers become text, a missing key is refused."""
    array = _objects(values, place)
    if array.ndim != 1:
        raise AlignmentError(f"is of shape {array.shape}, not (N,)", place=place, remedy="give one id a row")
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "surrogateescape")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.floor(array)).all():
        array = array.astype(np.int64)
    missing = np.array([is_missing(value) for value in array.tolist()], bool)
    if missing.any():
        refuse_rows(missing, "has no value", place, "give every row a value of its own, such as its number")
    return texts([_text(value) for value in array.tolist()])


def as_groups(values: Any, place: str, rows: int | None = None) -> Texts:
    """(N,) persons or other units, as text or as numbers; a picture without one is refused."""
    array = _objects(values, place)
    if not (array.ndim == 1 and array.dtype.kind in "iuU"):
        array = as_ids(array, place)
    check_length(array, rows, place)
    return array


def as_features(features: Any, rows: int, place: str) -> dict[str, NDArray[Any]]:
    """Name → (N, D) vectors; (N,) becomes one column. Values are not looked at."""
    named = _named_arrays(features, rows, place)
    for name, array in named.items():
        named[name] = array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            remedy = "give vectors (N, D), such as values.reshape(len(values), -1), or whole maps as Outputs.maps"
            raise AlignmentError(f"is of shape {array.shape}", place=f"{place}[{name}]", remedy=remedy)
    return named


def as_maps(maps: Any, rows: int, place: str) -> dict[str, NDArray[Any]]:
    """Layer name → (N, V, C, H, W) feature maps in V views; values are not looked at."""
    named = _named_arrays(maps, rows, place)
    for name, array in named.items():
        if array.ndim != 5:
            remedy = "give maps (N, V, C, H, W) in V views, such as values[:, None]; vectors are Outputs.vectors"
            raise AlignmentError(f"is of shape {array.shape}", place=f"{place}[{name}]", remedy=remedy)
    return named


def _named_arrays(arrays: Any, rows: int, place: str) -> dict[str, NDArray[Any]]:
    """Name → numeric array of N rows."""
    if not isinstance(arrays, Mapping):
        cause = f"is a {type(arrays).__name__}, not a dictionary of name and array"
        raise DataError(cause, place=place, remedy='give {"mine": array}')
    named = {str(name): as_array(values, f"{place}[{name}]") for name, values in arrays.items()}
    if len(named) < len(arrays):
        raise DataError("two features have one name", place=place, remedy="give each a name of its own")
    for name, array in named.items():
        where = f"{place}[{name}]"
        refuse_text(array, where, "give numbers")
        check_length(array if array.ndim else array[None], rows, where)
        if not array.dtype.isnative:
            named[name] = array.astype(array.dtype.newbyteorder("="))
    return named


def _text(value: Any) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _objects(values: Any, place: str) -> NDArray[Any]:
    """The values, of a list or tuple as they are: NumPy would make text of a NaN among texts."""
    if isinstance(values, list | tuple):
        return np.array([value.item() if isinstance(value, np.generic) else value for value in values], object)
    return values if isinstance(values, np.ndarray) else unpacked(values, place)


def _refuse_classes(array: NDArray[Any], place: str, classes: int | None, least: int) -> None:
    low = array < least
    if low.any():
        remedy = "leave out rows without a label, such as outputs.take(labels >= 0) and labels[labels >= 0]"
        raise AlignmentError(cause_in_rows(low, "is no class", array), place=place, remedy=remedy)
    high = array >= (classes or 0)
    remedy = f"count classes from 0 to {(classes or 0) - 1}; labels 1, 2, … become so by labels - 1"
    cause = cause_in_rows(high, f"is no class: there are {classes}, counted from 0", array)
    raise AlignmentError(cause, place=place, remedy=remedy)


def _check_sums(array: Floats, place: str, empty: bool) -> None:
    """DataError with a hint at what the numbers may be, unless they are shares."""
    totals = array.sum(-1, dtype=np.float64)
    off = np.abs(totals - 1) > SLACK
    off &= ~((totals == 0) & (array.max(-1) == 0)) if empty else True
    low, high = array.min(), array.max()
    if low >= -TINY and high <= 1 + SLACK and not off.any():
        return
    if low >= 0 and np.median(np.abs(totals - 100)) <= 2:
        what, remedy = "are percentages, not shares", "divide them by 100"
    elif high <= TINY and np.abs(np.exp(array).sum(-1) - 1).max() <= SLACK:
        what, remedy = "are logarithms of probabilities", "give np.exp of them"
    elif low < -TINY or (high > 1 + SLACK and (array != np.floor(array)).any()):
        what, remedy = "are no probabilities, perhaps logits", "apply softmax: scipy.special.softmax(logits, axis=-1)"
    elif (totals == 0).any() and not empty:
        what, remedy = "are 0 for every class of a picture", "leave such pictures out"
    elif high > 1 + SLACK:
        what, remedy = "are counts, not shares", "divide each row by its sum"
    else:
        what, remedy = "do not add up to 1", "divide each row by its sum; of logits take the softmax, not the sigmoid"
    off = totals == 0 if what.startswith("are 0") else off
    row = int(np.argmax(off.ravel())) if off.any() else int(np.argmax((array < -TINY).any(-1).ravel()))
    shown = ", ".join(f"{value:.3g}" for value in array.reshape(-1, array.shape[-1])[row][:4])
    more = ", …" if array.shape[-1] > 4 else ""
    cause = f"the numbers {what} (row {row}: {shown}{more}; sum {totals.ravel()[row]:.4g})"
    raise DataError(cause, place=place, remedy=remedy)


def as_classes(count: Any, place: str) -> int:
    """K, the number of classes, as an integer of at least 1."""
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool) and count >= 1
    if not whole:
        raise UsageError(f"the number of classes is {count!r}", place=place, remedy="give a whole number, at least 1")
    return int(count)
