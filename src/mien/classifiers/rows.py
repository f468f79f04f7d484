"""Rows of a graph: how many it reads at once, and its numbers for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import ImageSpec, TableSpec
from mien.classifiers.graph import Graph
from mien.errors import AlignmentError

BATCH = 8
"""Images that a graph reads at once: so few that their maps stay in the processor's cache (measured)."""
ROWS = 1024
"""Rows of a table that a graph reads at once."""


@dataclass(frozen=True)
class BatchRule:
    """How many rows a graph reads at once: `rows`, exactly so many if `fixed`; with `bare`, one without an axis."""

    rows: int
    fixed: bool = False
    bare: bool = False

    @classmethod
    def of(cls, graph: Graph, inputs: ImageSpec | TableSpec) -> BatchRule:
        shape = graph.input.shape
        tensor = inputs.tensor if isinstance(inputs, ImageSpec) else None
        axes = len(tensor.layout) if tensor and tensor.layout != "flat" else 2
        if shape and len(shape) == axes - 1:
            return cls(1, fixed=True, bare=True)
        if shape and shape[0]:
            return cls(shape[0], fixed=True)
        if getattr(graph, "row_by_row", False):
            return cls(1)
        return cls(BATCH if tensor else ROWS)

    def shaped(self, data: NDArray[Any]) -> NDArray[Any]:
        """The array that the graph reads; rows are repeated where it reads a fixed number."""
        if self.bare:
            return np.asarray(data[0])
        missing = self.rows - len(data) if self.fixed else 0
        return np.concatenate([data, np.repeat(data[-1:], missing, axis=0)]) if missing else data

    def of_rows(self, values: NDArray[Any], rows: int, name: str) -> NDArray[Any]:
        """The part of an array that belongs to the rows."""
        values = values[None] if self.bare and values.shape[:1] != (1,) else values
        if values.ndim < 2 or len(values) != (self.rows if self.fixed else rows):
            remedy = "declare the size, colours and layout that the model reads"
            raise AlignmentError(f"is of shape {values.shape} for {rows} rows", place=f"array {name!r}", remedy=remedy)
        return values[:rows]


def as_columns(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Answers (N, K) of an array with further axes of length 1; of one row also without an axis for rows."""
    values = values[None] if rows == 1 and values.ndim == 1 else values
    further = values.ndim > 2 and len(values) == rows and max(values.shape[1:]) * rows == values.size
    return values.reshape(rows, -1) if further else values


def as_rows(values: Any) -> NDArray[Any]:
    """An array; of a list of class → probability, as skl2onnx writes it by default, its columns in order."""
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return np.array([[row[key] for key in sorted(row)] for row in values], np.float32)
    return np.asarray(values)
