"""A model from elsewhere as a graph: one array in, named arrays out, some of them from inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats

STAGE_ENDS = (
    "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Mish",
    "Softplus", "Tanh", "Mul", "Add", "Sum", "Concat", "MaxPool", "AveragePool",
)  # fmt: skip
"""Operators after which a stage of a network may end."""
SMALLER = 0.75
"""A map whose side is this share of the last stage's, or less, begins another stage."""
HEADS = ("Gemm", "MatMul", "Conv")
EMBEDDING, LOGITS, STAGE = "embedding", "logits", "stage"


@dataclass(frozen=True)
class ArrayInfo:
    """An array that a graph reads or gives.

    Attributes
    ----------
    name : in the graph. shape : sides, 0 where the side is free. dtype : NumPy's name of the type, "" for others.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = "float32"


@dataclass(frozen=True)
class LayerInfo:
    """An array inside a graph that correctors may learn on.

    Attributes
    ----------
    name : as the card has it, such as "stage1". array : its name in the graph. kind : "map", "vector" or "logits".
    shape : of one row.
    """

    name: str
    array: str
    kind: str
    shape: tuple[int, ...]


class Reading(NamedTuple):
    """What is read out of a graph: an array, or means of a map.

    Attributes
    ----------
    array : its name in the graph.
    grid : for means, equal parts of each side of the map; 0 for the array itself.
    sides : height and width of the map.
    """

    array: str
    grid: int = 0
    sides: tuple[int, ...] = ()

    def is_divided_like(self, coarser: Reading) -> bool:
        """Whether the parts of a coarser grid are made of equal numbers of this grid's, and these are equal."""
        grids = self.grid and coarser.grid and not self.grid % coarser.grid
        return bool(grids) and not any(side % self.grid for side in self.sides)

    def of(self, values: Any) -> Any:
        """The numbers that are read, for a graph that gives the array alone."""
        return grid_means(values, self.grid) if self.grid else values


class Graph(Protocol):
    """A model that reads one array. One that computes means of maps itself has `read`, see `read_out`.

    Attributes
    ----------
    id : digest of its bytes. input : what it reads. outputs : what it gives.
    """

    input: ArrayInfo
    outputs: tuple[ArrayInfo, ...]

    @property
    def id(self) -> str: ...

    def run(self, data: NDArray[Any], names: Sequence[str]) -> list[Any]: ...

    def layers(self, probe: NDArray[Any], rows: int) -> tuple[LayerInfo, ...]:
        """What a corrector may learn on, found by the shapes for a probe of so many rows."""
        ...


def read_out(graph: Graph, data: NDArray[Any], readings: Sequence[Reading]) -> list[Any]:
    """What is read out of a graph for one array: inside the graph where it can, so that large maps stay there."""
    inside = getattr(graph, "read", None)
    if inside is not None:
        return list(inside(data, readings))
    names = list(dict.fromkeys(reading.array for reading in readings))
    values = dict(zip(names, graph.run(data, names), strict=True))
    return [reading.of(values[reading.array]) for reading in readings]


def choose_layers(
    arrays: Mapping[str, Floats], kinds: Mapping[str, str], feeds: Sequence[tuple[str, str, list[str]]], rows: int
) -> tuple[LayerInfo, ...]:
    """The layers worth learning on: the last map of each stage, what the last head reads, and what the softmax reads.

    Parameters
    ----------
    arrays : name → value for a probe of some rows, in the order of the graph.
    kinds : name → operator that made it. feeds : operator, its first input and its outputs, in the order of the graph.
    rows : of the probe; arrays of another length are no layers.
    """
    usable = {name: value for name, value in arrays.items() if value.ndim >= 2 and len(value) == rows}
    maps = [
        name for name, value in usable.items()
        if value.ndim == 4 and min(value.shape[2:]) > 1 and kinds.get(name) in STAGE_ENDS
    ]  # fmt: skip
    stages: list[str] = []
    for name in maps:
        side, before = (min(usable[each].shape[2:]) for each in (name, stages[-1] if stages else name))
        if not stages or side <= SMALLER * before:
            stages.append(name)
        elif side * SMALLER < before:
            stages[-1] = name
    layers = [
        LayerInfo(f"{STAGE}{number}", name, "map", usable[name].shape[1:]) for number, name in enumerate(stages, 1)
    ]
    for layer, array in (
        (EMBEDDING, _last_read(feeds, usable, HEADS)),
        (LOGITS, _last_read(feeds, usable, ("Softmax",))),
    ):
        if array:
            layers.append(LayerInfo(layer, array, "vector", usable[array].shape[1:]))
    return tuple(layers)


def _last_read(
    feeds: Sequence[tuple[str, str, list[str]]], usable: Mapping[str, Floats], operators: Sequence[str]
) -> str:
    """The vectors that the last of these operators reads; "" where they are no vectors."""
    reads = [read for operator, read, _ in feeds if operator in operators]
    return next((read for read in reversed(reads) if read in usable and usable[read].ndim == 2), "")


def grid_means(maps: Floats, grid: int) -> Floats:
    """(N, C, H, W) → (N, C·g²) means of equal parts, as torch's adaptive pooling has them.

    Examples
    --------
    >>> grid_means(np.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[2.5, 4.5, 10.5, 12.5]]
    """
    height, width = maps.shape[2:]
    cuts = [grid_cuts(side, grid) for side in (height, width)]
    cells = [
        maps[:, :, top:bottom, left:right].mean((2, 3), dtype=np.float32)
        for top, bottom in cuts[0]
        for left, right in cuts[1]
    ]
    return np.stack(cells, 2).reshape(len(maps), -1)


def grid_cuts(side: int, grid: int) -> list[tuple[int, int]]:
    """First and last end of the equal parts of a side; they overlap where it cannot be divided.

    Examples
    --------
    >>> grid_cuts(4, 3)
    [(0, 2), (1, 3), (2, 4)]
    """
    return [(part * side // grid, -(-(part + 1) * side // grid)) for part in range(grid)]
