"""A classifier from elsewhere: a graph that somebody else trained, with what its user declares of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, TableSpec
from mien.classifiers.declaration import (
    GRIDS,
    INPUTS,
    LOGITS,
    NONE,
    OWN,
    PIXELS,
    PROBABILITIES,
    Declaration,
)
from mien.classifiers.graph import Graph, Reading, read_out
from mien.classifiers.rows import BatchRule, as_columns, as_rows
from mien.data.provenance import TrainedOn
from mien.errors import AlignmentError, DataError, UsageError
from mien.features.extractor import describe, width
from mien.nets.settings import AugmentSettings
from mien.storage.identity import identity
from mien.types import Bools, FeatureRequest, Floats, Outputs
from mien.types.inputs import SLACK, TINY
from mien.workers import map_on_cores

MOST_SHOWN = 8
"""Answers of a row that a message shows."""
HANDY = 20_000
"""Numbers of a map up to which an adapter learns on it by default: nine views of each image are kept at once."""


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
    each map, and on "pixels", the images themselves. Features of the images alone are the vector "daisy".
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
            if declared.own_features:
                layers.append(Layer(OWN, (width(OWN, side),), "vector"))
        else:
            layers.append(Layer(INPUTS, (declared.inputs.width,), "vector"))
        key = identity(
            graph=self.graph.id, classes=declared.classes, inputs=declared.inputs, output=declared.output,
            answers=declared.answers, layers=[(layer.name, layer.array) for layer in declared.layers],
            **({OWN: True} if declared.own_features else {}),
        )  # fmt: skip
        return ClassifierCard(key, declared.classes, (), declared.inputs, tuple(layers), self.trained_on)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """Probabilities, and the features that the request names.

        Raises
        ------
        DataError : the answers are no probabilities, or not finite.
        """
        batch.checked(self.card, request)
        vectors, maps = self._vector_readings(request), self._map_readings(request.maps)
        answers = {} if self.declared.answers == NONE else {"": Reading(self.declared.output)}
        kinds = {"": None, **dict.fromkeys(maps, np.float16)}
        shown = self._arrays_of(batch.data, {**answers, **vectors, **maps}, kinds)
        if len(shown) < len(answers) + len(vectors) + len(maps):
            return Outputs(batch.ids, np.empty((0, len(self.card.classes)), np.float32))
        features = {name: shown[name] for name in vectors}
        if isinstance(self.declared.inputs, TableSpec) and request.matches(INPUTS):
            features[INPUTS] = batch.data
        if self.declared.own_features and request.matches(OWN):
            features |= describe(batch.data, kind=OWN)
        if PIXELS in request.maps:
            shown[PIXELS] = np.asarray(self._pixels(batch.data), np.float16)
        full = {name: shown[name][:, None] for name in request.maps}
        probs = self._probabilities(shown[""], len(batch)) if answers else np.ones((len(batch), 1), np.float32)
        return Outputs(batch.ids, probs, None, features, full)  # type: ignore[arg-type]

    def vectors_of(self, pictures: NDArray[Any], request: FeatureRequest) -> dict[str, Floats]:
        """The vectors that a request names, float32.

        Parameters
        ----------
        pictures : (N, H, W, C) from 0 to 255, of the size and the colours that it reads; not rounded, if need be.
        """
        readings = self._vector_readings(request)
        nothing = {layer.name: np.empty((0, *layer.shape), np.float32) for layer in self.vector_layers}
        return self._arrays_of(pictures, readings) or {name: nothing[name] for name in readings}

    @property
    def is_encoder(self) -> bool:
        """Whether it has no answers, only layers."""
        return self.declared.answers == NONE

    @property
    def vector_layers(self) -> tuple[Layer, ...]:
        """All vectors that it can show: means of maps on each grid, and the layers that are vectors."""
        layers: list[Layer] = []
        for layer in self.declared.layers:
            if layer.kind == "map":
                layers += [Layer(f"{layer.name}/{grid}", (layer.shape[0] * grid**2,)) for grid in GRIDS]
            else:
                layers.append(Layer(layer.name, layer.shape))
        return tuple(layers)

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
            for [values] in self._read(pixels, [Reading(self._arrays[layer])]):
                maps[start : start + len(values), view] = values
                start += len(values)
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
        if self.declared.own_features and request.matches(OWN):
            cause = "its patch learns on features of the images that no ONNX operator computes"
            raise UsageError(cause, place="--onnx", remedy="export the corrector alone: --patch-only")
        return with_readout(self.graph, self.declared, request)

    def graph_input(self, batch: Batch) -> NDArray[Any]:
        """The images as declared: their order of colours, layout, scaling and type; or the table in its type."""
        return self._tensor(batch.data)

    @property
    def rows_at_once(self) -> int:
        """How many rows it reads together at most."""
        return self._rule.rows

    @property
    def _rule(self) -> BatchRule:
        return BatchRule.of(self.graph, self.declared.inputs)

    def _read(self, data: NDArray[Any], readings: Sequence[Reading]) -> Iterator[list[Floats]]:
        """What is read out for all rows, as many together as the graph reads at once."""
        rule = self._rule

        def read(start: int) -> list[Floats]:
            part = data[start : start + rule.rows]
            shaped = rule.shaped(self._tensor(part))
            if not rule.bare:
                values = read_out(self.graph, shaped, readings)
            else:  # without an axis for rows, means are not those of maps
                arrays = read_out(self.graph, shaped, [Reading(reading.array) for reading in readings])
                values = [reading.of(rule.of_rows(as_rows(array), 1, reading.array))
                          for reading, array in zip(readings, arrays, strict=True)]  # fmt: skip
            return [rule.of_rows(as_rows(value), len(part), reading.array)
                    for reading, value in zip(readings, values, strict=True)]  # fmt: skip

        starts = range(0, len(data), rule.rows)
        yield from map_on_cores(read, starts) if self.prepare_thread else map(read, starts)

    @property
    def prepare_thread(self) -> Callable[[], None] | None:
        """Called once in each thread that asks for outputs, where the graph answers several threads at once."""
        prepare: Callable[[], None] | None = getattr(self.graph, "prepare_thread", None)
        return prepare

    def _arrays_of(
        self, data: NDArray[Any], readings: Mapping[str, Reading], kinds: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, Any]:
        """Name → what is read for all rows, float32 but for those with another kind; {} where there are no rows."""
        parts = [
            [np.asarray(value, kinds.get(name, np.float32)) for name, value in zip(readings, values, strict=True)]
            for values in (self._read(data, list(readings.values())) if readings else ())
        ]
        return dict(zip(readings, map(np.concatenate, zip(*parts, strict=True)), strict=True)) if parts else {}

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

    def _vector_readings(self, request: FeatureRequest) -> dict[str, Reading]:
        """Name of each vector that the request names → where it is read."""
        readings: dict[str, Reading] = {}
        for layer in self.declared.layers:
            if layer.kind == "map":
                means = {f"{layer.name}/{grid}": Reading(layer.array, grid, layer.shape[1:]) for grid in GRIDS}
                readings |= {name: reading for name, reading in means.items() if request.matches(name)}
            elif request.matches(layer.name):
                readings[layer.name] = Reading(layer.array)
        return readings

    def _map_readings(self, names: Sequence[str]) -> dict[str, Reading]:
        return {name: Reading(self._arrays[name]) for name in names if name != PIXELS}

    def _pixels(self, pixels: NDArray[np.uint8]) -> Floats:
        """(N, C, H, W) from 0 to 1."""
        shaped = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        return shaped.astype(np.float32) / 255


def _handy_first(layers: list[Layer]) -> list[Layer]:
    """The same layers; the first is the earliest map that is small enough for an adapter, where there is one."""
    handy = [layer for layer in layers if layer.kind == "map" and np.prod(layer.shape) <= HANDY]
    return sorted(layers, key=lambda layer: layer not in handy[:1])


def _worst(values: Floats, sums: Bools) -> int:
    """A row with answers that are negative, or whose sum is wrong."""
    return int(np.argmax((values < -TINY).any(1) | ~sums[:, 0]))
