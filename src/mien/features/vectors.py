"""Taps side by side: one vector a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from mien.errors import AlignmentError, DataError
from mien.types import LOG_PROBS, Floats, Outputs

BLOCK = 1024
"""Rows looked at together, so that memory-mapped features stay on the disk."""
LARGEST = 1e37
"""Largest value of a feature; sums and squares of larger ones overflow float32."""


def stack(outputs: Outputs, layers: Sequence[str] = ("*",), like: Mapping[str, int] | None = None) -> Floats:
    """(N, D) float32 features of the vector layers whose names match one of the patterns, in the order of their names.

    Parameters
    ----------
    layers : patterns of names.
    like : the widths of the layers (see `widths`) that these must have, such as those that a corrector was fitted on.

    Raises
    ------
    DataError : no layer matches (the message names those that there are), or a value is not finite, with its layer and
        row.
    AlignmentError : other layers than in `like`, or layers of other widths.

    Examples
    --------
    >>> layers = {"conv1/1": np.zeros((1, 32)), "hidden": np.ones((1, 4))}
    >>> one = Outputs(None, [[1.0]], [True], layers)
    >>> stack(one, ["conv*/1"]).shape
    (1, 32)
    """
    chosen = matching(outputs, layers)
    if not chosen:
        there = ", ".join([*matching(outputs, ("*",)), LOG_PROBS])
        cause = f"no feature matches {', '.join(patterns(layers))}"
        raise DataError(cause, place="Outputs.vectors", remedy=f"there are: {there}")
    if like:
        check_like(widths(outputs, layers), like)
    with np.errstate(over="ignore"):  # what is too large for float32 is refused below
        joined = np.concatenate([np.asarray(outputs.vector(name), np.float32) for name in chosen], axis=1)
    if joined.size and not -LARGEST <= joined.min() <= joined.max() <= LARGEST:  # false for NaN, too
        check_layers(outputs, chosen)
    return joined


def matching(outputs: Outputs, layers: Sequence[str]) -> list[str]:
    """The vectors whose names match one of the patterns, in order.

    The logarithms of the probabilities (LOG_PROBS) match their own name, and every pattern where there are no vectors.

    >>> matching(Outputs(None, [[0.9, 0.1]]), ["*"])
    ['log_probs']
    """
    wanted = patterns(layers)
    always = {LOG_PROBS} if LOG_PROBS in wanted or not outputs.vectors else set()
    vectors = sorted(always | set(outputs.vectors))
    return [name for name in vectors if name in always or any(fnmatchcase(name, pattern) for pattern in wanted)]


def patterns(layers: Sequence[str]) -> tuple[str, ...]:
    """Patterns of layers as a tuple, also of one alone.

    >>> patterns("hidden")
    ('hidden',)
    """
    return (layers,) if isinstance(layers, str) else tuple(layers)


def widths(outputs: Outputs, layers: Sequence[str]) -> dict[str, int]:
    """Name → length of each vector that matches, in order."""
    return {name: outputs.vector(name).shape[1] for name in matching(outputs, layers)}


def check_like(found: Mapping[str, int], fitted: Mapping[str, int]) -> None:
    """AlignmentError unless both have the same layers of the same widths."""
    if dict(found) != dict(fitted):
        cause = f"are {_shown(found, fitted)}, the corrector was fitted on {_shown(fitted, found)}"
        remedy = "give the features that the corrector was fitted on, or fit it again"
        raise AlignmentError(cause, place="Outputs.vectors", remedy=remedy)


def nothing_differs(outputs: Outputs, layers: Sequence[str]) -> DataError:
    """The error where the features are alike in all pictures."""
    cause = f"the features {', '.join(matching(outputs, layers))} are alike in all {len(outputs)} pictures"
    return DataError(cause, place="Outputs.vectors", remedy="give features that differ, and more pictures")


def _shown(one: Mapping[str, int], other: Mapping[str, int]) -> str:
    """The layers of one that the other lacks or has with another width."""
    apart = [f"{name} ({width} numbers)" for name, width in one.items() if other.get(name) != width]
    return ", ".join(apart[:5]) + (", …" if len(apart) > 5 else "") or "no others"


def check_layers(outputs: Outputs, layers: Sequence[str]) -> None:
    """`check_finite` for the vector layers that match."""
    for name in matching(outputs, layers):
        check_finite(outputs.vector(name), f"Outputs.vectors[{name}]")


def check_finite(values: Floats, place: str) -> None:
    """DataError, with the first rows, where a feature is NaN, infinite or above `LARGEST`; block by block."""
    for start in range(0, len(values), BLOCK):
        block = np.asarray(values[start : start + BLOCK])
        odd = ~np.isfinite(block) if block.dtype.itemsize < 4 else ~(np.abs(block) <= LARGEST)
        if odd.any():
            row = start + int(odd.reshape(len(block), -1).any(1).argmax())
            cause = f"{block[odd][0]} is not finite, or too large (row {row})"
            raise DataError(cause, place=place, remedy="leave these rows out, or correct their values")
