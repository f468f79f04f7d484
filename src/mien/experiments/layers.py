"""The layers of a classifier: what they are, and which one stands for what it sees in a picture."""

from __future__ import annotations

import numpy as np

from mien.classifiers.network import NetworkClassifier
from mien.errors import UsageError
from mien.nets.network import Network
from mien.types import Dataset, Floats, Outputs


def layers_of(model: Network, data: Dataset) -> list[dict[str, object]]:
    """Name, kind ("map", "vector" or "logits") and width (channels, units or classes) of each layer, lowest first."""
    card = NetworkClassifier.of(model, data).card
    return [{"name": layer.name, "kind": layer.kind, "width": layer.shape[0]} for layer in card.layers]


def last_layer(model: Network) -> list[str]:
    """Names that its vectors may have in `Outputs`, the best first.

    The hidden layer where there is one, else the layer before the logits, else the logits. A map is averaged over the
    picture.
    """
    before = [layer for layer in model.layers if layer != "logits"]
    layers = ["hidden"] if "hidden" in before else [*reversed(before), "logits"]
    return [name for layer in layers for name in (layer, f"{layer}/1")]


def last_vectors(model: Network, outputs: Outputs) -> Floats:
    """(N, D) vectors of the last layer; UsageError where the outputs have none."""
    name_found = next((name for name in last_layer(model) if name in outputs.vectors), None)
    if name_found is None:
        cause, remedy = "gives no vector of a picture", "name a layer in its layers, such as logits"
        raise UsageError(cause, place=f"--base {type(model).__name__}", remedy=remedy)
    return outputs.vectors[name_found].astype(np.float32, copy=False)
