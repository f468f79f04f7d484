"""A classifier from elsewhere: a graph that somebody else trained, with what its user declares of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec
from mien.classifiers.graph import Graph, LayerInfo, grid_means
from mien.data.provenance import TrainedOn
from mien.errors import AlignmentError, DataError, UsageError, choice_error
from mien.nets.settings import AugmentSettings
from mien.storage.identity import identity
from mien.types import Bools, FeatureRequest, Floats, LabelSet, Outputs
from mien.types.inputs import SLACK, TINY

BATCH = 64
MOST_SHOWN = 8
"""Answers of a row that a message shows."""
GRIDS = (1, 3)
PIXELS = "pixels"
"""The map that every classifier of images shows: the images themselves, from 0 to 1."""
HANDY = 20_000
"""Numbers of a map up to which an adapter learns on it by default: nine views of each image are kept at once."""
INPUTS = "inputs"
"""The vector that every classifier of tables shows: the columns."""
PROBABILITIES, LOGITS, INDEPENDENT = "probabilities", "logits", "independent"
ANSWERS = (PROBABILITIES, LOGITS, INDEPENDENT)


@dataclass(frozen=True)
class Declaration:
    """What a user declares of a classifier from elsewhere.

    Attributes
    ----------
    classes : the K class names, in the order of its answers.
    inputs : what it reads.
    output : name of the array with its answers.
    answers : one of ANSWERS. Logits become probabilities by a softmax; independent ones, of which each class has its
        own from 0 to 1, by division by their sum.
    layers : what correctors may learn on.
    """

    classes: tuple[str, ...]
    inputs: ImageSpec | TableSpec
    output: str
    answers: str = PROBABILITIES
    layers: tuple[LayerInfo, ...] = field(default=())

    def __post_init__(self) -> None:
        _ = LabelSet(self.classes)  # refuses names that repeat
        if self.answers not in ANSWERS:
            raise choice_error("kind of answers", self.answers, ANSWERS, place="--answers")
        if isinstance(self.inputs, ImageSpec) and self.inputs.tensor is None:
            remedy = "give order, layout and scaling"
            raise UsageError("what the model makes of images is not declared", place="inputs", remedy=remedy)


class ForeignClassifier:
    """A graph with a declaration of its inputs and answers.

    Parameters
    ----------
    graph : the model. declared : its inputs and answers.
    trained_on : what it learnt from; None where that is unknown.
    folder : where it was adopted, if anywhere.

    Notes
    -----
    A map layer gives the vectors "LAYER/1" and "LAYER/3", its means on grids of 1 × 1 and 3 × 3. Adapters may learn on
    each map, and on "pixels", the images themselves.
    """

    def __init__(
        self, graph: Graph, declared: Declaration, trained_on: TrainedOn | None = None, folder: Path | None = None
    ) -> None:
        self.graph, self.declared, self.trained_on, self.folder = graph, declared, trained_on, folder
        self.cache_folder = folder
        self._arrays = {layer.name: layer.array for layer in declared.layers}

    @cached_property
    def card(self) -> ClassifierCard:
        """The id is a digest of the bytes of the graph and of all that is declared."""
        declared = self.declared
        layers = [Layer(layer.name, layer.shape, layer.kind) for layer in declared.layers]  # type: ignore[arg-type]
        if isinstance(declared.inputs, ImageSpec):
            side, colours = declared.inputs.size, 3 if declared.inputs.colour else 1
            layers = _handy_first([*layers, Layer(PIXELS, (colours, side, side), "map")])
        else:
            layers.append(Layer(INPUTS, (declared.inputs.width,), "vector"))
        key = identity(
            graph=self.graph.id, classes=declared.classes, inputs=declared.inputs, output=declared.output,
            answers=declared.answers, layers=[(layer.name, layer.array) for layer in declared.layers],
        )  # fmt: skip
        return ClassifierCard(key, declared.classes, (), declared.inputs, tuple(layers), self.trained_on)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """Probabilities, and the features that the request names.

        Raises
        ------
        DataError : the answers are no probabilities, or not finite.
        """
        batch.checked(self.card, request)
        wanted = [layer for layer in self.declared.layers if self._is_asked(layer, request)]
        names = [self.declared.output, *(layer.array for layer in wanted)]
        probs: list[Floats] = []
        vectors: dict[str, list[Floats]] = {}
        maps: dict[str, list[Floats]] = {}
        for data, arrays in self._run(batch.data, names):
            probs.append(self._probabilities(arrays[0], len(data)))
            shown = {layer.name: value for layer, value in zip(wanted, arrays[1:], strict=True)}
            for name, values in self._vectors(data, shown, request):
                vectors.setdefault(name, []).append(values)
            for name in request.maps:
                values = self._pixels(data) if name == PIXELS else shown[name]
                maps.setdefault(name, []).append(np.asarray(values, np.float16)[:, None])
        if not probs:
            return Outputs(batch.ids, np.empty((0, len(self.card.classes)), np.float32))
        joined, full = ({name: np.concatenate(each) for name, each in group.items()} for group in (vectors, maps))
        return Outputs(batch.ids, np.concatenate(probs), None, joined, full)  # type: ignore[arg-type]

    def views(self, batch: Batch, layer: str, count: int, augment: AugmentSettings) -> Floats:
        """(N, count, C, H, W) float16 maps of a layer, of `count` changed views of each image."""
        from mien.nets.views import augmented_images  # loads torch

        batch.checked(self.card, FeatureRequest(layer, count))
        maps = np.empty((len(batch), count, *self.card.layer(layer).shape), np.float16)
        for view, pixels in enumerate(augmented_images(batch.data, count, augment)):
            if layer == PIXELS:
                maps[:, view] = self._pixels(pixels)
                continue
            start = 0
            for data, [values] in self._run(pixels, [self._arrays[layer]]):
                maps[start : start + len(data), view] = values
                start += len(data)
        return maps

    def as_onnx(self, request: FeatureRequest = FeatureRequest(vectors=())) -> Any:  # noqa: B008 -- frozen
        """The model with its probabilities and the requested features, see `mien.classifiers.onnx_readout`.

        Raises
        ------
        UsageError : the model is no ONNX file, or cannot be changed in this way.
        """
        from mien.classifiers.onnx_graph import OnnxGraph
        from mien.classifiers.onnx_readout import with_readout

        if not isinstance(self.graph, OnnxGraph):
            remedy = (
                f"{getattr(self.graph, 'to_onnx', 'convert the model to ONNX')}, adopt that file, and make the patch "
                "again; or export the corrector alone: --patch-only"
            )
            raise UsageError("the classifier has no ONNX graph", place="--onnx", remedy=remedy)
        return with_readout(self.graph, self.declared, request)

    def graph_input(self, batch: Batch) -> NDArray[Any]:
        """The images as declared: their order of colours, layout, scaling and type; or the table in its type."""
        return self._tensor(batch.data)

    @property
    def rows_at_once(self) -> int:
        """How many rows it reads together at most."""
        return BatchRule.of(self.graph, self.declared.inputs).rows

    def _run(self, data: NDArray[Any], names: Sequence[str]) -> Iterator[tuple[NDArray[Any], list[Floats]]]:
        """Rows as the graph reads them together, and its arrays for them, a row each."""
        rule = BatchRule.of(self.graph, self.declared.inputs)
        for start in range(0, len(data), rule.rows):
            part = data[start : start + rule.rows]
            arrays = self.graph.run(rule.shaped(self._tensor(part)), list(dict.fromkeys(names)))
            by_name = dict(zip(dict.fromkeys(names), arrays, strict=True))
            yield part, [rule.of_rows(as_rows(by_name[name]), len(part), name) for name in names]

    def _tensor(self, data: NDArray[Any]) -> NDArray[Any]:
        inputs = self.declared.inputs
        if isinstance(inputs, ImageSpec):
            assert inputs.tensor is not None
            return inputs.tensor.array(data)
        return data.astype(self.graph.input.dtype or np.float32)

    def _probabilities(self, values: Floats, rows: int) -> Floats:
        """(N, K) probabilities of the graph's answers."""
        count = len(self.declared.classes)
        model = getattr(self.graph, "path", None) or getattr(self.graph, "name", "")
        place = f"{model}, output {self.declared.output!r}".removeprefix(", ")
        values = as_columns(values, rows)
        if values.shape != (rows, count):
            cause = f"is of shape {values.shape} for {rows} rows, and {count} classes are declared"
            raise AlignmentError(cause, place=place, remedy="name the classes of all columns, in their order")
        if not np.isfinite(values).all():
            remedy = "check the scaling; the model may not fit its number format"
            raise DataError("has values that are not finite", place=place, remedy=remedy)
        values = values.astype(np.float32)
        if self.declared.answers == LOGITS:
            return np.asarray(softmax(values, axis=1))
        total = values.sum(1, keepdims=True)
        sums = np.abs(total - 1) <= SLACK if self.declared.answers == PROBABILITIES else total > 0
        if (values < -TINY).any() or not sums.all():
            shown = ", ".join(f"{value:.4g}" for value in values[_worst(values, sums)][:MOST_SHOWN])
            cause = f"has answers that are not {self.declared.answers}, such as {shown}"
            remedy = (
                "adopt it again with answers of another kind: mien adopt --answers; mien adopt --check shows what fits"
            )
            raise DataError(cause, place=place, remedy=remedy)
        return np.asarray(values if self.declared.answers == PROBABILITIES else values / total)

    def _is_asked(self, layer: LayerInfo, request: FeatureRequest) -> bool:
        pooled = [f"{layer.name}/{grid}" for grid in GRIDS] if layer.kind == "map" else [layer.name]
        return layer.name in request.maps or any(map(request.matches, pooled))

    def _vectors(
        self, data: NDArray[Any], shown: dict[str, Floats], request: FeatureRequest
    ) -> Iterator[tuple[str, Floats]]:
        if isinstance(self.declared.inputs, TableSpec) and request.matches(INPUTS):
            yield INPUTS, data
        for name, values in shown.items():
            if values.ndim == 4:
                for grid in GRIDS:
                    if request.matches(f"{name}/{grid}"):
                        yield f"{name}/{grid}", grid_means(values, grid)
            elif request.matches(name):
                yield name, values.astype(np.float32)

    def _pixels(self, pixels: NDArray[np.uint8]) -> Floats:
        """(N, C, H, W) from 0 to 1."""
        shaped = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        return shaped.astype(np.float32) / 255


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
        return cls(1 if getattr(graph, "row_by_row", False) else BATCH)

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


def _handy_first(layers: list[Layer]) -> list[Layer]:
    """The same layers; the first is the earliest map that is small enough for an adapter, where there is one."""
    handy = [layer for layer in layers if layer.kind == "map" and np.prod(layer.shape) <= HANDY]
    return sorted(layers, key=lambda layer: layer not in handy[:1])


def _worst(values: Floats, sums: Bools) -> int:
    """A row with answers that are negative, or whose sum is wrong."""
    return int(np.argmax((values < -TINY).any(1) | ~sums[:, 0]))


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
