"""An ONNX model of a classifier, with the networks whose features it borrows: one graph that reads one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.classifiers.borrowing import Encoder
from mien.classifiers.contract import ImageSpec
from mien.classifiers.declaration import PIXELS as OF_MODEL
from mien.classifiers.onnx_nodes import EXTRA, AddedNodes
from mien.classifiers.onnx_readout import with_readout
from mien.classifiers.onnx_surgery import OWN, at_opset
from mien.classifiers.resizing import LUMA, resampling
from mien.classifiers.tensors import PER_IMAGE
from mien.errors import UsageError
from mien.outside import import_optional, words
from mien.types import FeatureRequest

PIXELS = f"maps/{OF_MODEL}"
"""Output of a model with its pictures: (N, 1, C, H, W) from 0 to 1."""


def with_encoders(model: Any, inputs: ImageSpec, encoders: Sequence[Encoder], request: FeatureRequest) -> Any:
    """A copy of a model that also gives the requested features of encoders, as "features/NAME/LAYER".

    Parameters
    ----------
    model : with the output PIXELS, which is taken away, or an input of uint8 pictures (N, S, S) or (N, S, S, 3).
    inputs : the pictures that it reads.

    Raises
    ------
    UsageError : they cannot be one graph.
    """
    nodes = _Pictures(model, inputs)
    for encoder in encoders:
        names = encoder.wanted(request)
        if names:
            model = _merged(model, _features(encoder, names), nodes.as_read_by(encoder))
            nodes.model = model
    for value in [value for value in model.graph.output if value.name == PIXELS]:
        model.graph.output.remove(value)
    return model


def _features(encoder: Encoder, names: Sequence[str]) -> Any:
    """The model of an encoder with its features alone as outputs, and its name before all names."""
    onnx = import_optional("onnx", "onnx", EXTRA)
    model = with_readout(encoder.network.graph, encoder.network.declared, FeatureRequest(vectors=tuple(names)))  # type: ignore[arg-type]
    wanted = [f"features/{name}" for name in names]
    for value in [value for value in model.graph.output if value.name not in wanted]:
        model.graph.output.remove(value)
    prefix = f"{OWN}{encoder.name}/"
    model = onnx.compose.add_prefix(model, prefix)
    for value, name in zip(model.graph.output, names, strict=True):
        before, value.name = value.name, f"features/{encoder.name}/{name}"
        for node in model.graph.node:
            node.output[:] = [value.name if each == before else each for each in node.output]
    return model


def _merged(model: Any, encoder: Any, picture: str) -> Any:
    """Both as one graph, the encoder behind an array of the model."""
    onnx = import_optional("onnx", "onnx", EXTRA)
    latest = max(entry.version for each in (model, encoder) for entry in each.opset_import if not entry.domain)
    kind = encoder.graph.input[0].type.tensor_type.elem_type
    model.graph.output.append(onnx.helper.make_tensor_value_info(picture, kind, None))
    outputs = [value.name for value in (*model.graph.output, *encoder.graph.output) if value.name != picture]
    try:
        first, second = at_opset(model, latest), at_opset(encoder, latest)
        first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
        pairs = [(picture, second.graph.input[0].name)]
        return onnx.compose.merge_models(first, second, io_map=pairs, outputs=outputs)
    except Exception as error:  # of the converter and of compose, without a common base
        cause = f"the classifier and the network that it borrows from cannot become one graph: {words(error)}"
        remedy = "export the corrector alone: --patch-only"
        raise UsageError(cause, place="--onnx", remedy=remedy) from None


class _Pictures(AddedNodes):
    """Nodes that make of a model's pictures what an encoder reads, as `mien.classifiers.resizing` does."""

    def __init__(self, model: Any, inputs: ImageSpec) -> None:
        super().__init__(model)
        self.inputs = inputs

    def _pictures(self) -> str:
        """(N, C, S, S) float32 from 0 to 255: the output PIXELS or, where there is none, the input, which is uint8."""
        if PIXELS in [value.name for value in self.model.graph.output]:
            return self("Mul", self("Squeeze", PIXELS, self.constant([1], np.int64)), self.constant(255.0))
        values = self.float(self.model.graph.input[0].name)
        if self.inputs.colour:
            return self("Transpose", values, perm=[0, 3, 1, 2])
        return self("Unsqueeze", values, self.constant([1], np.int64))

    def as_read_by(self, encoder: Encoder) -> str:
        """The array that the encoder reads; its scaling, order of colours, layout and type are as declared."""
        spec, tensor = encoder.inputs, encoder.inputs.tensor
        assert tensor is not None
        if tensor.scaling == PER_IMAGE:
            cause = f"the network {encoder.name!r} reads pictures that are standardised one by one"
            raise UsageError(cause, place="--onnx", remedy="export the corrector alone: --patch-only")
        values = self._pictures()
        if self.inputs.colour and not spec.colour:
            values = self("ReduceSum", self("Mul", values, self.constant(np.reshape(LUMA, (1, 3, 1, 1)))),
                          self.constant([1], np.int64), keepdims=1)  # fmt: skip
        weights = resampling(self.inputs.size, spec.size)
        values = self("MatMul", self("MatMul", self.constant(weights), values), self.constant(weights.T))
        if tensor.channels == 3 and not (self.inputs.colour and spec.colour):
            values = self("Concat", values, values, values, axis=1)
        shift, factor = (self.constant(np.reshape(part, (1, -1, 1, 1))) for part in tensor.shift_and_factor)
        values = self("Div", self("Sub", values, shift), factor)
        if tensor.order == "bgr":
            values = self("Gather", values, self.constant([2, 1, 0], np.int64), axis=1)
        if tensor.layout in ("nhwc", "flat"):
            values = self("Transpose", values, perm=[0, 2, 3, 1])
        if tensor.layout == "nhw":
            values = self("Squeeze", values, self.constant([1], np.int64))
        elif tensor.layout == "flat":
            values = self("Flatten", values, axis=1)
        values = self("Round", values) if tensor.dtype == "uint8" else values
        return self("Cast", values, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)))
