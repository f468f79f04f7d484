"""A classifier with features that it borrows from other networks: they see its pictures, and it stays as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from mien.classifiers.adopted import open_adopted, stored_kind
from mien.classifiers.contract import Batch, Classifier, ClassifierCard, ImageSpec, Layer, is_identity
from mien.classifiers.declaration import PIXELS
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.resizing import resized
from mien.errors import RunError, UsageError
from mien.storage.identity import identity
from mien.storage.layout import ADOPTED
from mien.types import FeatureRequest, Floats, Outputs

FLAG = "--features"
ROWS = 256
"""Pictures that an encoder reads together: they are larger there."""


@dataclass(frozen=True)
class Encoder:
    """A network whose layers serve as features beside those of a classifier; its own answers play no part.

    Attributes
    ----------
    name : of its features, "NAME/LAYER". network : that has the layers.
    layers : patterns of the names of its vectors that are used, such as "stage2/*".
    """

    name: str
    network: ForeignClassifier
    layers: tuple[str, ...] = ("*",)

    @property
    def id(self) -> str:
        """Digest of its bytes, its inputs and its layers."""
        return self.network.card.id

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What its features depend on, beside the pictures."""
        return self.name, self.id, self.layers

    @property
    def inputs(self) -> ImageSpec:
        """The images that it reads."""
        inputs = self.network.declared.inputs
        assert isinstance(inputs, ImageSpec)
        return inputs

    def wanted(self, request: FeatureRequest) -> tuple[str, ...]:
        """Its vectors that a request names, without its own name."""
        allowed = FeatureRequest(vectors=self.layers)
        names = (layer.name for layer in self.network.vector_layers if allowed.matches(layer.name))
        return tuple(name for name in names if request.matches(f"{self.name}/{name}"))

    def vectors(self, batch: Batch, request: FeatureRequest) -> dict[str, Floats]:
        """Its features for the pictures of another classifier, by "NAME/LAYER".

        Parameters
        ----------
        batch : pictures in the form that the other classifier reads: they get the size and the colours of this one.
        """
        names = self.wanted(request)
        if not names:
            return {}
        spec, asked = self.inputs, FeatureRequest(vectors=names)
        parts = []
        for start in range(0, max(len(batch), 1), ROWS):
            pictures = resized(batch.data[start : start + ROWS], spec.size, colour=spec.colour)
            parts.append(self.network.vectors_of(pictures, asked))
        return {f"{self.name}/{name}": np.concatenate([part[name] for part in parts]) for name in names}

    @property
    def record(self) -> dict[str, Any]:
        """What a patch keeps of it: which one it is, where it lay, and what is read of it."""
        place = str(self.network.folder.resolve()) if self.network.folder else ""
        return {
            "name": self.name, "id": self.id, "place": place, "inputs": str(self.inputs), "layers": self.layers,
        }  # fmt: skip


class Borrowing:
    """A classifier that also shows the features of encoders; its answers are its own.

    Everything that is not named here is that of the classifier.

    Parameters
    ----------
    classifier : of pictures. encoders : with different names.
    """

    def __init__(self, classifier: Classifier, encoders: Sequence[Encoder]) -> None:
        self.classifier, self.encoders = classifier, tuple(encoders)

    @cached_property
    def card(self) -> ClassifierCard:
        """That of the classifier, with the vectors of the encoders behind its layers."""
        card = self.classifier.card
        layers = [
            Layer(f"{encoder.name}/{layer.name}", layer.shape)
            for encoder in self.encoders for layer in encoder.network.vector_layers
            if layer.name in encoder.wanted(FeatureRequest())
        ]  # fmt: skip
        key = identity(classifier=card.id, features=[encoder.key for encoder in self.encoders])
        return replace(card, id=key, layers=(*card.layers, *layers))

    def has_identity(self, stored: str) -> bool:
        """Whether a stored identity is that of the classifier: a patch is for it, whatever is borrowed."""
        return is_identity(self.classifier, stored)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """The classifier's outputs, with the vectors of the encoders that the request names."""
        outputs = self.classifier.outputs(batch, request)
        return outputs.with_features(
            {name: values for each in self.encoders for name, values in each.vectors(batch, request).items()}
        )

    def as_onnx(self, request: FeatureRequest = FeatureRequest(vectors=())) -> Any:  # noqa: B008 -- frozen
        """The model of the classifier with the requested features, also of the encoders, in one graph.

        Raises
        ------
        UsageError : a classifier without an ONNX graph, or they cannot become one.
        """
        from mien.classifiers.onnx_borrowing import with_encoders

        as_onnx: Callable[[FeatureRequest], Any] = self.classifier.as_onnx  # type: ignore[attr-defined]
        if not any(encoder.wanted(request) for encoder in self.encoders):
            return as_onnx(request)
        inputs = self.classifier.card.inputs
        assert isinstance(inputs, ImageSpec)
        shows_pixels = any(layer.name == PIXELS for layer in self.classifier.card.layers)
        model = as_onnx(replace(request, maps=(*request.maps, PIXELS)) if shows_pixels else request)
        return with_encoders(model, inputs, self.encoders, request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.classifier, name)


def borrowing(classifier: Classifier, encoders: Sequence[Encoder]) -> Classifier:
    """The classifier with the features of these encoders, in place of any that it has; without encoders, it alone."""
    bare = without_borrowed(classifier)
    return Borrowing(bare, encoders) if encoders else bare


def without_borrowed(classifier: Classifier) -> Classifier:
    """The classifier alone."""
    return classifier.classifier if isinstance(classifier, Borrowing) else classifier


def open_encoders(places: Iterable[str], classifier: Classifier) -> tuple[Encoder, ...]:
    """The encoders in folders that `mien adopt` wrote.

    Parameters
    ----------
    classifier : that borrows.

    Raises
    ------
    UsageError : the classifier reads tables, a place is no such folder, or two have one name. RunError : damaged.
    """
    encoders: list[Encoder] = []
    for place in places:
        if not isinstance(classifier.card.inputs, ImageSpec):
            cause = f"the classifier reads {classifier.card.inputs}, and features are of pictures"
            raise UsageError(cause, place=f"{FLAG} {place}", remedy="leave it out")
        encoder = open_encoder(Path(place))
        if encoder.name in [each.name for each in encoders]:
            remedy = "give each once, in folders of different names"
            raise UsageError(f"two have the name {encoder.name}", place=f"{FLAG} {place}", remedy=remedy)
        encoders.append(encoder)
    return tuple(encoders)


def open_encoder(folder: Path, name: str = "") -> Encoder:
    """The network in a folder that `mien adopt` wrote, as a source of features.

    Parameters
    ----------
    name : of its features; by default that of the folder.

    Raises
    ------
    UsageError : no such folder, another kind of model, one of tables, or without layers. RunError : it is damaged.
    """
    place = f"{FLAG} {folder}"
    if not (folder / ADOPTED).is_file():
        remedy = "give a folder that mien adopt wrote: mien adopt encoder.onnx --answers none --scaling … --out FOLDER"
        raise UsageError("is no adopted network", place=place, remedy=remedy)
    if stored_kind(folder) != "onnx":
        raise UsageError("is no ONNX file", place=place, remedy="export it to ONNX, and adopt that file")
    network = open_adopted(folder)
    if not isinstance(network.declared.inputs, ImageSpec):
        raise UsageError(f"reads {network.declared.inputs}, no pictures", place=place, remedy="leave it out")
    if not network.vector_layers:
        raise UsageError("shows no layers", place=place, remedy="adopt it with layers: mien adopt --layers lists them")
    return Encoder(name or folder.resolve().name, network)


def reopened(stored: Mapping[str, Any], beside: Path) -> Encoder:
    """An encoder that a patch names: in the folder where it lay, or in one of its name.

    Parameters
    ----------
    stored : see `Encoder.record`. beside : folder in which a folder of its name may be.

    Raises
    ------
    RunError : it is not there, or is another network.
    """
    name, wanted, place = str(stored["name"]), str(stored["id"]), str(stored["place"])
    for folder in (Path(place), beside / name) if place else (beside / name,):
        if (folder / ADOPTED).is_file():
            encoder = open_encoder(folder, name)
            if encoder.id == wanted:
                return replace(encoder, layers=tuple(map(str, stored["layers"])))
    cause = f"borrows features of the network {name!r}, which is not there"
    places = " or ".join(filter(None, (place, str(beside / name))))
    remedy = f"put the adopted folder that it was made with to {places}"
    raise RunError(cause, place=f"patch in {beside}", remedy=remedy)


def cost_in_words(classifier: Classifier, encoders: Sequence[Encoder], batch: Batch) -> str:
    """What the features of encoders cost beside the classifier, in a sentence; measured on a batch."""
    request = FeatureRequest()
    alone = _seconds(lambda: classifier.outputs(batch, request))
    names = " and ".join(encoder.name for encoder in encoders)
    borrowed = sum(_seconds(partial(encoder.vectors, batch, request)) for encoder in encoders)
    each = 1e3 / max(len(batch), 1)
    return (
        f"the features of {names} take {each * borrowed:.2g} ms a picture here, beside {each * alone:.2g} ms of the "
        f"classifier with its layers: {borrowed / alone:.2g} times as long"
    )


def _seconds(compute: Callable[[], object]) -> float:
    """Seconds of the second call: the first one prepares."""
    compute()
    start = time.perf_counter()
    compute()
    return max(time.perf_counter() - start, 1e-9)
