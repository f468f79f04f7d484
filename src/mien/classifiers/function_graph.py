"""A Python function from outside mien as a graph, named as module:function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.function import answer_of, code_of
from mien.classifiers.graph import ArrayInfo, LayerInfo
from mien.errors import DataError, UsageError
from mien.outside import words
from mien.types import as_array, digest

OUTPUT, FEATURES = "probabilities", "features"


class FunctionGraph:
    """A function from one array to probabilities, or to probabilities and one array of features.

    Parameters
    ----------
    name : "module:function".

    Raises
    ------
    UsageError : there is no such function.
    """

    to_onnx = "convert the model that the function calls to ONNX"
    """How such a model becomes an ONNX file."""

    files = ()

    def __init__(self, name: str) -> None:
        self.name = name
        module, _, function = name.partition(":")
        try:
            self.function: Callable[..., Any] = getattr(import_module(module), function)
        except (Exception, SystemExit) as error:  # an import runs code, which may raise anything
            remedy = "give module:function of a function that can be imported"
            raise UsageError(words(error), place=name, remedy=remedy) from error
        if not callable(self.function):
            raise UsageError("is no function", place=name, remedy="give module:function")
        self.input = ArrayInfo("input")
        self.outputs: tuple[ArrayInfo, ...] = (ArrayInfo(OUTPUT),)

    @property
    def id(self) -> str:
        """Digest of the function's name and code; what it reads from elsewhere is no part of it."""
        return digest("function", self.name, code_of(self.function))

    def run(self, data: NDArray[Any], names: Sequence[str]) -> list[Any]:
        """What the function gives for some rows; DataError where it raises."""
        shown = dict(zip((OUTPUT, FEATURES), answer_of(self.function, data, self.name), strict=True))
        arrays = [as_array(shown[name], f"{name} of {self.name}") for name in names]
        return [array.astype(np.float32) if array.dtype.kind in "bi" else array for array in arrays]

    def layers(self, probe: NDArray[Any], rows: int) -> tuple[LayerInfo, ...]:
        """The features, if the function gives any; DataError where they are no rows of numbers."""
        if answer_of(self.function, probe, self.name)[1] is None:
            return ()
        [features] = self.run(probe, [FEATURES])
        if features.ndim != 2 or len(features) != rows or features.dtype.kind != "f":
            cause = f"gives features of shape {features.shape} and type {features.dtype} for {rows} rows"
            raise DataError(cause, place=self.name, remedy=f"return features as one array ({rows}, D) of numbers")
        return (LayerInfo(FEATURES, FEATURES, "vector", features.shape[1:]),)
