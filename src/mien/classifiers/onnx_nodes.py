"""Nodes that are added to an ONNX model: what is read out of it, and means of its maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mien.classifiers.graph import grid_cuts
from mien.outside import import_optional

EXTRA = "onnx"
"""The extra of mien that has the packages onnx and onnxruntime."""
PREFIX = "readout/"


class AddedNodes:
    """Nodes behind a model, which are added to it.

    Parameters
    ----------
    model : an `onnx.ModelProto`, which is changed.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.onnx = import_optional("onnx", "onnx", EXTRA)

    def __call__(self, operator: str, *values: str, **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        name = f"{PREFIX}{operator.lower()}_{len(self.model.graph.node)}"
        self.model.graph.node.append(self.onnx.helper.make_node(operator, list(values), [name], name, **attributes))
        return name

    def constant(self, array: Any, kind: Any = np.float32) -> str:
        name = f"{PREFIX}constant_{len(self.model.graph.initializer)}"
        tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array, kind).reshape(np.shape(array)), name)
        self.model.graph.initializer.append(tensor)
        return name

    def float(self, value: str) -> str:
        return self("Cast", value, to=self.onnx.TensorProto.FLOAT)

    def means(self, maps: str, sides: Sequence[int], grid: int) -> str:
        """(N, C, H, W) float32 → (N, C, g, g) or (N, C, g²) means of equal parts, the numbers of `grid_means`.

        Where all parts are of one size and at equal distances, ONNX Runtime's pooling has them, in the layout that its
        convolutions compute in. Elsewhere two matrix products have them, one for each side.
        """
        cuts = [grid_cuts(side, grid) for side in sides]
        if grid == 1:
            return self("GlobalAveragePool", maps)
        sizes, steps = zip(*map(_size_and_step, cuts), strict=True)
        if all(sizes) and all(steps):
            return self("AveragePool", maps, kernel_shape=sizes, strides=steps)
        down, across = (_shares(side, parts) for side, parts in zip(sides, cuts, strict=True))
        rows = self("MatMul", maps, self.constant(across))  # (N, C, H, g)
        flat = self("Reshape", rows, self.constant([0, 0, sides[0] * grid], np.int64))
        return self("MatMul", flat, self.constant(np.kron(down, np.eye(grid))))


def _size_and_step(cuts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Size of all parts and distance from one to the next; 0 where they differ."""
    sizes = {stop - start for start, stop in cuts}
    steps = {right[0] - left[0] for left, right in pairwise(cuts)}
    return tuple(group.pop() if len(group) == 1 else 0 for group in (sizes, steps))  # type: ignore[return-value]


def _shares(side: int, cuts: Sequence[tuple[int, int]]) -> Any:
    """(side, g) the share of each pixel in the mean of each part."""
    shares = np.zeros((side, len(cuts)), np.float32)
    for part, (start, stop) in enumerate(cuts):
        shares[start:stop, part] = 1 / (stop - start)
    return shares
