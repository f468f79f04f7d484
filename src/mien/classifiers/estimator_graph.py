"""A fitted scikit-learn estimator in a skops file, as a graph. Only types that skops trusts are loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.graph import ArrayInfo, LayerInfo
from mien.errors import DataError, RunError, UsageError
from mien.outside import import_optional, words

OUTPUT = "probabilities"
MOST_NAMES = 5


class EstimatorGraph:
    """An estimator with `predict_proba`, in a file that skops wrote.

    Parameters
    ----------
    path : of the file.

    Raises
    ------
    RunError : it is missing, damaged, or has types that skops does not trust. UsageError : it gives no probabilities.
    MissingExtraError : without the package skops.
    """

    to_onnx = "convert the estimator with skl2onnx.to_onnx"
    """How such a model becomes an ONNX file."""

    def __init__(self, path: Path) -> None:
        self.path, io = Path(path), import_optional("skops.io", "skops", "foreign")
        self.files = (self.path,)
        if not self.path.is_file():
            raise RunError("no such file", place=str(path), remedy="give the path of a file that skops.io.dump wrote")
        try:
            unknown = io.get_untrusted_types(file=self.path)
            if unknown:
                shown = ", ".join(map(str, unknown[:MOST_NAMES]))
                raise RunError(
                    f"has types that may run code when they are loaded: {shown}", place=str(path),
                    remedy="export it to ONNX with skl2onnx, or hand it over in Python: mien.open(estimator)",
                )  # fmt: skip
            self.estimator = io.load(self.path, trusted=[])
        except RunError:
            raise
        except Exception as error:  # a damaged archive raises anything
            remedy = "write it again with skops.io.dump"
            raise RunError("is no file of skops, or a damaged one", place=str(path), remedy=remedy) from error
        if not hasattr(self.estimator, "predict_proba") or not hasattr(self.estimator, "classes_"):
            remedy = "save a fitted estimator with predict_proba"
            raise UsageError("gives no probabilities", place=str(path), remedy=remedy)
        self.classes = tuple(map(str, np.asarray(self.estimator.classes_).tolist()))
        width = int(getattr(self.estimator, "n_features_in_", 0))
        self.input = ArrayInfo("inputs", (0, width), "float64")
        self.outputs: tuple[ArrayInfo, ...] = (ArrayInfo(OUTPUT, (0, len(self.classes)), "float64"),)

    @cached_property
    def id(self) -> str:
        """Digest of the bytes of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    def run(self, data: NDArray[Any], names: Sequence[str]) -> list[Any]:
        """The probabilities of some rows; DataError where the estimator refuses them."""
        try:
            probabilities = self.estimator.predict_proba(data)
        except Exception as error:  # an estimator may raise anything
            remedy = "give rows of the form that it was fitted on"
            raise DataError(
                f"the estimator refuses them: {words(error)}", place=str(self.path), remedy=remedy
            ) from error
        return [probabilities for _ in names]

    def layers(self, probe: NDArray[Any], rows: int) -> tuple[LayerInfo, ...]:
        """None: an estimator shows no layers. Correctors learn on its inputs."""
        return ()
