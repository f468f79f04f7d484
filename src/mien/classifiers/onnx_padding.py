"""Padding before a maximum, as exporters write it for Keras' "same", as an attribute of the maximum itself.

ONNX Runtime computes convolutions and pooling in a layout of its own, and leaves it for each node Pad. It merges a Pad
with the node behind it where zeros are padded, and leaves those before a maximum, which pad the lowest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.onnx_nodes import EXTRA
from mien.outside import import_optional

LOWEST = -1e9
"""A padding with this value, or a lower one, is never the largest value of a window with any value of a map."""
AXES = 4
"""Of a map: rows, channels, height, width."""


def merge_padding(model: Any) -> bool:
    """Let each MaxPool pad by itself what a Pad pads for it alone with the lowest value; return whether any does.

    No answer changes by a bit. Pads that follow from the input stay as they are.

    Parameters
    ----------
    model : an `onnx.ModelProto`, which is changed.
    """
    graph, shown = model.graph, {value.name for value in model.graph.output}
    merged = []
    for node in graph.node:
        if node.op_type != "Pad" or node.output[0] in shown:
            continue
        readers = [other for other in graph.node if node.output[0] in other.input]
        pads = _pads(model, node) if readers and all(map(_is_plain_maximum, readers)) else None
        if pads is not None and all(map(partial(_can_pad, pads=pads), readers)):
            for reader in readers:
                _pad(reader, pads)
                reader.input[0] = node.input[0]
            merged.append(node)
    for node in merged:
        graph.node.remove(node)
    return bool(merged)


def _is_plain_maximum(node: Any) -> bool:
    """Whether it is a MaxPool of a map without any of the options that padding may change."""
    if node.op_type != "MaxPool" or len(node.output) > 1 or len(_attribute(node, "kernel_shape")) != AXES - 2:
        return False
    options = {attribute.name for attribute in node.attribute} & {"auto_pad", "ceil_mode", "storage_order"}
    return not any(_attribute(node, name) not in (0, b"NOTSET") for name in options)


def _padded(node: Any, pads: Sequence[int]) -> list[int]:
    """Its pads, with these added."""
    return [old + new for old, new in zip(_attribute(node, "pads") or [0] * len(pads), pads, strict=True)]


def _can_pad(node: Any, pads: Sequence[int]) -> bool:
    """Whether every window still has a value of the map."""
    return all(
        total < side for total, side in zip(_padded(node, pads), 2 * _attribute(node, "kernel_shape"), strict=True)
    )


def _pad(node: Any, pads: Sequence[int]) -> None:
    entries = {entry.name: entry for entry in node.attribute}
    entries["pads"] = import_optional("onnx", "onnx", EXTRA).helper.make_attribute("pads", _padded(node, pads))
    kept = list(entries.values())
    del node.attribute[:]
    node.attribute.extend(kept)


def _attribute(node: Any, name: str) -> Any:
    """The value of an attribute; () where there is none."""
    helper = import_optional("onnx", "onnx", EXTRA).helper
    return next((helper.get_attribute_value(entry) for entry in node.attribute if entry.name == name), ())


def _pads(model: Any, node: Any) -> list[int] | None:
    """How much it pads height and width, first at their beginnings; None where it pads otherwise."""
    if len(node.input) != 3 or _attribute(node, "mode") not in ((), b"constant"):
        return None
    pads, value = (_constant(model, name) for name in node.input[1:])
    if pads is None or value is None or not value.size or value.dtype.kind != "f" or value.max() > LOWEST:
        return None
    first, last = pads.reshape(2, -1).tolist()
    if len(first) != AXES or any(first[:2]) or any(last[:2]) or min(*first, *last) < 0:
        return None
    return [*first[2:], *last[2:]]


def _constant(model: Any, name: str) -> NDArray[Any] | None:
    """The value of an array that does not depend on the model's input; None for any other."""
    onnx = import_optional("onnx", "onnx", EXTRA)
    evaluator = import_optional("onnx.reference", "onnx", EXTRA).ReferenceEvaluator
    makers = {output: node for node in model.graph.node for output in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    names, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        names.add(current)
        if current in makers:
            waiting += [value for value in makers[current].input if value and value not in names]
        elif current not in constants:
            return None
    nodes = [node for node in model.graph.node if names.intersection(node.output)]
    part = onnx.helper.make_graph(
        nodes, "constant", [], [onnx.ValueInfoProto(name=name)], [constants[each] for each in names & constants.keys()]
    )
    try:
        [value] = evaluator(onnx.helper.make_model(part, opset_imports=model.opset_import)).run(None, {})
    except Exception:  # an operator that the evaluator does not know
        return None
    return np.asarray(value)
