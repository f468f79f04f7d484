"""Graphs in ONNX Runtime, and as files that appear whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, GraphClassifier
from mien.classifiers.onnx_sessions import LARGEST, save_model
from mien.classifiers.rows import as_rows
from mien.outside import import_optional
from mien.storage.files import storage_errors

Arrays = dict[str, NDArray[Any]]
BATCH = 256
ERRORS_ONLY = 3


class Session:
    """A graph that ONNX Runtime computes on the CPU.

    Parameters
    ----------
    model : an `onnx.ModelProto`, of any size.
    """

    def __init__(self, model: Any, largest: int = LARGEST) -> None:
        runtime = import_optional("onnxruntime", "onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        with TemporaryDirectory() as folder:
            path = save_model(model, Path(folder) / "graph.onnx", largest)
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(value.name for value in self._session.get_inputs())
        self.outputs = tuple(value.name for value in self._session.get_outputs())

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs for arrays with N rows each, some hundred rows at a time."""
        rows = len(next(iter(feeds.values())))
        parts = ({name: values[start : start + BATCH] for name, values in feeds.items()} for start in _starts(rows))
        return self._joined(parts)

    def answer(self, classifier: GraphClassifier, batch: Batch) -> Arrays:
        """All outputs of the graph of a classifier for a batch, which becomes what the graph reads."""
        [name] = self.inputs
        rows, count = np.arange(len(batch)), min(BATCH, getattr(classifier, "rows_at_once", BATCH))
        chunks = (batch.take(rows[start : start + count]) for start in range(0, max(len(batch), 1), count))
        return self._joined({name: classifier.graph_input(chunk)} for chunk in chunks)

    def _joined(self, feeds: Iterable[Mapping[str, NDArray[Any]]]) -> Arrays:
        parts = [
            self._session.run(None, {name: np.ascontiguousarray(values) for name, values in part.items()})
            for part in feeds
        ]
        return {
            name: np.concatenate([as_rows(array) for array in arrays])
            for name, *arrays in zip(self.outputs, *parts, strict=True)
        }


def _starts(rows: int) -> range:
    return range(0, max(rows, 1), BATCH)


def write_model(model: Any, path: Path, largest: int = LARGEST) -> list[Path]:
    """Write a graph so that it appears whole, and return its files.

    Parameters
    ----------
    largest : bytes above which the weights go into the file `path` + ".data", which must stay beside it.
    """
    with storage_errors(path):
        folder = Path(mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            save_model(model, folder / path.name, largest)
            files = sorted(folder.iterdir(), reverse=True)  # the graph last: with it all is there
            for file in files:
                file.replace(path.parent / file.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return [path.parent / file.name for file in reversed(files)]
