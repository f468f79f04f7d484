"""A graph that grows node by node, with the inputs that correctors read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.onnx_surgery import OPSET
from mien.features import matching
from mien.outside import import_optional
from mien.types import LOG_PROBS, Outputs
from mien.types.outputs import LEAST_PROBABILITY

TREES_OPSET, IR = 3, 8
"""Versions of ONNX's operators for trees, and of the file."""
PROBABILITIES = "probabilities"


def onnx_library() -> Any:
    """The package onnx; MissingExtraError where it is not installed."""
    return import_optional("onnx", "onnx", "onnx")


class Nodes:
    """The nodes of a graph under construction. Values are known by their names.

    Parameters
    ----------
    template : outputs of the classifier for any pictures, in the classes of the patch. Names, widths and shapes of its
        features are those of the graph's inputs.
    answered : number of the classifier's own classes, which come first.
    """

    def __init__(self, template: Outputs, answered: int) -> None:
        self.template, self.answered = template, answered
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: dict[str, Any] = {}
        self._stacks: dict[tuple[str, ...], str] = {}
        self._base, self._log_probs = "", ""
        self.input(PROBABILITIES, (answered,))

    @property
    def classes(self) -> int:
        """K, the number of classes of the patch."""
        return len(self.template.known)

    @property
    def base(self) -> str:
        """(N,) int64 answers of the classifier."""
        self._base = self._base or self("ArgMax", PROBABILITIES, axis=1, keepdims=0)
        return self._base

    def __call__(self, operator: str, *values: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        helper = onnx_library().helper
        self.nodes.append(helper.make_node(operator, list(values), [name], name, domain=domain, **attributes))
        return name

    def constant(self, array: Any, kind: Any = None) -> str:
        """Add a constant, and return its name; `kind` is its type, such as np.float32."""
        values: NDArray[Any] = np.ascontiguousarray(array, kind)
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(onnx_library().numpy_helper.from_array(values.reshape(np.shape(array)), name))
        return name

    def cast(self, value: str, kind: Any) -> str:
        """Convert a value to a type, such as np.float64."""
        return self("Cast", value, to=onnx_library().helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        """The input (N, *shape) float32 of this name."""
        library = onnx_library()
        kind = library.TensorProto.FLOAT
        self.inputs.setdefault(name, library.helper.make_tensor_value_info(name, kind, ["N", *shape]))
        return name

    def map(self, layer: str) -> tuple[str, tuple[int, ...]]:
        """The map of a layer, and its shape (V, C, H, W)."""
        shape = self.template.maps[layer].shape[1:]
        return self.input(f"maps/{layer}", shape), shape

    def known_columns(self) -> str:
        """(N, number of known classes) probabilities."""
        known = np.flatnonzero(self.template.known)
        if len(known) == self.answered:
            return PROBABILITIES
        return self("Gather", PROBABILITIES, self.constant(known, np.int64), axis=1)

    def vector(self, name: str) -> str:
        """A feature (N, D) of the classifier."""
        if name == LOG_PROBS and name not in self.template.vectors:
            if not self._log_probs:
                least = self.constant(LEAST_PROBABILITY, np.float32)
                self._log_probs = self("Log", self("Max", self.known_columns(), least))
            return self._log_probs
        return self.input(f"features/{name}", self.template.vector(name).shape[1:])

    def stacked(self, layers: tuple[str, ...]) -> str:
        """(N, D) float32 features of all layers that match, side by side, as `mien.features.stack` has them."""
        names = tuple(matching(self.template, layers))
        if names not in self._stacks:
            parts = [self.vector(name) for name in names]
            self._stacks[names] = self("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
        return self._stacks[names]

    def insert(self, model: Any, prefix: str, values: Mapping[str, str]) -> dict[str, str]:
        """Add all nodes of another model, and return the names of its outputs.

        Parameters
        ----------
        prefix : of all names in it. values : name of an input → value that it gets.
        """
        library = onnx_library()
        graph = library.compose.add_prefix(model, prefix).graph
        renamed = {f"{prefix}{name}": value for name, value in values.items()}
        for node in graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
        self.nodes += graph.node
        self.initializers += graph.initializer
        return {output.name.removeprefix(prefix): output.name for output in graph.output}

    def model(self, outputs: Mapping[str, tuple[str, Any]]) -> Any:
        """The finished `onnx.ModelProto`.

        Parameters
        ----------
        outputs : name → value (N,) and its type.
        """
        library = onnx_library()
        helper, shown = library.helper, []
        for name, (value, kind) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name], name))
            shown.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), ["N"]))
        graph = helper.make_graph(self.nodes, "corrector", list(self.inputs.values()), shown, self.initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain for node in self.nodes):
            opsets.append(helper.make_opsetid("ai.onnx.ml", TREES_OPSET))
        return helper.make_model(graph, producer_name="mien", opset_imports=opsets, ir_version=IR)
