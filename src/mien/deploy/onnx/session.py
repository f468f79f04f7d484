"""Graphs in ONNX Runtime, and as files that appear whole."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.deploy.onnx.nodes import onnx_library
from mien.outside import import_optional
from mien.storage.files import storage_errors

Arrays = dict[str, NDArray[Any]]
BATCH = 256
LARGEST = 2**31 - 2**20
"""Bytes above which weights go into a file beside the graph: protobuf has no message of 2 GB."""
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
            path = _written(model, Path(folder) / "graph.onnx", largest)
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(value.name for value in self._session.get_inputs())
        self.outputs = tuple(value.name for value in self._session.get_outputs())

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> Arrays:
        """All outputs for arrays with N rows each, some hundred rows at a time."""
        rows = len(next(iter(feeds.values())))
        parts = []
        for start in range(0, max(rows, 1), BATCH):
            part = {name: np.ascontiguousarray(values[start : start + BATCH]) for name, values in feeds.items()}
            parts.append(self._session.run(None, part))
        return {name: np.concatenate(arrays) for name, *arrays in zip(self.outputs, *parts, strict=True)}


def write_model(model: Any, path: Path, largest: int = LARGEST) -> list[Path]:
    """Write a graph so that it appears whole, and return its files.

    Parameters
    ----------
    largest : bytes above which the weights go into the file `path` + ".data", which must stay beside it.
    """
    with storage_errors(path):
        folder = Path(mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            _written(model, folder / path.name, largest)
            files = sorted(folder.iterdir(), reverse=True)  # the graph last: with it all is there
            for file in files:
                file.replace(path.parent / file.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return [path.parent / file.name for file in reversed(files)]


def _written(model: Any, path: Path, largest: int) -> Path:
    library = onnx_library()
    if model.ByteSize() <= largest:
        library.save_model(model, path)
    else:
        copied = library.ModelProto()
        copied.CopyFrom(model)  # the weights leave the model that is saved
        library.save_model(copied, path, save_as_external_data=True, location=f"{path.name}.data")
    return path
