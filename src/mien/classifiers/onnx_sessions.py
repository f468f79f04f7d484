"""ONNX Runtime's sessions for one model: what each of them reads out, and on how many cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from mien.classifiers.graph import Reading
from mien.classifiers.onnx_nodes import EXTRA, AddedNodes
from mien.classifiers.onnx_padding import merge_padding
from mien.errors import RunError
from mien.outside import import_optional, words
from mien.workers import cores_to_use

CONVERT = "convert the model again, with standard operators and with a first axis of free length for the images"
LARGEST = 2**31 - 2**20
"""Bytes above which weights go into a file beside the graph: protobuf has no message of 2 GB."""
SILENT = 4


class Sessions:
    """Sessions of a model, made when they are asked for.

    Parameters
    ----------
    model : an `onnx.ModelProto`. path : of its file, which the session of its own outputs is made of.
    largest : bytes above which a changed model is loaded from two files, see `save_model`.
    """

    def __init__(self, model: Any, path: Path, largest: int = LARGEST) -> None:
        self.model, self.path, self._largest = model, path, largest
        self._onnx, self._runtime = (import_optional(name, name, EXTRA) for name in ("onnx", "onnxruntime"))
        self._made: dict[tuple[tuple[Reading, ...], int], tuple[Any, dict[Reading, str]]] = {}
        self._lock = Lock()

    def of(self, readings: Sequence[Reading]) -> tuple[Any, dict[Reading, str]]:
        """A session that computes these alone, with their names in it; () stands for the model's own outputs.

        It uses one core in a thread that is one of several (`mien.workers.use_one_core`), all cores elsewhere.

        Raises
        ------
        RunError : ONNX Runtime cannot load it.
        """
        key = tuple(sorted(set(readings))), cores_to_use()
        with self._lock:
            if key not in self._made:
                self._made[key] = self._session(*key)
            return self._made[key]

    def _session(self, readings: tuple[Reading, ...], threads: int) -> tuple[Any, dict[Reading, str]]:
        options = self._runtime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = SILENT, threads
        try:
            changed, names = self._with_outputs(readings) if readings else (self._simplified(), {})
            with TemporaryDirectory() as folder:
                path = Path(folder) / "graph.onnx"
                source = self.path if changed is None else save_model(changed, path, self._largest)
                session = self._runtime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has many errors of its own
            raise RunError(
                f"ONNX Runtime cannot load it: {words(error)}", place=str(self.path), remedy=CONVERT
            ) from error
        return session, names

    def _simplified(self) -> Any | None:
        """The model with fewer nodes; None where it has none to spare, or is too large to be written again for that."""
        has_padding = any(node.op_type == "Pad" for node in self.model.graph.node)
        if not has_padding or self.model.ByteSize() > self._largest:
            return None
        model = self._copied()
        return model if merge_padding(model) else None

    def _with_outputs(self, readings: tuple[Reading, ...]) -> tuple[Any, dict[Reading, str]]:
        """The model with these outputs, and their names."""
        model = self._copied()
        nodes = AddedNodes(model)
        names: dict[Reading, str] = {}
        for reading in sorted(readings, key=lambda each: -each.grid):
            finer = [each for each in names if each.array == reading.array and each.is_divided_like(reading)]
            names[reading] = reading.array
            if finer:  # the mean of means, of far fewer numbers than the map has
                names[reading] = nodes.means(names[finer[0]], (finer[0].grid,) * 2, reading.grid)
            elif reading.grid:
                names[reading] = nodes.means(nodes.float(reading.array), reading.sides, reading.grid)
        declared = {value.name: value for value in model.graph.output}
        outputs = [declared.get(name) or self._onnx.ValueInfoProto(name=name) for name in names.values()]
        del model.graph.output[:]
        model.graph.output.extend(outputs)
        merge_padding(model)
        return model, names

    def _copied(self) -> Any:
        model = self._onnx.ModelProto()
        model.CopyFrom(self.model)
        return model


def save_model(model: Any, path: Path, largest: int = LARGEST) -> Path:
    """Write an `onnx.ModelProto`, and return its path; above `largest` bytes, the weights go into `path` + ".data"."""
    onnx = import_optional("onnx", "onnx", EXTRA)
    if model.ByteSize() <= largest:
        onnx.save_model(model, path)
    else:
        copied = onnx.ModelProto()
        copied.CopyFrom(model)  # the weights leave the model that is saved
        onnx.save_model(copied, path, save_as_external_data=True, location=f"{path.name}.data")
    return path
