"""A Python function from outside mien as a graph, named as module:function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.function import code_of
from mien.classifiers.graph import ArrayInfo, LayerInfo
from mien.errors import DataError, UsageError
from mien.types import digest

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
            raise UsageError(f"{error or type(error).__name__}", place=name, remedy=remedy) from error
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
        try:
            answer = self.function(data)
        except Exception as error:  # a function may raise anything
            remedy = "try it on such an array in Python"
            cause = f"raises {type(error).__name__} for an array of shape {data.shape}: {error}"
            raise DataError(cause, place=self.name, remedy=remedy) from error
        probabilities, features = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)
        shown = {OUTPUT: probabilities, FEATURES: features}
        return [np.asarray(shown[name]) for name in names]

    def layers(self, probe: NDArray[Any]) -> tuple[LayerInfo, ...]:
        """The features, if the function gives any."""
        [features] = self.run(probe, [FEATURES])
        if features.ndim != 2 or len(features) != len(probe):
            return ()
        return (LayerInfo(FEATURES, FEATURES, "vector", features.shape[1:]),)
