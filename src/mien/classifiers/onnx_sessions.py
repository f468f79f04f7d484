"""ONNX Runtime's sessions for one model: what each of them reads out, and on how many cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from mien.classifiers.graph import Reading
from mien.classifiers.onnx_nodes import EXTRA, AddedNodes
from mien.classifiers.onnx_padding import merge_padding
from mien.errors import RunError
from mien.outside import import_optional
from mien.workers import cores_to_use

CONVERT = "convert the model again, with standard operators and with a first axis of free length for the images"
LARGEST = 2**31 - 2**20
"""Bytes above which weights go into a file beside the graph: protobuf has no message of 2 GB."""
MOST_WORDS = 300
"""Characters of a message of ONNX Runtime that are shown."""
SILENT = 4


class Sessions:
    """Sessions of a model, made when they are asked for.

    Parameters
    ----------
    model : an `onnx.ModelProto`. path : of its file, which the session of its own outputs is made of.
    """

    def __init__(self, model: Any, path: Path) -> None:
        self.model, self.path = model, path
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
            source, names = self._with_outputs(readings) if readings else (self._whole(), {})
            return self._runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"]), names
        except Exception as error:  # the runtime has many errors of its own
            raise RunError(
                f"ONNX Runtime cannot load it: {words(error)}", place=str(self.path), remedy=CONVERT
            ) from error

    def _whole(self) -> bytes | str:
        """The model as bytes where it can be simplified, else the path of its file, which may be of any size."""
        has_padding = any(node.op_type == "Pad" for node in self.model.graph.node)
        if not has_padding or self.model.ByteSize() > LARGEST:
            return str(self.path)
        model = self._onnx.ModelProto()
        model.CopyFrom(self.model)
        return bytes(model.SerializeToString()) if merge_padding(model) else str(self.path)

    def _with_outputs(self, readings: tuple[Reading, ...]) -> tuple[bytes, dict[Reading, str]]:
        """The model as bytes, with these outputs, and their names."""
        model = self._onnx.ModelProto()
        model.CopyFrom(self.model)
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
        return model.SerializeToString(), names


def words(error: Exception) -> str:
    """The first line of a message, of printable characters."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return "".join(sign for sign in lines[0] if sign.isprintable())[:MOST_WORDS]
