"""An ONNX file as a graph: its input, its outputs, and any array inside it. ONNX Runtime runs it, without torch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.graph import ArrayInfo, LayerInfo, Reading
from mien.classifiers.onnx_layers import array_names, onnx_layers
from mien.classifiers.onnx_nodes import EXTRA
from mien.classifiers.onnx_sessions import LARGEST, Sessions
from mien.errors import DataError, RunError, UsageError
from mien.outside import MOST_WORDS, import_optional, words
from mien.workers import use_one_core

NUMBERS = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(uint8)": "uint8"
}  # fmt: skip
"""ONNX Runtime's name of a type → NumPy's, of the arrays that a classifier may read."""
OF_ALL_ROWS = ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM")
"""Operators whose scale follows from all rows that are read together."""
SHAPED = ("Reshape", "Expand", "Tile", "ConstantOfShape")
"""Operators whose last input is the shape of their output, or factors of it."""
MOST_NUMBERS, MOST_SIDES = 2**40, 8
CHUNK = 2**20


class OnnxGraph:
    """A model in an ONNX file.

    Parameters
    ----------
    path : of the file; data that lie beside it must be in its folder.
    largest : bytes above which numbers are not kept in one file with the operators.

    Raises
    ------
    RunError : it is missing, damaged, or has operators that ONNX Runtime does not know. UsageError : it reads no array
        of numbers, or several. MissingExtraError : without the packages onnx and onnxruntime.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self.path = Path(path)
        self._onnx = import_optional("onnx", "onnx", EXTRA)
        if not self.path.is_file():
            raise RunError("no such file", place=str(self.path), remedy="give the path of an ONNX file")
        try:
            self.model = self._onnx.load(str(self.path), load_external_data=False)
            if not self.model.graph.node:
                raise ValueError("no operators")
        except Exception as error:  # protobuf raises its own errors
            raise RunError(
                "is no ONNX file, or a damaged one", place=str(self.path), remedy="fetch it again"
            ) from error
        self._check_shapes()
        self.files = (self.path, *self._external())
        if len(self.files) > 1:
            self._load_external()
        self._sessions = Sessions(self.model, self.path, largest)
        self.input = self._only_input()
        self.outputs = tuple(map(_info, self._sessions.of(())[0].get_outputs()))

    def _check_shapes(self) -> None:
        """Refuse an array of more numbers than any model has: ONNX Runtime up to 1.23 does not return from it."""
        tensors = {tensor.name: tensor for tensor in self.model.graph.initializer}
        for node in self.model.graph.node:
            for each in node.attribute if node.op_type == "Constant" and node.output else ():
                if each.name == "value":
                    tensors[node.output[0]] = each.t
        constants = {
            name: tensor
            for name, tensor in tensors.items()
            if tensor.data_type == self._onnx.TensorProto.INT64 and (tensor.raw_data or tensor.int64_data)
        }
        for node in self.model.graph.node:
            named = constants.get(node.input[-1]) if node.op_type in SHAPED and node.input else None
            sides = [] if named is None else self._onnx.numpy_helper.to_array(named).ravel().tolist()
            if math.prod(side for side in sides if side > 0) > MOST_NUMBERS:
                cause = f"is damaged: its operator {node.op_type} asks for an array of the sides {sides[:MOST_SIDES]}"
                raise RunError(cause, place=str(self.path), remedy="fetch it again")

    @cached_property
    def id(self) -> str:
        """Digest of the bytes of its files."""
        state = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    state.update(chunk)
        return state.hexdigest()[:16]

    @property
    def metadata(self) -> dict[str, str]:
        """Texts in the file that describe the model."""
        return {entry.key: entry.value for entry in self.model.metadata_props}

    @property
    def opset(self) -> int:
        """Version of the standard operators that it uses."""
        return max((entry.version for entry in self.model.opset_import if entry.domain in ("", "ai.onnx")), default=0)

    prepare_thread = staticmethod(use_one_core)
    """Called once in each thread that asks for outputs: many threads with one core each are fastest."""

    def run(self, data: NDArray[Any], names: Sequence[str]) -> list[Any]:
        """The arrays of these names, outputs or others inside the graph, for one array that the graph reads.

        Raises
        ------
        DataError : ONNX Runtime refuses the array.
        """
        return self.read(data, [Reading(name) for name in names])

    def read(self, data: NDArray[Any], readings: Sequence[Reading]) -> list[Any]:
        """What is read out of the graph for one array, see `mien.classifiers.graph.read_out`; errors as of `run`."""
        outputs = {Reading(info.name) for info in self.outputs}
        session, names = self._sessions.of([] if set(readings) <= outputs else readings)
        asked = [names.get(reading, reading.array) for reading in readings]
        try:
            values = session.run(asked, {self.input.name: data})
        except Exception as error:  # the runtime has many errors of its own
            raise DataError(
                f"ONNX Runtime refuses an array of shape {data.shape}: {words(error)}", place=str(self.path),
                remedy="declare the form that the model reads: size, colours, layout",
            ) from error  # fmt: skip
        return [
            value.reshape(len(value), -1) if reading.grid else value
            for reading, value in zip(readings, values, strict=True)
        ]

    @cached_property
    def row_by_row(self) -> bool:
        """Whether it must read one row at a time, since its answers for a row depend on the others beside it."""
        nodes = (*self.model.graph.node, *(node for function in self.model.functions for node in function.node))
        return any(node.op_type in OF_ALL_ROWS for node in nodes)

    def layers(self, probe: NDArray[Any], rows: int) -> tuple[LayerInfo, ...]:
        """The arrays inside the graph that a corrector may learn on, found by their shapes for a probe.

        An array that changes the graph's own outputs by more than rounding when it is read is left out: ONNX Runtime
        joins operators of 8 bits only where nothing reads what is between them.
        """
        nodes = self.model.graph.node
        names = array_names(nodes)
        shown = dict(zip(names, self._inside(probe, names), strict=True))
        layers = onnx_layers(nodes, shown, rows)
        outputs = [info.name for info in self.outputs]
        before = self.run(probe, outputs)

        def keeps(*layers: LayerInfo) -> bool:
            after = self.run(probe, [*outputs, *(layer.array for layer in layers)])
            return all(map(_is_near, before, after))

        return layers if keeps(*layers) else tuple(layer for layer in layers if keeps(layer))

    def _inside(self, probe: NDArray[Any], names: Sequence[str]) -> list[Any]:
        """Values of all these arrays; none where the graph cannot show them."""
        try:
            return self.run(probe, names) if names else []
        except (RunError, DataError):
            return [None] * len(names)

    def _only_input(self) -> ArrayInfo:
        inputs = [_info(value) for value in self._sessions.of(())[0].get_inputs()]
        if len(inputs) != 1:
            names = ", ".join(info.name for info in inputs) or "none"
            cause = f"reads {len(inputs)} arrays: {names}"
            raise UsageError(cause, place=str(self.path), remedy="give a model that reads one array of images or rows")
        if not inputs[0].dtype:
            [value] = self._sessions.of(())[0].get_inputs()
            cause = f"its input {value.name[:MOST_WORDS]!r} is a {value.type}"
            remedy = f"convert the model again, so that it reads {', '.join(NUMBERS.values())}"
            raise UsageError(cause, place=str(self.path), remedy=remedy)
        return inputs[0]

    def _load_external(self) -> None:
        """Read the numbers in the files beside it."""
        library, kinds = self._onnx.external_data_helper, self._onnx.TensorProto
        outside = [tensor for tensor in library._get_all_tensors(self.model) if library.uses_external_data(tensor)]
        bytes_of = {kinds.FLOAT: 4, kinds.FLOAT16: 2, kinds.DOUBLE: 8, kinds.INT64: 8, kinds.INT32: 4, kinds.INT8: 1}
        try:
            library.load_external_data_for_model(self.model, str(self.path.parent))
            for tensor in outside:  # earlier versions of onnx take less than there ought to be
                if len(tensor.raw_data) < math.prod(tensor.dims) * bytes_of.get(tensor.data_type, 0):
                    raise ValueError(f"{tensor.name} has {len(tensor.raw_data)} bytes")
        except Exception as error:  # the library raises what comes
            shown = ", ".join(file.name for file in self.files[1:])
            raise RunError(
                f"its data file {shown} does not fit it: {words(error)}", place=str(self.path),
                remedy="fetch both again, or save the model again",
            ) from error  # fmt: skip

    def _external(self) -> Iterator[Path]:
        """Files beside it that hold its numbers; each must lie in its folder."""
        folder = self.path.parent.resolve()
        places = {
            entry.value
            for tensor in self._onnx.external_data_helper._get_all_tensors(self.model)
            if self._onnx.external_data_helper.uses_external_data(tensor)
            for entry in tensor.external_data
            if entry.key == "location"
        }
        for place in sorted(places):
            try:
                file = (folder / place).resolve()
            except (OSError, ValueError, RuntimeError):
                remedy = "save the model again, with its data beside it"
                raise RunError(
                    f"its data file has an impossible name: {place[:MOST_WORDS]!r}", place=str(self.path), remedy=remedy
                ) from None
            if not file.is_relative_to(folder):
                remedy = "save the model again, with its data in one folder"
                raise RunError(
                    f"its data lie outside its folder: {place[:MOST_WORDS]!r}", place=str(self.path), remedy=remedy
                )
            if not file.is_file():
                remedy = "copy the file with the data, too"
                raise RunError(f"its data file {place[:MOST_WORDS]!r} is missing", place=str(self.path), remedy=remedy)
            yield file


def _is_near(before: Any, after: Any) -> bool:
    """Whether an output of floats is the same, but for rounding; others count as the same."""
    is_float = isinstance(before, np.ndarray) and before.dtype.kind == "f"
    return not is_float or np.allclose(before, after, rtol=1e-3, atol=1e-4, equal_nan=True)


def _info(value: Any) -> ArrayInfo:
    sides = tuple(side if isinstance(side, int) and side > 0 else 0 for side in value.shape or ())
    return ArrayInfo(value.name, sides, NUMBERS.get(value.type, ""))
