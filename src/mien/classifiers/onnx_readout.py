"""An ONNX model from elsewhere with more outputs: its probabilities, and the layers that correctors read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import DECISIONS, ImageSpec, TableSpec
from mien.classifiers.declaration import (
    GRIDS,
    INDEPENDENT,
    INPUTS,
    LOGITS,
    NONE,
    PIXELS,
    PROBABILITIES,
    Declaration,
)  # fmt: skip
from mien.classifiers.declare import random_rows
from mien.classifiers.onnx_graph import OnnxGraph
from mien.classifiers.onnx_nodes import EXTRA, PREFIX, AddedNodes
from mien.classifiers.onnx_sessions import save_model
from mien.classifiers.onnx_surgery import AGAIN, OPSET, rename, upgraded, with_free_rows
from mien.classifiers.rows import BatchRule, as_rows
from mien.classifiers.tensors import PER_IMAGE
from mien.errors import MienError, UsageError
from mien.outside import import_optional
from mien.types import FeatureRequest

FREE = "export the model with a first axis of free length, adopt that file, and make the patch again"
ANOTHER = "make the patch again with a corrector on a layer of the classifier, such as nystroem"


def with_readout(graph: OnnxGraph, declared: Declaration, request: FeatureRequest) -> Any:
    """A copy of a model that also gives `probabilities` and the requested features.

    Its own outputs keep their names. One that is named as another output of the graph becomes "f/NAME".

    Parameters
    ----------
    declared : the form of its input and its answers. request : the features, named as `GraphClassifier` has them.

    Raises
    ------
    UsageError : the model cannot be changed in this way, or has not what is requested.
    """
    rule = BatchRule.of(graph, declared.inputs)
    if rule.bare:
        cause = "reads one picture without an axis for several, and its patch reads many"
        raise UsageError(cause, place=str(graph.path), remedy=FREE)
    model = upgraded(graph)
    if rule.fixed:
        with_free_rows(model)
    is_shown = declared.answers == NONE or _shows_probabilities(model, declared)
    reserved = {*DECISIONS, *([] if is_shown else [PROBABILITIES])}
    ends = {value.name for value in (*model.graph.input, *model.graph.output)}
    readout = _Readout(model, declared, rename(model, {name for name in ends if not _is_taken(name, reserved)}))
    if not is_shown:
        readout.show(PROBABILITIES, readout.probabilities(), (len(declared.classes),))
    readout.show_features(request)
    _check_answers(graph, model, declared, rule)
    return model


def _is_taken(name: str, reserved: Collection[str]) -> bool:
    return name in reserved or name.startswith(("features/", "maps/"))


def _shows_probabilities(model: Any, declared: Declaration) -> bool:
    """Whether an output of the model is already what `probabilities` is to be."""
    float32 = import_optional("onnx", "onnx", EXTRA).TensorProto.FLOAT
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.output}
    return declared.output == PROBABILITIES == declared.answers and kinds[PROBABILITIES] == float32


def _check_answers(graph: OnnxGraph, model: Any, declared: Declaration, rule: BatchRule) -> None:
    """Hold the outputs of the changed model against those of the file, for random rows.

    Both must be the same bit by bit. Where the file reads a fixed number of rows, all rows together must be answered as
    in parts, but for rounding.

    Raises
    ------
    UsageError : the changes would change its answers.
    """
    names, parts = [info.name for info in graph.outputs], 3 if rule.fixed else 1
    rows, place = random_rows(graph, declared.inputs, parts), str(graph.path)
    with TemporaryDirectory() as folder:
        path = save_model(model, Path(folder) / "model.onnx")
        try:
            changed = OnnxGraph(path)
            renamed = [info.name for info in changed.outputs][: len(names)]
            before, after = ([each.run(part, shown) for part in np.split(rows, parts)]
                             for each, shown in ((graph, names), (changed, renamed)))  # fmt: skip
        except MienError as error:
            raise UsageError(f"cannot be changed: {error.cause}", place=place, remedy=AGAIN) from None
    for old, new in zip(before, after, strict=True):
        for name, *pair in zip(names, old, new, strict=True):
            if not _is_same(*map(as_rows, pair)):
                cause = f"its output {name!r} would not stay the same bit by bit in this version of ONNX Runtime"
                raise UsageError(cause, place=place, remedy=AGAIN)
    if rule.fixed and not _answers_together(changed, rows, renamed, before):
        cause = f"its inside has room for {rule.rows} rows, and its patch reads any number"
        raise UsageError(cause, place=place, remedy=FREE)


def _answers_together(changed: OnnxGraph, rows: NDArray[Any], names: Sequence[str], before: Sequence[Any]) -> bool:
    """Whether all rows at once are answered as in parts."""
    try:
        whole = changed.run(rows, names)
    except MienError:
        return False
    joined = [np.concatenate([as_rows(part) for part in parts]) for parts in zip(*before, strict=True)]
    return all(_is_near(old, as_rows(new)) for old, new in zip(joined, whole, strict=True))


def _is_same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _is_near(first: NDArray[Any], second: NDArray[Any]) -> bool:
    if first.shape != second.shape or first.dtype.kind != "f":
        return np.array_equal(first, second)
    return np.allclose(first, second, rtol=1e-3, atol=1e-4, equal_nan=True)


class _Readout(AddedNodes):
    """Nodes for probabilities and features.

    Parameters
    ----------
    inner : name of an array in the file → its name in the model.
    """

    def __init__(self, model: Any, declared: Declaration, inner: dict[str, str]) -> None:
        super().__init__(model)
        self.declared, self.inner = declared, inner

    def show(self, name: str, value: str, shape: Sequence[int]) -> None:
        """Make a value (N, *shape) float32 an output of this name."""
        helper = self.onnx.helper
        self.model.graph.node.append(helper.make_node("Identity", [value], [name], f"{PREFIX}{name}"))
        self.model.graph.output.append(
            helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, ["N", *map(int, shape)])
        )

    def probabilities(self) -> str:
        """The answers as `ForeignClassifier` has them."""
        output = self.inner[self.declared.output]
        node = next((node for node in self.model.graph.node if output in node.output), None)
        if node is not None and node.op_type == "ZipMap":  # a list of class → probability, whose columns are sorted
            [keys] = [self.onnx.helper.get_attribute_value(entry) for entry in node.attribute]
            order = sorted(range(len(keys)), key=lambda index: keys[index])
            output = self("Gather", node.input[0], self.constant(order, np.int64), axis=1)
        values = self.float(output)
        sides = {value.name: len(value.type.tensor_type.shape.dim) for value in self.model.graph.output}
        values = self("Flatten", values, axis=1) if sides.get(output, 2) > 2 else values
        if self.declared.answers == LOGITS:
            return self("Softmax", values, axis=1)
        if self.declared.answers == INDEPENDENT:
            total = self("ReduceSum", values, self.constant([1], np.int64), keepdims=1)
            return self("Div", values, self("Max", total, self.constant(np.finfo(np.float32).tiny)))
        return values

    def show_features(self, request: FeatureRequest) -> None:
        inputs = self.declared.inputs
        if isinstance(inputs, TableSpec) and request.matches(INPUTS):
            self.show(f"features/{INPUTS}", self.float(self.model.graph.input[0].name), (inputs.width,))
        for layer in self.declared.layers:
            if layer.kind != "map":
                if request.matches(layer.name):
                    self.show(f"features/{layer.name}", self.layer(layer.array), layer.shape)
                continue
            for grid in GRIDS:
                if request.matches(f"{layer.name}/{grid}"):
                    name, width = f"features/{layer.name}/{grid}", layer.shape[0] * grid**2
                    means = self.means(self.layer(layer.array), layer.shape[1:], grid)
                    self.show(name, self("Flatten", means, axis=1), (width,))
        layers = {layer.name: layer for layer in self.declared.layers}
        for name in request.maps:
            if name == PIXELS and isinstance(inputs, ImageSpec):
                shape: tuple[int, ...] = (3 if inputs.colour else 1, inputs.size, inputs.size)
                values = self.pixels(inputs)
            else:
                shape, values = layers[name].shape, self.layer(layers[name].array)
            self.show(f"maps/{name}", self("Unsqueeze", values, self.constant([1], np.int64)), (1, *shape))

    def layer(self, array: str) -> str:
        """An array of the model as float32."""
        if array not in self.inner:
            cause = f"its array {array!r} is lost where its operators are converted to version {OPSET}"
            raise UsageError(cause, place="--onnx", remedy=AGAIN)
        return self.float(self.inner[array])

    def pixels(self, inputs: ImageSpec) -> str:
        """(N, C, H, W) the images from 0 to 1, recovered from what the model reads."""
        tensor, values = inputs.tensor, self.float(self.model.graph.input[0].name)
        assert tensor is not None
        if tensor.scaling == PER_IMAGE:
            cause = "its patch reads pixels, which cannot be recovered from images that are standardised one by one"
            raise UsageError(cause, place="--onnx", remedy=ANOTHER)
        if tensor.layout == "flat":
            side = inputs.size
            values = self("Reshape", values, self.constant([-1, side, side, tensor.channels], np.int64))
        if tensor.layout in ("nhwc", "flat"):
            values = self("Transpose", values, perm=[0, 3, 1, 2])
        elif tensor.layout == "nhw":
            values = self("Unsqueeze", values, self.constant([1], np.int64))
        order = {"rgb": [0, 1, 2], "bgr": [2, 1, 0], "grey": [0]}[tensor.order]
        if len(order) != tensor.channels or tensor.order == "bgr":
            values = self("Gather", values, self.constant(order, np.int64), axis=1)
        shift, factor = (
            self.constant(np.reshape(part[: len(order)], (1, -1, 1, 1))) for part in tensor.shift_and_factor
        )
        whole = self("Round", self("Add", self("Mul", values, factor), shift))
        return self("Div", whole, self.constant(255.0))
