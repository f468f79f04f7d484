"""The arrays inside an ONNX graph that a corrector may learn on, also of a graph that computes in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.classifiers.graph import LayerInfo, choose_layers

CONSTANTS = ("Constant", "ConstantOfShape")
INTEGER = {"ConvInteger": "Conv", "MatMulInteger": "MatMul", "QGemm": "Gemm", "QLinearMatMul": "MatMul"}
"""Operator on whole numbers → the one that it stands for. Others have the prefix PREFIX."""
PREFIX = "QLinear"
ACTIVATION = "Relu"


def array_names(nodes: Sequence[Any]) -> list[str]:
    """Names of all arrays that nodes compute."""
    return [name for node in nodes if node.op_type not in CONSTANTS for name in node.output if name]


def onnx_layers(nodes: Sequence[Any], shown: Mapping[str, Any], rows: int) -> tuple[LayerInfo, ...]:
    """The layers among the arrays of a graph, see `choose_layers`.

    Where an array is rounded to 8 bits before it is read, the layer is what is read, since ONNX Runtime may never
    compute the other. Convolutions in 8 bits have their activation inside.

    Parameters
    ----------
    nodes : `onnx.NodeProto`. shown : name → value for a probe of so many rows.
    """
    nodes = [node for node in nodes if node.op_type not in CONSTANTS]
    read_instead = _read_instead(nodes)
    kinds: dict[str, str] = {}
    feeds: list[tuple[str, str, list[str]]] = []
    for node in nodes:
        operator = INTEGER.get(node.op_type) or node.op_type.removeprefix(PREFIX)
        in_8_bits = operator != node.op_type
        for name in node.output:
            layer = read_instead.get(name, name)
            has_activation = operator == "Conv" and (in_8_bits or layer != name)
            kinds.setdefault(layer, ACTIVATION if has_activation else operator)
        first = node.input[0] if node.input else ""
        feeds.append((operator, read_instead.get(first, first), list(node.output)))
    arrays = {name: value for name, value in shown.items() if _is_number(value) and name not in read_instead}
    return choose_layers(arrays, kinds, feeds, rows)


def _read_instead(nodes: Sequence[Any]) -> dict[str, str]:
    """Name of an array → of the one that is read instead: the rounded floats, or those before a scale of all rows.

    The scale of DynamicQuantizeLinear depends on all rows, so that its whole numbers are no layer.
    """
    floats = {node.input[0]: node.output[0] for node in reversed(nodes) if node.op_type == "DequantizeLinear"}
    rounded = {
        node.input[0]: floats[node.output[0]]
        for node in nodes if node.op_type == "QuantizeLinear" and node.output[0] in floats
    }  # fmt: skip
    return rounded | {node.output[0]: node.input[0] for node in nodes if node.op_type == "DynamicQuantizeLinear"}


def _is_number(value: Any) -> bool:
    """Whether a value is of floats, or of whole numbers of 8 bits, which stand for them."""
    return isinstance(value, np.ndarray) and (value.dtype.kind == "f" or value.dtype in (np.uint8, np.int8))
