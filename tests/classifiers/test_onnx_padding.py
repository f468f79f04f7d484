"""Padding before a maximum becomes a part of the maximum, and no answer changes by a bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_models import onnx

from mien.classifiers.onnx_padding import merge_padding

helper, numbers = onnx.helper, onnx.numpy_helper
RIGHT_AND_BELOW = (0, 0, 0, 0, 0, 0, 1, 1)


def padded(value: float = -1e9, sizes: tuple[int, ...] = RIGHT_AND_BELOW, operator: str = "MaxPool", **how: Any) -> Any:
    """A model: Pad with computed sizes → pooling by windows of 3 × 3."""
    nodes = [
        helper.make_node("Cast", ["sizes"], ["pads"], to=onnx.TensorProto.INT64),
        helper.make_node("Pad", ["maps", "pads", "value"], ["padded"], mode="constant"),
        helper.make_node(operator, ["padded"], ["pooled"], kernel_shape=[3, 3], strides=[2, 2], **how),
    ]
    graph = helper.make_graph(
        nodes, "padded",
        [helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, ("n", 2, 8, 9))],
        [helper.make_tensor_value_info("pooled", onnx.TensorProto.FLOAT, None)],
        [numbers.from_array(np.array(sizes, np.int32), "sizes"), numbers.from_array(np.float32(value), "value")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def answers(model: Any) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    maps = -np.random.default_rng(0).uniform(1, 9, (4, 2, 8, 9)).astype(np.float32)
    return session.run(None, {"maps": maps})[0]


@pytest.mark.parametrize("pads", [RIGHT_AND_BELOW, (0, 0, 1, 1, 0, 0, 1, 2)])
@pytest.mark.parametrize("own", [{}, {"pads": [0, 1, 0, 0]}])
@pytest.mark.parametrize("value", [-1e9, -np.inf])
def test_the_maximum_pads_by_itself_and_answers_the_same(
    pads: tuple[int, ...], own: dict[str, Any], value: float
) -> None:
    model = padded(value, pads, **own)
    before = answers(model)
    assert merge_padding(model)
    assert "Pad" not in {node.op_type for node in model.graph.node}
    assert np.array_equal(answers(model), before)


@pytest.mark.parametrize(
    "form",
    [
        {"value": 0.0}, {"value": -1.0}, {"operator": "AveragePool"}, {"sizes": (0, 1, 0, 0, 0, 0, 1, 1)},
        {"sizes": (0, 0, 0, 0, 0, 0, -1, 0)}, {"sizes": (0, 0, 3, 0, 0, 0, 0, 0)}, {"ceil_mode": 1},
    ],
)  # fmt: skip
def test_any_other_padding_stays(form: dict[str, Any]) -> None:
    model = padded(**form)
    before = model.SerializeToString()
    assert not merge_padding(model)
    assert model.SerializeToString() == before


def test_padding_that_others_read_or_that_follows_from_the_input_stays() -> None:
    shown, computed = padded(), padded()
    shown.graph.output.append(onnx.ValueInfoProto(name="padded"))
    del computed.graph.initializer[0]
    computed.graph.input.append(helper.make_tensor_value_info("sizes", onnx.TensorProto.INT32, (8,)))
    assert not merge_padding(shown)
    assert not merge_padding(computed)
