"""What is known of a classifier from elsewhere: from its user, its file, and its answers to a few random rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.answers import choose_output, kind_of_answers
from mien.classifiers.contract import ImageSpec, TableSpec
from mien.classifiers.declaration import ANSWERS, NONE, Declaration
from mien.classifiers.graph import ArrayInfo, Graph, LayerInfo
from mien.classifiers.rows import BatchRule
from mien.classifiers.tensors import LAYOUTS, ORDERS, PER_IMAGE, SCALINGS, TensorSpec
from mien.data.labels import EMOTIONS
from mien.data.picture import RESAMPLING, RESIZE_MODES, ImageSettings
from mien.errors import UsageError, choice_error
from mien.features.extractor import SMALLEST
from mien.settings import setting, validate
from mien.types.dataset import spelling

PROBE = 8
"""Random rows that are asked for, to see the form of the answers."""
FORMATS = {"gray8": "grey", "rgb8": "rgb", "bgr8": "bgr"}
RANGES = {"nominalrange_0_255": "0..255", "normalized_0_1": "0..1", "normalized_1_1": "-1..1"}
"""Values of the ONNX standard's image metadata, Image.BitmapPixelFormat and Image.NominalPixelRange."""
CLASS_KEYS = ("classes", "class_names", "names", "labels")


@dataclass(frozen=True)
class InputSettings:
    """What a user declares of a classifier from elsewhere; the rest is read from its file, where it is there."""

    classes: tuple[str, ...] = setting((), "its classes, in the order of its answers")
    size: int = setting(0, "side of the pictures in pixels; 0: as in its file, or a table", within=(0, 1024))
    order: str | None = setting(None, "order of the colours that it reads", choices=ORDERS)
    layout: str | None = setting(None, "axes of its input: pictures, colours, height, width", choices=LAYOUTS)
    scaling: str | None = setting(
        None, f"values of its pixels: {', '.join(SCALINGS)}, {PER_IMAGE}, or mean=M;std=S in shares of 255"
    )
    resize_mode: str = setting("stretch", "how a picture becomes square", choices=RESIZE_MODES)
    resample: str = setting(
        ImageSettings.resample, "Pillow's filter by which a picture gets its size", choices=tuple(RESAMPLING)
    )
    answers: str | None = setting(
        None, "what it answers with; none for an encoder, whose layers serve beside a classifier's", choices=ANSWERS
    )
    output: str = setting("", "the name of its output with the answers, where there are several")
    use_layers: tuple[str, ...] = setting((), "layers for correctors to learn on; by default all that --layers lists")
    own_features: bool = setting(
        False, "let correctors learn on features of the pictures alone as well (extra foreign): daisy"
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Declared:
    """A declaration, and a sentence for each part of it that its user did not give."""

    declaration: Declaration
    notes: tuple[str, ...] = ()


def declare(graph: Graph, settings: InputSettings) -> Declared:
    """Complete what a user declares of a model.

    Raises
    ------
    UsageError : something is neither said nor in the file, or does not fit the model.
    """
    metadata: Mapping[str, str] = getattr(graph, "metadata", {})
    notes: list[str] = []
    inputs = _inputs(graph.input, settings, metadata, notes)
    probe = random_rows(graph, inputs)
    classes = _called(settings.classes or _classes(graph, metadata, notes), notes)
    rule = BatchRule.of(graph, inputs)
    rows = 1 if rule.bare else len(probe)
    if settings.answers == NONE:
        return Declared(_encoder(graph, inputs, settings, probe, rows), tuple(notes))
    output, answers = choose_output(graph, probe, rows, classes, settings.output, notes)
    if not classes:
        count = answers.shape[1]
        raise _missing(f"its file does not name its {count} classes", "--classes", "all, in the order of its answers")
    kind = kind_of_answers(answers, settings.answers, output, notes)
    if rule.rows == 1 and not rule.fixed:
        notes.append("it has a scale that follows from all rows that it reads together, so it reads one at a time")
    layers = _chosen(graph.layers(probe, rows), settings.use_layers)
    if settings.own_features:
        _check_has_features(inputs)
    elif isinstance(inputs, ImageSpec) and _shows_nothing(layers, classes):
        notes.append("it shows no layers: --own-features lets correctors learn on features of the pictures alone")
    return Declared(Declaration(classes, inputs, output, kind, layers, settings.own_features), tuple(notes))


def _encoder(
    graph: Graph, inputs: ImageSpec | TableSpec, settings: InputSettings, probe: NDArray[Any], rows: int
) -> Declaration:
    """What is declared of a network whose layers are features beside a classifier's."""
    ends = tuple(_ends(graph, probe, rows))
    named = {value for layer in ends for value in (layer.name, layer.array)}
    inside = (layer for layer in graph.layers(probe, rows) if not named & {layer.name, layer.array})
    layers = _chosen((*inside, *ends), settings.use_layers)
    if not isinstance(inputs, ImageSpec) or not layers:
        cause = f"it reads {inputs}" if layers else "it shows no layers"
        remedy = "give a network of pictures with layers; a classifier has answers: leave --answers none out"
        raise UsageError(f"{cause}, and is no encoder of pictures", place="--answers none", remedy=remedy)
    return Declaration((), inputs, "", NONE, layers)


def _ends(graph: Graph, probe: NDArray[Any], rows: int) -> Iterator[LayerInfo]:
    """Outputs of a model that are vectors of more than one number, or maps: what an encoder was made to give."""
    names = [info.name for info in graph.outputs]
    for name, value in zip(names, map(np.asarray, graph.run(probe, names)), strict=True):
        if value.dtype.kind == "f" and value.ndim in (2, 4) and len(value) == rows and value[0].size > 1:
            yield LayerInfo(name, name, "map" if value.ndim == 4 else "vector", value.shape[1:])


def _inputs(
    info: ArrayInfo, settings: InputSettings, metadata: Mapping[str, str], notes: list[str]
) -> ImageSpec | TableSpec:
    about = {key.lower().removeprefix("image."): value.strip().lower() for key, value in metadata.items()}
    shape, size = info.shape, settings.size
    if 1 <= len(shape) <= 2 and not size and settings.layout != "nhw":
        width = shape[-1] if shape else 0
        if not width:
            raise _missing("its input has no fixed size", "--size", "the side of the pictures that it reads")
        return TableSpec(width)
    layout, channels, side = _form(shape, settings.layout, size)
    if not side:
        raise _missing("its file does not give the size of the pictures", "--size", "their side in pixels")
    if not size:
        notes.append(f"pictures of {side} × {side} pixels, from its file")
    if size and side != size:
        remedy = f"leave --size out, or give {side}"
        raise UsageError(f"its input is {side} pixels wide, not {size}", place="--size", remedy=remedy)
    order = settings.order or ("grey" if channels == 1 else FORMATS.get(about.get("bitmappixelformat", "")))
    if order is None:
        remedy = "rgb or bgr (OpenCV's order), or grey; with labelled pictures, --check tells which fits"
        raise _missing("its file does not give the order of the colours", "--order", remedy)
    scaling = settings.scaling or RANGES.get(about.get("nominalpixelrange", ""))
    if scaling is None and info.dtype == "uint8":
        scaling = "0..255"
    if scaling is None:
        remedy = f"{', '.join(SCALINGS)}; with labelled pictures, --check tells which fits"
        raise _missing("its file does not give the scaling of pixels", "--scaling", remedy)
    parts = {"order of colours": (settings.order, order), "layout": (settings.layout, layout),
            "scaling": (settings.scaling, scaling)}  # fmt: skip
    notes += [f"{name} {value}, from its file" for name, (given, value) in parts.items() if given is None]
    tensor = TensorSpec(order, layout, scaling, info.dtype or "float32", channels)
    return ImageSpec(side, tensor.colour, settings.resize_mode, tensor, settings.resample)


def _form(shape: tuple[int, ...], layout: str | None, size: int) -> tuple[str, int, int]:
    """Layout, channels and side of the images that an input of this shape takes; 0 for a side that is free.

    Raises
    ------
    UsageError : the shape is of no image, or may be of several layouts.
    """
    if len(shape) == 2 and layout == "nhw":  # one grey picture, without an axis for several
        shape = (1, *shape)
    if len(shape) == 2 and shape[1] and size:
        channels = shape[1] // size**2
        if channels not in (1, 3) or channels * size**2 != shape[1]:
            cause = f"its input has {shape[1]} columns, which is no picture of {size} × {size} pixels"
            raise UsageError(cause, place="--size", remedy="leave --size out for a table, or give another")
        return "flat", channels, size
    shape = shape or (0, 0, 0, 0)
    fitting = []
    rows_of_grey = len(shape) == 3 and shape[0] != 3 and (shape[1] == shape[2] or 0 in shape[1:])
    for name in ("nchw", "nhwc"):
        sides = shape if len(shape) == 4 else (1, *shape)  # without an axis of images, the graph reads one
        if len(sides) == 4 and not rows_of_grey:
            colours, across = (sides[1], sides[2:]) if name == "nchw" else (sides[3], sides[1:3])
            if colours in (0, 1, 3) and (across[0] == across[1] or 0 in across):
                fitting.append((name, colours, max(across) or size))
    if rows_of_grey:
        fitting.append(("nhw", 1, max(shape[1:]) or size))
    fitting = [form for form in fitting if layout in (None, form[0])]
    sure = [form for form in fitting if form[1]] or fitting
    if not sure:
        shown = " × ".join(str(side or "?") for side in shape) or "unknown"
        remedy = "wrap its prediction in a function of square pictures and adopt that: mien adopt module:function"
        raise UsageError(f"its input of shape {shown} takes no square pictures", place="input", remedy=remedy)
    if len({form[0] for form in sure}) > 1:
        raise _missing("its input may have colours first or last", "--layout", " or ".join(form[0] for form in sure))
    name, colours, side = sure[0]
    return name, colours, side


def random_rows(graph: Graph, inputs: ImageSpec | TableSpec, times: int = 1) -> NDArray[Any]:
    """A few random rows in the form that the graph reads; `times` as many as it reads at once."""
    rng, rule = np.random.default_rng(0), BatchRule.of(graph, inputs)
    rows = times * (rule.rows if rule.fixed else PROBE)
    if isinstance(inputs, TableSpec):
        return rng.normal(size=(rows, inputs.width)).astype(graph.input.dtype or np.float32)
    assert inputs.tensor is not None
    images = inputs.tensor.array(rng.integers(0, 256, (rows, *inputs.settings.shape), np.uint8))
    return rule.shaped(images) if rule.bare else images


def _classes(graph: Graph, metadata: Mapping[str, str], notes: list[str]) -> tuple[str, ...]:
    """Names that the model itself has, or its file; () where it has none."""
    names = tuple(map(str, getattr(graph, "classes", ()))) or next(
        (names for key in CLASS_KEYS if (names := _listed(metadata.get(key, "")))), ()
    )
    if names:
        notes.append(f"classes from its file: {', '.join(names)}")
    return names


def _called(names: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
    """The names that labelled data have for these classes: usual spellings of an emotion are one name."""
    known = [EMOTIONS.resolve(name) for name in names]
    called = tuple(
        EMOTIONS.names[index] if index >= 0 else spelling(name) for name, index in zip(names, known, strict=True)
    )
    renamed = [f"{new} for {old}" for old, new in zip(names, called, strict=True) if new != old]
    if renamed:
        notes.append(f"classes are called as in labelled data: {', '.join(renamed)}")
    return called


def _listed(text: str) -> tuple[str, ...]:
    """Names in a text: a JSON list or object, number → name as some exporters write it, or separated by commas."""
    try:
        values = json.loads(text)
        return tuple(map(str, values.values() if isinstance(values, dict) else values))
    except (ValueError, TypeError, AttributeError):
        pass
    numbered = re.findall(r"\d+\s*:\s*['\"]([^'\"]*)['\"]", text)
    return tuple(numbered) or tuple(name.strip() for name in text.split(",") if name.strip())


def _shows_nothing(layers: tuple[LayerInfo, ...], classes: tuple[str, ...]) -> bool:
    """Whether no layer holds more than the answers do."""
    return not any(layer.kind == "map" or layer.shape[-1] > len(classes) for layer in layers)


def _check_has_features(inputs: ImageSpec | TableSpec) -> None:
    """Raise UsageError where the rows are no images, or too small to have features."""
    if not isinstance(inputs, ImageSpec) or inputs.size < SMALLEST:
        cause = f"is for pictures of {SMALLEST} × {SMALLEST} pixels or more"
        raise UsageError(cause, place="--own-features", remedy="leave it out")


def _chosen(layers: tuple[LayerInfo, ...], names: Sequence[str]) -> tuple[LayerInfo, ...]:
    """The layers of these names, or names of arrays; all by default."""
    by_name = {layer.name: layer for layer in layers} | {layer.array: layer for layer in layers}
    for name in names:
        if name not in by_name:
            raise choice_error("layer", name, [layer.name for layer in layers] or ["none"], place="--use-layers")
    return tuple(dict.fromkeys(by_name[name] for name in names)) if names else layers


def _missing(cause: str, flag: str, value: str) -> UsageError:
    return UsageError(cause, place=flag, remedy=f"give {flag}: {value}")
