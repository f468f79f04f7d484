"""Concatenate layers to one feature vector per picture, and check their values and widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from mien.errors import AlignmentError, DataError
from mien.types import LOG_PROBS, Floats, Outputs

BLOCK = 1024
"""Rows checked at a time, so that memory-mapped features are not loaded as a whole."""
LARGEST = 1e37
"""Largest absolute value of a feature; sums and squares of larger values overflow float32."""


def stack(outputs: Outputs, layers: Sequence[str] = ("*",), like: Mapping[str, int] | None = None) -> Floats:
    """Concatenate the layers that match one of the patterns to (N, D) float32 features, in the order of their names.

    Parameters
    ----------
    layers : patterns of layer names.
    like : required widths of the layers (see `widths`), such as those a corrector was fitted on.

    Raises
    ------
    DataError : no layer matches, or a value is not finite; the message names the layers or the row.
    AlignmentError : the layers or their widths differ from `like`.

    Examples
    --------
    >>> layers = {"conv1/1": np.zeros((1, 32)), "hidden": np.ones((1, 4))}
    >>> outputs = Outputs(None, [[1.0]], [True], layers)
    >>> stack(outputs, ["conv*/1"]).shape
    (1, 32)
    """
    chosen = matching(outputs, layers)
    if not chosen:
        available = ", ".join([*matching(outputs, ("*",)), LOG_PROBS])
        cause = f"no feature matches {', '.join(patterns(layers))}"
        raise DataError(cause, place="Outputs.vectors", remedy=f"choose among {available}")
    if like and (given := widths(outputs, layers)) != dict(like):
        cause = f"are {_differing(given, like)}, the corrector was fitted on {_differing(like, given)}"
        remedy = "give the features that the corrector was fitted on, or fit it again"
        raise AlignmentError(cause, place="Outputs.vectors", remedy=remedy)
    with np.errstate(over="ignore"):  # values too large for float32 are refused below
        joined = np.concatenate([np.asarray(outputs.vector(name), np.float32) for name in chosen], axis=1)
    if joined.size and not -LARGEST <= joined.min() <= joined.max() <= LARGEST:  # false for NaN, too
        check_layers(outputs, chosen)
    return joined


def matching(outputs: Outputs, layers: Sequence[str]) -> list[str]:
    """Sorted names of the vector layers that match one of the patterns.

    The log-probabilities (LOG_PROBS) match their own name, and every pattern where there are no vector layers.

    >>> matching(Outputs(None, [[0.9, 0.1]]), ["*"])
    ['log_probs']
    """
    wanted = patterns(layers)
    always = {LOG_PROBS} if LOG_PROBS in wanted or not outputs.vectors else set()
    vectors = sorted(always | set(outputs.vectors))
    return [name for name in vectors if name in always or any(fnmatchcase(name, pattern) for pattern in wanted)]


def patterns(layers: Sequence[str]) -> tuple[str, ...]:
    """Patterns of layer names as a tuple; a single string is one pattern.

    >>> patterns("hidden")
    ('hidden',)
    """
    return (layers,) if isinstance(layers, str) else tuple(layers)


def widths(outputs: Outputs, layers: Sequence[str]) -> dict[str, int]:
    """Name → width of each vector layer that matches, sorted by name."""
    return {name: outputs.vector(name).shape[1] for name in matching(outputs, layers)}


def no_variation_error(outputs: Outputs, layers: Sequence[str]) -> DataError:
    """Return the error for features that are the same for all pictures."""
    cause = f"the features {', '.join(matching(outputs, layers))} are the same for all {len(outputs)} pictures"
    return DataError(cause, place="Outputs.vectors", remedy="give features that differ, or more pictures")


def _differing(widths: Mapping[str, int], other: Mapping[str, int]) -> str:
    """Names and widths of the layers that the other mapping lacks or has with another width."""
    different = [f"{name} (width {width})" for name, width in widths.items() if other.get(name) != width]
    return ", ".join(different[:5]) + (", …" if len(different) > 5 else "") or "no others"


def check_layers(outputs: Outputs, layers: Sequence[str]) -> None:
    """Apply `check_finite` to each vector layer that matches one of the patterns."""
    for name in matching(outputs, layers):
        check_finite(outputs.vector(name), f"Outputs.vectors[{name}]")


def check_finite(values: Floats, place: str) -> None:
    """Raise DataError, with the first row, where a feature is NaN, infinite or above `LARGEST`."""
    for start in range(0, len(values), BLOCK):
        block = np.asarray(values[start : start + BLOCK])
        odd = ~np.isfinite(block) if block.dtype.itemsize < 4 else ~(np.abs(block) <= LARGEST)
        if odd.any():
            row = start + int(odd.reshape(len(block), -1).any(1).argmax())
            cause = f"{block[odd][0]} in row {row} is not finite, or too large"
            raise DataError(cause, place=place, remedy="leave these rows out, or correct their values")
