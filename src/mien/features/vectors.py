"""Taps side by side: one vector a picture."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from mien.errors import DataError
from mien.types import Floats, Outputs


def stack(outputs: Outputs, taps: Sequence[str] = ("*",)) -> Floats:
    """(N, D) features of the vector taps whose names match one of the patterns, in the order of their names.

    Raises
    ------
    DataError : no tap matches; the message names those that there are.

    Examples
    --------
    >>> taps = {"conv1/1": np.zeros((1, 32)), "hidden": np.ones((1, 4))}
    >>> one = Outputs(np.array(["a"]), np.ones((1, 1)), np.array([True]), taps)
    >>> stack(one, ["conv*/1"]).shape
    (1, 32)
    """
    chosen = matching(outputs, taps)
    if not chosen:
        raise DataError(
            f"no feature matches {', '.join(taps)}",
            place="Outputs.features",
            remedy=f"there are: {', '.join(matching(outputs, ('*',))) or 'none'}",
        )
    return np.concatenate([np.asarray(outputs.features[name], np.float32) for name in chosen], axis=1)


def matching(outputs: Outputs, taps: Sequence[str]) -> list[str]:
    """The vector taps whose names match one of the patterns, in order."""
    vectors = sorted(name for name, values in outputs.features.items() if values.ndim == 2)
    return [name for name in vectors if any(fnmatchcase(name, pattern) for pattern in taps)]
