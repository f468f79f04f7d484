"""A small network on an early map of f, for all classes, trained on the *correct* part. f is not changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from mien.correctors.base import BaseCorrector
from mien.correctors.contract import (
    LayerSource,
    State,
    Target,
    check_fitted,
    check_has_positives,
    restored_target,
    target_class,
    target_classes,
)
from mien.correctors.log_odds import LEAST, Encoding, class_odds, most_probable
from mien.errors import AlignmentError, DataError, UsageError
from mien.features.vectors import check_finite
from mien.nets.device import full_precision, one_thread, seed_everything
from mien.nets.examples import Maps
from mien.nets.extraction import answers_from_maps
from mien.nets.graph import head_graph
from mien.nets.head import Copied, Fresh
from mien.nets.network import Network
from mien.nets.saved import PRECISIONS, precision_name
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import fit
from mien.types import FeatureRequest, Floats, Outputs, Proposal, SoftLabels

AS_THEY_ARE = AugmentSettings(flip=0, rotate=0, shift=0, scale=0, light=0, erase=0)
GATED_ON = 1024
"""Most pictures that the gate of the second look is set on."""


class Adapter(BaseCorrector):
    """Layers for all K classes above an early layer of f.

    For a network of mien (`for_classifier`) they start as a copy of its upper layers, so that a few epochs suffice for
    one class more. On any other map they start with new weights.

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    layer : name of the map (N, V, C, H, W) that the layers read; by default the first of the outputs.
    head : network of which a copy is trained; None: two residual blocks with new weights.
    epochs, learning_rate : settings of the training.
    views : number of augmented views of each picture; each epoch uses the next one.
    trust : share of f's probabilities in the targets of the other classes, which f has learnt from many more pictures
        (distillation: Hinton, Vinyals & Dean, 2015).
    own_share : share of f's own log-odds in the score of one class that f knows.
    second_look : share of the fitted pictures of other classes of which every view is looked at, also the mirror image;
        of those with lower scores only the first is. With several target classes all views always are.
    threads : processor threads; more change the last digits.
    random_state : seed of first weights, order and dropout.

    Notes
    -----
    Labels may be shares of votes. The score is log p_i − log(1 − p_i). For a class that f knows, it is averaged with
    f's own log p_i − log p_answer, since two opinions of an image are better than one.
    """

    name = "adapter"
    several_classes = True
    weight_power = TrainSettings.weight_power
    full_precision = staticmethod(full_precision)
    """A context in which it answers in float32, as its graph does."""
    prepare_thread = staticmethod(one_thread)
    """Called in each of several threads that answer at the same time."""

    network_: Network | None = None
    layer_: str = ""
    channels_: int = 0
    own_share_: float = 0.0
    gate_: float | None = None

    def __init__(
        self,
        target: Target = None,
        layer: str = "",
        head: Network | None = None,
        *,
        epochs: int = 18,
        views: int = 9,
        learning_rate: float = 9e-3,
        trust: float = 0.5,
        own_share: float = 0.5,
        second_look: float = 0.3,
        threads: int = 1,
        random_state: int = 0,
    ) -> None:
        self.target, self.layer, self.head, self.epochs, self.views = target, layer, head, epochs, views
        self.learning_rate, self.trust, self.own_share, self.threads = learning_rate, trust, own_share, threads
        self.second_look, self.random_state = second_look, random_state

    @classmethod
    def for_classifier(cls, classifier: LayerSource, target: Target = None) -> Self:
        """An adapter that begins as a copy of the upper layers of a network, or else stands on the first layer."""
        if isinstance(classifier, Network) and classifier.adapter_layer:
            return cls(target, classifier.adapter_layer, Copied(classifier))
        return cls(target, classifier.layers[0])

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(self.layer_ or self.layer, self.views, ())

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        labels = check_fitted(labels, self.name)
        self.target_ = target_classes(outputs, self.target)
        positive = check_has_positives(labels, self.target_)
        self.layer_ = self.layer or next(iter(outputs.maps), "")
        maps, targets = self._maps(outputs), labels.shares.copy()
        if (maps[:9] == maps[:1]).all() and (maps == maps[:1]).all():
            cause = f"the map {self.layer_} is the same for all {len(maps)} pictures"
            raise DataError(cause, place="Outputs.maps", remedy="give maps that differ")
        targets[~positive] += self.trust * (outputs.probs - targets)[~positive]
        seed_everything(self.random_state, *np.atleast_1d(self.target_).tolist())
        network = Fresh(len(outputs.known), maps.shape[2]) if self.head is None else deepcopy(self.head)
        settings = TrainSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            threads=self.threads,
            augment=AS_THEY_ARE,
            flip_tta=False,
        )
        fit(network, Maps(maps, targets), None, settings, seed=self.random_state)
        self.network_, self.channels_, self.own_share_ = network, maps.shape[2], self.own_share
        self.gate_ = self._gate(network, maps[~positive])
        return self

    def _gate(self, network: Network, others: Floats) -> float | None:
        """The score of the first view from which on all views are looked at; None: always."""
        if not 0 <= self.second_look <= 1:
            cause = f"second_look must be between 0 and 1, not {self.second_look}"
            raise UsageError(cause, place=self.name, remedy="leave it out")
        if isinstance(self.target_, tuple) or self.second_look == 1:
            return None
        some = others[:: 1 + len(others) // GATED_ON, :1]
        scores = log_odds_of(answers_from_maps(network, some), self.target_)
        return float(np.quantile(scores, 1 - self.second_look))

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class, by the mean answer over the views of each image."""
        if isinstance(self.target_, tuple):
            return most_probable(self.class_odds(outputs), outputs, self.target_)
        target = target_class(outputs, self.target_)
        score = Encoding("classes", 1.0).log_odds(self._log_probs(outputs), outputs, target)
        if outputs.known[target] and self.own_share_:
            probs = np.maximum(outputs.probs, LEAST)
            of_f = np.log(probs[:, target] / probs[np.arange(len(probs)), outputs.predicted])
            score = (1 - self.own_share_) * score + self.own_share_ * of_f
        return Proposal(outputs.ids, score, np.full(len(outputs), target))

    def class_odds(self, outputs: Outputs) -> Floats:
        """(N, K) log-odds of each class against f's answer, of an adapter of several classes."""
        return class_odds(self._log_probs(outputs), outputs)

    def _log_probs(self, outputs: Outputs) -> Floats:
        """(N, K) log-probabilities, by the mean answer over the views of each image."""
        network, maps = check_fitted(self.network_, self.name), self._maps(outputs)
        given, fitted = (maps.shape[2], len(outputs.known)), (self.channels_ or maps.shape[2], len(network.known))
        if given != fitted:
            cause = "{} channels and {} classes, the corrector was fitted on {} and {}".format(*given, *fitted)
            remedy = "give outputs of the classifier that it was fitted on"
            raise AlignmentError(cause, place=f"Outputs.maps[{self.layer_}]", remedy=remedy)
        return np.asarray(log_softmax(self._answers(network, maps), axis=1))

    def _answers(self, network: Network, maps: Floats) -> Floats:
        """(N, K) logits: the mean over all views, or the first alone where its score is below the gate."""
        if self.gate_ is None or maps.shape[1] == 1:
            return answers_from_maps(network, maps)
        logits, views = answers_from_maps(network, maps[:, :1]), maps.shape[1]
        near = log_odds_of(logits, self.target_) >= self.gate_
        if near.any():
            logits[near] = (logits[near] + (views - 1) * answers_from_maps(network, maps[near, 1:])) / views
        return logits

    def state(self) -> dict[str, NDArray[Any]]:
        network = check_fitted(self.network_, self.name)
        weights = {f"head.{name}": value.numpy() for name, value in network.state_dict().items()}
        about = {
            "target": self.target_,
            "tap": self.layer_,
            "precision": precision_name(network),
            "channels": self.channels_,
            "own_share": self.own_share_,
            **({} if self.gate_ is None else {"gate": self.gate_}),
        }
        return {**weights, **{name: np.array(value) for name, value in about.items()}}

    def restore(self, state: State) -> Self:
        weights = {
            name.removeprefix("head."): torch.from_numpy(np.array(value))
            for name, value in state.items()
            if name.startswith("head.")
        }
        self.target_, self.layer_ = restored_target(state["target"]), str(state["tap"])
        self.channels_ = int(state.get("channels", 0))  # earlier versions did not store it,
        self.own_share_ = float(state.get("own_share", 0))  # nor this,
        self.gate_ = float(state["gate"]) if "gate" in state else None  # nor this
        if self.head is None or self.layer_ != self.layer:  # a layer that was named has new weights above it
            first = next(value for name, value in weights.items() if name.startswith(("convolutions.0.", "blocks.0.")))
            network: Network = Fresh(len(weights["known"]), first.shape[1])
        else:
            network = deepcopy(self.head)
        network.load_state_dict(weights)
        network.precision = PRECISIONS[str(state["precision"])]
        self.network_ = network.eval()
        return self

    def graph(self, shape: tuple[int, ...]) -> Any:
        """Its layers as an ONNX model: maps (N, *shape) in, logits out; see `mien.nets.graph.head_graph`."""
        gate = None if self.gate_ is None else (int(np.asarray(self.target_)), self.gate_)
        return head_graph(check_fitted(self.network_, self.name), shape, gate)

    def _maps(self, outputs: Outputs) -> Floats:
        layer = self.layer_ or self.layer
        if layer not in outputs.maps:
            there = ", ".join(outputs.maps) or "none"
            remedy = f"read one out: extract(…, maps=[{layer or 'LAYER'!r}])"
            raise DataError(f"no map {layer!r} among the maps: {there}", place=self.name, remedy=remedy)
        check_finite(outputs.maps[layer], f"Outputs.maps[{layer}]")
        return outputs.maps[layer]


def log_odds_of(logits: Floats, target: int | tuple[int, ...] | None) -> Floats:
    """(N,) log-odds of one class against all others, from (N, K) logits."""
    assert isinstance(target, int)
    return np.asarray(logits[:, target] - logsumexp(np.delete(logits, target, axis=1), axis=1))
