"""A small network on an early map of f, for all classes, trained on the *correct* part. f stays as it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from mien.correctors.contract import Labels, State, check_fitted, check_has_positives, target_class, to_soft_labels
from mien.correctors.log_odds import log_odds
from mien.errors import AlignmentError, DataError
from mien.features.vectors import check_finite
from mien.nets.device import seed_everything
from mien.nets.examples import Maps
from mien.nets.extraction import answers_from_maps
from mien.nets.head import Copied, Fresh
from mien.nets.network import Network
from mien.nets.saved import ANSWERED_IN, precision_name
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import fit
from mien.types import FeatureRequest, Floats, Outputs, Proposal

AS_THEY_ARE = AugmentSettings(flip=0, rotate=0, shift=0, scale=0, light=0, erase=0)


class Adapter:
    """Layers for all K classes above an early layer of f.

    Beside one of mien's own classifiers (`for_classifier`) they begin as a copy of its upper layers, so that they know
    what f knows and learn one class more in a few passes. On any other map they begin from scratch.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    layer : the map (N, V, C, H, W) to stand on; by default the first that the outputs have.
    head : what is trained, a copy of it; None for two residual blocks from scratch.
    epochs, learning_rate : of the training.
    views : changed views of each picture, taken in turn, one an epoch.
    trust : how far f's own answers replace the labels of the other classes, as targets: f has learnt them from many
        more pictures than there are here (distillation: Hinton, Vinyals & Dean, 2015).
    threads : processor threads; more change the last digits.

    Notes
    -----
    Labels may be shares of votes. The score is log p_i − log(1 − p_i).
    """

    name = "adapter"

    def __init__(
        self,
        target: int | None = None,
        layer: str = "",
        head: Network | None = None,
        epochs: int = 18,
        views: int = 9,
        learning_rate: float = 9e-3,
        trust: float = 0.5,
        threads: int = 1,
    ) -> None:
        self.target, self.layer, self.epochs, self.views = target, layer, epochs, views
        self.learning_rate, self.trust, self.threads = learning_rate, trust, threads
        self._head = head
        self._trained: Network | None = None
        self._channels = 0

    @classmethod
    def beside(cls, model: Network, target: int | None = None) -> Self:
        """An adapter for this classifier, beginning with a copy of its upper layers where it names the layer for it."""
        if model.adapter_layer:
            return cls(target, model.adapter_layer, Copied(model))
        return cls(target, first_map(model))

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(self.layer, self.views, ())

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from labels or shares of votes; DataError without pictures of both kinds, or without maps."""
        self.target = target_class(outputs, self.target)
        wanted = check_has_positives(outputs, labels, self.target)
        maps, targets = self._maps(outputs), to_soft_labels(labels, len(outputs.known)).copy()
        if (maps[:9] == maps[:1]).all() and (maps == maps[:1]).all():
            cause = f"the map {self.layer} is alike in all {len(maps)} pictures"
            raise DataError(cause, place="Outputs.features", remedy="give maps that differ")
        targets[~wanted] += self.trust * (outputs.probs - targets)[~wanted]
        seed_everything(0, self.target)
        head = Fresh(len(outputs.known), maps.shape[2]) if self._head is None else deepcopy(self._head)
        settings = TrainSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            threads=self.threads,
            augment=AS_THEY_ARE,
            flip_tta=False,
        )
        fit(head, Maps(maps, targets), None, settings)
        self._trained, self._channels = head, maps.shape[2]
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class, by the mean answer over the views of each picture."""
        head, target = check_fitted(self._trained, self.name), target_class(outputs, self.target)
        maps = self._maps(outputs)
        found, fitted_on = (maps.shape[2], len(outputs.known)), (self._channels or maps.shape[2], len(head.known))
        if found != fitted_on:
            cause = "{} channels and {} classes, the corrector was fitted on {} and {}".format(*found, *fitted_on)
            remedy = "give outputs of the classifier that it was fitted on"
            raise AlignmentError(cause, place=f"Outputs.features[{self.layer}]", remedy=remedy)
        log_probs = log_softmax(answers_from_maps(head, maps), axis=1)
        score = log_odds(log_probs, "classes", outputs, target, wrong=1.0)
        return Proposal(outputs.ids, score, np.full(len(outputs), target))

    def state(self) -> dict[str, NDArray[Any]]:
        head = check_fitted(self._trained, self.name)
        weights = {f"head.{name}": value.numpy() for name, value in head.state_dict().items()}
        about = {
            "target": self.target,
            "tap": self.layer,
            "precision": precision_name(head),
            "channels": self._channels,
        }
        return {**weights, **{name: np.array(value) for name, value in about.items()}}

    def restore(self, state: State) -> Self:
        weights = {
            name.removeprefix("head."): torch.from_numpy(np.array(value))
            for name, value in state.items()
            if name.startswith("head.")
        }
        self.target, self.layer = int(state["target"]), str(state["tap"])
        self._channels = int(state["channels"]) if "channels" in state else 0  # earlier versions did not store it
        if self._head is None:
            first = next(value for name, value in weights.items() if name.startswith(("convolutions.0.", "blocks.0.")))
            self._trained = Fresh(len(weights["known"]), first.shape[1])
        else:
            self._trained = deepcopy(self._head)
        self._trained.load_state_dict(weights)
        self._trained.precision = ANSWERED_IN[str(state["precision"])]
        self._trained.eval()
        return self

    def _maps(self, outputs: Outputs) -> Floats:
        maps = {name: values for name, values in outputs.features.items() if values.ndim == 5}
        self.layer = self.layer or next(iter(maps), "")
        if self.layer not in maps:
            there = ", ".join(maps) or "none"
            remedy = f"read one out: extract(…, maps=[{self.layer or 'LAYER'!r}])"
            raise DataError(f"no map {self.layer!r} among the features; maps: {there}", place=self.name, remedy=remedy)
        check_finite(maps[self.layer], f"Outputs.features[{self.layer}]")
        return maps[self.layer]


def first_map(model: Network) -> str:
    """The first layer of a classifier that may be a map."""
    return model.layers[0]
