"""The networks that mien trains, as classifiers."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer, LayerKind
from mien.nets import saved
from mien.nets.device import full_precision, one_thread
from mien.nets.extraction import batches, changed_views, extract
from mien.nets.graph import network_graph
from mien.nets.head import widened
from mien.nets.network import Network
from mien.nets.pretrained import PREFIX
from mien.nets.saved import ModelCard
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, FeatureRequest, Floats, Outputs


class NetworkClassifier:
    """A network of `mien.nets`, with the card that is saved beside its weights.

    Parameters
    ----------
    network : in memory; it is not changed.
    saved_card : its classes, and the images that it reads.
    folder : where both are saved, if anywhere; what it learnt from is recorded there.
    """

    def __init__(self, network: Network, saved_card: ModelCard, folder: Path | None = None) -> None:
        self.network, self.saved_card, self.folder = network, saved_card, folder
        self.cache_folder = folder
        """Where its outputs may be kept; None where code from outside mien may change the answers."""

    @classmethod
    def of(cls, network: Network, data: Dataset) -> NetworkClassifier:
        """A network in memory that answers for the classes of a decoded data set, and for images of its form."""
        pixels, known = data.pictures, tuple(network.known.tolist())
        base = type(network).__name__.lower()
        return cls(network, ModelCard(base, data.labelset.names, known, pixels.shape[1], pixels.ndim == 4, "pad"))

    @classmethod
    def open(cls, folder: Path, *, base: str | None = None) -> NetworkClassifier:
        """Read a network back from its folder; `base` is its class as module:Name, where it is from outside mien.

        Raises
        ------
        RunError : the folder holds no network, or a damaged one.
        """
        classifier = cls(*saved.load(folder, base=base), folder)
        classifier.cache_folder = None if base else folder
        return classifier

    @property
    def backbone(self) -> str:
        """The pretrained network that it begins with, which others trained; "" where there is none."""
        return self.saved_card.base if self.saved_card.base.startswith(PREFIX) else ""

    @cached_property
    def card(self) -> ClassifierCard:
        """Its weights are read once for it."""
        about = self.saved_card
        spec = ImageSpec(about.images.size, about.images.colour, about.images.resize_mode)
        identity = saved.fingerprint(self.network, about)
        return ClassifierCard(identity, about.classes, about.known, spec, self._layers(spec))

    def has_identity(self, stored: str) -> bool:
        """Whether an identity, of this version or an earlier one, is that of this network."""
        return stored == self.card.id or saved.is_identity(stored, self.network, self.saved_card)

    def _layers(self, spec: ImageSpec) -> tuple[Layer, ...]:
        """Names and shapes, as one blank image shows them."""
        [[shown, *_]] = batches(self.network, np.zeros((1, *spec.settings.shape), np.uint8))
        layers = []
        for name in (name for name in self.network.layers if name in shown):
            value = shown[name]
            kind: LayerKind = "logits" if name == "logits" else "map" if value.ndim == 4 else "vector"
            layers.append(Layer(name, tuple(value.shape[1:]), kind))
        return tuple(layers)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """Probabilities and features, see `mien.nets.extraction.extract`.

        A map layer gives the vectors "LAYER/1" and "LAYER/3", its means on grids of 1 × 1 and 3 × 3.
        """
        batch.checked(self.card, request)
        return extract(self.network, batch.data, batch.ids, vectors=request.vectors, maps=request.maps)

    def views(self, batch: Batch, layer: str, count: int, augment: AugmentSettings) -> Floats:
        """(N, count, C, H, W) float16 maps of a layer, of `count` changed views of each image."""
        request = FeatureRequest(layer, count)
        return changed_views(self.network, batch.checked(self.card, request).data, request, augment)

    def head_source(self, classes: int) -> Network:
        """The network with columns for so many classes: what an adapter copies its layers from."""
        return widened(self.network, classes)

    def as_onnx(self, request: FeatureRequest = FeatureRequest(vectors=())) -> Any:  # noqa: B008 -- frozen
        """The network as an ONNX model, see `mien.nets.graph.network_graph`; it computes in float32."""
        return network_graph(self.network, self.card.images.shape, request)

    def graph_input(self, batch: Batch) -> NDArray[Any]:
        """The images themselves: scaling is inside the graph."""
        return batch.data

    prepare_thread = staticmethod(one_thread)
    """Called once in each thread that asks for outputs: many threads with one core each are fastest."""

    full_precision = staticmethod(full_precision)
    """A context in which it answers in float32, as its graph does."""
