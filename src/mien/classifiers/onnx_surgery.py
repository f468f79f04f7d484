"""Changes of an ONNX model after which it answers as before: version of its operators, names, number of rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from mien.classifiers.onnx_graph import OnnxGraph
from mien.classifiers.onnx_nodes import EXTRA
from mien.errors import UsageError
from mien.outside import import_optional, words

OPSET = 13
"""The version of ONNX's operators that a corrector is written in; that of a classifier is this one, or a later one."""
OWN = "f/"
"""Prefix of the names inside a model from elsewhere, so that nothing that is added has one of them."""
STANDARD = ("", "ai.onnx")
AGAIN = (
    "export the model with opset 13 or later, adopt that file, and make the patch again; or export the corrector "
    "alone: --patch-only"
)
ROWS = "N"


def upgraded(graph: OnnxGraph) -> Any:
    """A copy of a model with operators of version 13 or later, without its metadata.

    Raises
    ------
    UsageError : ONNX's converter does not know one of the operators.
    """
    onnx = import_optional("onnx", "onnx", EXTRA)
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    constants = {value.name for value in model.graph.initializer}  # old files list them among the inputs
    inputs = [value for value in model.graph.input if value.name not in constants]
    for part in (model.graph.input, model.graph.value_info, model.metadata_props):
        del part[:]
    model.graph.input.extend(inputs)
    try:
        if model.functions:
            model = import_optional("onnx.inliner", "onnx", EXTRA).inline_local_functions(model)
        return at_opset(model, OPSET)
    except Exception as error:  # the converter raises its own errors, protobuf others
        cause = f"its operators of version {graph.opset} cannot be converted to version {OPSET}: {words(error)}"
        raise UsageError(cause, place=str(graph.path), remedy=AGAIN) from None


def at_opset(model: Any, least: int) -> Any:
    """The model with standard operators of this version or a later one, and with each set of operators named once."""
    onnx = import_optional("onnx", "onnx", EXTRA)
    current = max((entry.version for entry in model.opset_import if entry.domain in STANDARD), default=least)
    ir = model.ir_version
    if current < least:
        model, current = onnx.version_converter.convert_version(model, least), least
    versions = {entry.domain: entry.version for entry in model.opset_import if entry.domain not in STANDARD}
    del model.opset_import[:]
    sets = {"": current, **versions}
    model.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in sets.items())
    model.ir_version = max(ir, onnx.helper.find_min_ir_version_for(model.opset_import, ignore_unknown=True))
    return model


def with_free_rows(model: Any) -> None:
    """Let the first axis of the input and of all outputs have any length; the answers may change by that."""
    for value in (*model.graph.input, *model.graph.output):
        if value.type.WhichOneof("value") == "tensor_type" and len(value.type.tensor_type.shape.dim):
            value.type.tensor_type.shape.dim[0].dim_param = ROWS


def rename(model: Any, kept: Collection[str]) -> dict[str, str]:
    """Put "f/" before all names of arrays but those kept, and return old name → new name."""
    names: dict[str, str] = {"": ""}

    def new(name: str) -> str:
        return names.setdefault(name, name if name in kept else OWN + name)

    for graph in list(_graphs(model.graph)):
        for node in graph.node:
            node.input[:] = map(new, node.input)
            node.output[:] = map(new, node.output)
        sparse = [tensor for pair in graph.sparse_initializer for tensor in (pair.values, pair.indices)]
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer, *sparse):
            value.name = new(value.name)
    return names


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inside in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inside)
