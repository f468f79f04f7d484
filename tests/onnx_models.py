"""Small ONNX models for tests, made here: they tell the three places of a bright bar apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from mien.classifiers.tensors import TensorSpec  # noqa: E402
from mien.testing import example_bars  # noqa: E402

SIDE, CLASSES = 32, ("left", "middle", "right")


def templates() -> np.ndarray:
    """(3, SIDE²) mean image of each class, less the mean of all, from 0 to 1."""
    images, labels = example_bars(300)
    means = np.stack([images[labels == label].mean(0) for label in range(3)]).reshape(3, -1) / 255
    return (means - means.mean(0)).astype(np.float32)


def bars(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("n", 1, SIDE, SIDE),
    classes: int = 3,
    softmax: bool = True,
    metadata: dict[str, str] | None = None,
    dtype: int = onnx.TensorProto.FLOAT,
    first_operator: str = "Relu",
) -> Path:
    """A model: input → Conv 1×1 → Relu → MaxPool → Conv 1×1 → Relu → Resize by Gemm on the input → Softmax.

    The convolutions are there to be layers; the answers follow from the input.
    """
    helper, numbers = onnx.helper, onnx.numpy_helper
    bare = len(shape) == 3
    nhwc = shape[-1] in (1, 3) and len(shape) == 4
    batch = [1] if bare else [0]
    constants = {
        "k1": np.ones((4, 1, 1, 1), np.float32) * np.arange(1, 5, dtype=np.float32).reshape(4, 1, 1, 1),
        "k2": np.ones((6, 4, 1, 1), np.float32) / 4,
        "weights": 0.5 * templates()[:classes].T, "flat": np.array([*batch, SIDE * SIDE], np.int64),
        "whole": np.array([1 if bare else 0, 1, SIDE, SIDE], np.int64), "zero": np.zeros(classes, np.float32),
    }  # fmt: skip
    nodes = [helper.make_node("Cast", ["picture"], ["cast"], to=onnx.TensorProto.FLOAT)]
    if nhwc:
        nodes.append(helper.make_node("Transpose", ["cast"], ["shaped"], perm=[0, 3, 1, 2]))
    else:
        nodes.append(helper.make_node("Reshape", ["cast", "whole"], ["shaped"]))
    nodes += [
        helper.make_node("Conv", ["shaped", "k1"], ["c1"]),
        helper.make_node(first_operator, ["c1"], ["first"], domain="" if first_operator == "Relu" else "outside"),
        helper.make_node("MaxPool", ["first"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["pooled", "k2"], ["c2"]),
        helper.make_node("Relu", ["c2"], ["second"]),
        helper.make_node("Reshape", ["shaped", "flat"], ["rows"]),
        helper.make_node("Gemm", ["rows", "weights", "zero"], ["logits"]),
    ]
    output = "logits"
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        output = "probabilities"
    inputs = [helper.make_tensor_value_info("picture", dtype, shape)]
    outputs = [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, ("n" if not bare else 1, classes))]
    initializers = [numbers.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "bars", inputs, outputs, initializers)
    imports = [helper.make_opsetid("", 17)] + ([] if first_operator == "Relu" else [helper.make_opsetid("outside", 1)])
    model = helper.make_model(graph, opset_imports=imports, ir_version=9)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    return path


def extended(
    path: Path, operator: str, constant: Any = None, *, after: str = "probabilities", shape: Any = (),
    kind: int = onnx.TensorProto.FLOAT, classes: int = 3, **attributes: Any,
) -> Path:  # fmt: skip
    """The model of the bars with an operator behind it, whose result is its only output."""
    model = onnx.load(str(bars(path, classes=classes)))
    inputs = [after]
    if constant is not None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(constant), "constant"))
        inputs.append("constant")
    model.graph.node.append(onnx.helper.make_node(operator, inputs, ["answers"], **attributes))
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("answers", kind, shape or ("n", classes)))
    onnx.save(model, str(path))
    return path


GREY = TensorSpec("grey", scaling="0..255")
"""What the models read."""
