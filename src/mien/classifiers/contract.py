"""The contract of all classifiers: a card describes one, and `outputs` turns a batch into probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.tensors import TensorSpec
from mien.data.picture import ImageSettings
from mien.errors import AlignmentError, DataError, UsageError, choice_error
from mien.types import Bools, Dataset, FeatureRequest, Floats, Ints, LabelSet, Outputs, Texts, as_ids
from mien.types.arrays import check_unique
from mien.types.containers import check_length

if TYPE_CHECKING:
    from mien.data.provenance import TrainedOn
    from mien.nets.settings import AugmentSettings

LayerKind = Literal["map", "vector", "logits"]
KINDS = ("map", "vector", "logits")
DECISIONS = ("corrected", "overridden", "score", "suggested")
"""Outputs of the graph of a corrector."""


@dataclass(frozen=True)
class Layer:
    """One layer that a classifier can show.

    Attributes
    ----------
    name : as in the request and in the outputs.
    shape : of one row: (D,) for a vector, (C, H, W) for a map.
    kind : "map", "vector" or "logits".
    """

    name: str
    shape: tuple[int, ...]
    kind: LayerKind = "vector"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise choice_error("kind of layer", self.kind, KINDS, place=f"Layer {self.name}")


@dataclass(frozen=True)
class ImageSpec:
    """The images that a classifier reads: uint8, (N, size, size) grey or (N, size, size, 3) RGB.

    Attributes
    ----------
    size : side in pixels. colour : RGB if true, else grey.
    resize_mode : how an image becomes square: "pad", "crop" or "stretch".
    resample : filter by which it gets this size, see `mien.data.picture.RESAMPLING`.
    tensor : what the classifier makes of these images; None where that is its own affair.
    """

    size: int = 48
    colour: bool = False
    resize_mode: str = "pad"
    tensor: TensorSpec | None = None
    resample: str = field(default=ImageSettings.resample, metadata={"later": True})

    def __post_init__(self) -> None:
        _ = self.settings  # refuses what cannot be
        if self.tensor and self.tensor.colour != self.colour:
            remedy = "read colour images for rgb and bgr, grey ones for grey"
            raise UsageError(f"colour is {self.colour}, the order {self.tensor.order}", place="inputs", remedy=remedy)

    @property
    def settings(self) -> ImageSettings:
        """How image files become such arrays."""
        return ImageSettings(self.size, self.colour, self.resize_mode, self.resample)

    def __str__(self) -> str:
        text = f"{'RGB' if self.colour else 'grey'} images of {self.size} × {self.size} pixels, uint8"
        if self.resample != ImageSettings.resample:
            text += f", resized by the filter {self.resample}"
        return f"{text}; as {self.tensor}" if self.tensor else text

    def fits(self, data: NDArray[Any]) -> bool:
        """Whether an array has the form of a batch."""
        return data.dtype == np.uint8 and data.shape[1:] == self.settings.shape


@dataclass(frozen=True)
class TableSpec:
    """The tables that a classifier reads: float, (N, width).

    Attributes
    ----------
    width : number of columns; 0 where rows are known by their ids alone.
    columns : their names, where they have any.
    """

    width: int = 0
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(map(str, self.columns)))
        object.__setattr__(self, "width", int(self.width) or len(self.columns))
        if self.columns and len(self.columns) != self.width:
            cause = f"{len(self.columns)} names for {self.width} columns"
            raise AlignmentError(cause, place="TableSpec", remedy="name each column once")

    def __str__(self) -> str:
        return f"tables of {self.width} columns, float" if self.width else "ids of rows"

    def fits(self, data: NDArray[Any]) -> bool:
        """Whether an array has the form of a batch."""
        return data.dtype.kind == "f" and data.shape[1:] == (self.width,)


@dataclass(frozen=True)
class ClassifierCard:
    """All that is known of a classifier.

    Attributes
    ----------
    id : digest of the weights (or bytes) and the declared inputs; equal for the same classifier alone.
    classes : names of the K classes. known : (K,) the classes that it was trained on; () stands for all.
    inputs : what it reads.
    layers : what it can show besides probabilities.
    trained_on : hashes and persons of the images that it learnt from; None where that is unknown, and then nothing is
        certified unless the user vouches for it.

    Raises
    ------
    AlignmentError : `known` has another length than `classes`, or classes repeat. UsageError : no id.

    Examples
    --------
    >>> card = ClassifierCard("3f2a", ("anger", "fear"), inputs=TableSpec(64))
    >>> card.known, str(card.inputs)
    ((True, True), 'tables of 64 columns, float')
    """

    id: str
    classes: tuple[str, ...]
    known: tuple[bool, ...] = ()
    inputs: ImageSpec | TableSpec = ImageSpec()
    layers: tuple[Layer, ...] = ()
    trained_on: TrainedOn | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", LabelSet(self.classes).names)  # refuses names that repeat
        object.__setattr__(self, "known", tuple(map(bool, self.known)) or (True,) * len(self.classes))
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.id or not isinstance(self.id, str):
            raise UsageError("has no id", place="ClassifierCard", remedy="give a digest of what it answers with")
        if len(self.known) != len(self.classes) or not any(self.known):
            cause = f"{len(self.classes)} classes, of which {sum(self.known)} of {len(self.known)} are known"
            raise AlignmentError(cause, place="ClassifierCard", remedy="give True or False for each class")

    @property
    def known_mask(self) -> Bools:
        """(K,) the classes that it was trained on."""
        return np.array(self.known)

    @property
    def images(self) -> ImageSettings:
        """How image files are read for it; UsageError where it reads no images."""
        if isinstance(self.inputs, ImageSpec):
            return self.inputs.settings
        remedy = "give a table: CorrectedClassifier(classifier).fit(X, y)"
        raise UsageError(f"reads {self.inputs}, not images", place="classifier", remedy=remedy)

    def layer(self, name: str) -> Layer:
        """The layer of this name; UsageError where there is none."""
        by_name = {layer.name: layer for layer in self.layers}
        if name not in by_name:
            raise choice_error("layer", name, by_name, place="classifier")
        return by_name[name]


@dataclass(frozen=True)
class Batch:
    """N rows in the form that a classifier reads.

    Attributes
    ----------
    data : (N, H, W) or (N, H, W, 3) uint8 images, or an (N, D) float table.
    ids : (N,) row keys, each once; None stands for the row numbers.

    Examples
    --------
    >>> Batch(np.zeros((2, 48, 48), np.uint8)).ids.tolist()
    ['0', '1']
    """

    data: NDArray[Any]
    ids: Texts = None  # type: ignore[assignment]  # None is replaced

    def __post_init__(self) -> None:
        ids = as_ids(np.arange(len(self.data)) if self.ids is None else self.ids, "Batch.ids")
        check_length(ids, len(self.data), "Batch.ids")
        check_unique(ids, "Batch.ids")
        object.__setattr__(self, "ids", ids)

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: Ints) -> Batch:
        """The given rows, each once."""
        return Batch(self.data[rows], self.ids[rows])

    def checked(self, card: ClassifierCard, request: FeatureRequest = FeatureRequest()) -> Batch:  # noqa: B008 -- frozen
        """The same batch.

        Raises
        ------
        DataError : it is not what the classifier reads. UsageError : the request names a map that it does not show.
        """
        check_maps(card, request.maps)
        if not isinstance(self.data, np.ndarray) or not card.inputs.fits(self.data):
            given = f"{getattr(self.data, 'dtype', type(self.data).__name__)} of shape {np.shape(self.data)}"
            cause = f"is {given}, and the classifier reads {card.inputs}"
            raise DataError(cause, place="Batch.data", remedy="make it with mien.classifiers.inputs.as_batch(card, X)")
        return self

    @classmethod
    def of(cls, data: Dataset, rows: Ints) -> Batch:
        """Some rows of a data set: its table where it has one, else its pixels."""
        return cls(data.pictures[rows] if data.table is None else data.table[rows], data.ids[rows])


@runtime_checkable
class Classifier(Protocol):
    """Whatever gives probabilities for a batch and has a card.

    `outputs` refuses what it cannot answer (`batch.checked(card, request)`), gives every row the same answer in
    whatever batch it comes, keeps the ids, and gives every vector and map that the request names. More vectors are
    allowed.
    """

    @property
    def card(self) -> ClassifierCard: ...

    def outputs(self, batch: Batch, request: FeatureRequest = ...) -> Outputs: ...


@runtime_checkable
class MapClassifier(Classifier, Protocol):
    """A classifier that also shows maps of changed images, which adapters learn on."""

    def views(self, batch: Batch, layer: str, count: int, augment: AugmentSettings) -> Floats:
        """(N, count, C, H, W) maps of a layer, of `count` changed views of each image."""
        ...


@runtime_checkable
class GraphClassifier(Classifier, Protocol):
    """A classifier that can be written as an ONNX graph."""

    def as_onnx(self, request: FeatureRequest = ...) -> Any:
        """An `onnx.ModelProto` that reads one array, with the output `probabilities` (N, K) and what is requested.

        Vectors are named "features/NAME"; maps are (N, V, C, H, W), named "maps/LAYER". Other outputs are the
        model's own, and have none of the names DECISIONS.
        """
        ...

    def graph_input(self, batch: Batch) -> NDArray[Any]:
        """What the graph reads for a batch."""
        ...


def is_identity(classifier: Classifier, stored: str) -> bool:
    """Whether a stored identity is that of a classifier; networks also recognise those of earlier versions."""
    recognised = getattr(classifier, "has_identity", None)
    return bool(recognised(stored)) if recognised else stored == classifier.card.id


def check_maps(card: ClassifierCard, names: Sequence[str]) -> None:
    """Raise UsageError for a layer that the classifier has no map of."""
    maps = [layer.name for layer in card.layers if layer.kind == "map"]
    for name in names:
        if name not in maps:
            cause = f"shows no map {name!r}; it has {', '.join(maps) or 'none'}"
            remedy = "give a corrector that learns on vectors, such as nystroem or logistic"
            raise UsageError(cause, place="classifier", remedy=remedy)
