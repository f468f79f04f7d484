"""A fitted corrector in a file: the arrays of its state, as NPZ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.correctors.contract import Corrector, fitted_targets, several
from mien.errors import RunError
from mien.storage.files import read_arrays

REMEDY = "restore the file, or make it again"


def load_corrector(corrector: Corrector, path: Path) -> Corrector:
    """The corrector with the state in a file; RunError where the file is damaged or of another corrector."""
    state, target = read_arrays(path), corrector.target
    if not all(np.isfinite(value).all() for value in state.values() if value.dtype.kind == "f"):
        raise RunError("holds numbers that are not finite", place=str(path), remedy=REMEDY)
    try:
        restored = corrector.restore(state)
        named = tuple(target) if several(target) else () if target is None else (target,)
        if named and fitted_targets(restored) != named:
            raise RunError(f"is of the classes {fitted_targets(restored)}, not of {named}")
        return restored
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, RunError) as error:
        message = [*str(error).splitlines(), type(error).__name__][0]
        cause = f"is not the state of {corrector.name}: {message}"
        raise RunError(cause, place=str(path), remedy=REMEDY) from None
