"""Types of the treatments of unbalanced data; they give a treatment access to the training part only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from mien.errors import AlignmentError
from mien.types import Floats, Ints, as_classes, as_labels, as_numbers, as_shares


@dataclass(frozen=True)
class TrainPart:
    """Labels of the training part: everything that a resampling depends on.

    Attributes
    ----------
    labels : (N,) class indices.
    classes : number of classes K.
    seed : seed of random draws.
    """

    labels: Ints
    classes: int
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", as_classes(self.classes, "TrainPart.classes"))
        object.__setattr__(self, "labels", as_labels(self.labels, "TrainPart.labels", self.classes))

    @property
    def counts(self) -> Ints:
        """(K,) pictures of each class."""
        return np.bincount(self.labels, minlength=self.classes)


@dataclass(frozen=True)
class Latents:
    """Hidden vectors and probabilities of a trained classifier for N pictures, without labels.

    Attributes
    ----------
    vectors : (N, D) values of the hidden layer.
    probs : (N, K) probabilities.
    """

    vectors: Floats
    probs: Floats

    def __post_init__(self) -> None:
        vectors, probs = as_numbers(self.vectors, "Latents.vectors", ndim=2), as_shares(self.probs, "Latents.probs")
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "probs", probs)
        if len(vectors) != len(probs):
            cause = f"there are {len(vectors)} vectors and {len(probs)} rows of probabilities"
            raise AlignmentError(cause, place="Latents", remedy="give both for the same pictures, in the same order")


@dataclass(frozen=True)
class FittedTrainPart:
    """The training part with the latents of the classifier trained on it: the only latents that have labels."""

    part: TrainPart
    latents: Latents

    def __post_init__(self) -> None:
        labels, shape = len(self.part.labels), self.latents.probs.shape
        if shape != (labels, self.part.classes):
            cause = f"probabilities have shape {shape}, but there are {labels} labels of {self.part.classes} classes"
            raise AlignmentError(cause, place="FittedTrainPart", remedy="give the latents of the training part")

    def check(self, new: Latents) -> None:
        """Raise AlignmentError unless the new latents have as many dimensions and classes as those of training."""
        fitted, given = ((latents.vectors.shape[1], latents.probs.shape[1]) for latents in (self.latents, new))
        if fitted != given:
            cause = f"have {given[0]} dimensions and {given[1]} classes, those of training {fitted[0]} and {fitted[1]}"
            raise AlignmentError(cause, place="Latents", remedy="give the latents of the same classifier")


SelectRows = Callable[[TrainPart], Ints]
"""Rows of the training part to train on; rows may be left out or repeated."""
Postprocess = Callable[[FittedTrainPart, Latents], Floats]
"""(N, K) probabilities of new pictures, computed from the fitted training part and their latents."""


@dataclass(frozen=True)
class Treatment:
    """One remedy for unbalanced data: changed training settings, resampling, or a step after training.

    Attributes
    ----------
    name : name on the command line.
    description : a line for people.
    train : changed settings of training, by the names of their flags.
    rows : selects the pictures to train on; None: every picture once.
    postprocess : computes new probabilities after training; None: those of the classifier.
    generated : number of pictures per class up to which a generator adds synthetic ones; 0: none.
    package : required package of the extra `imbalance`; "": none.
    corrector : name of a corrector that is fitted for each rare class; "": none.
    adds_fit_part : whether the classifier also trains on the pictures of the fit part.
    """

    name: str
    description: str
    train: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    rows: SelectRows | None = None
    postprocess: Postprocess | None = None
    generated: int = 0
    package: str = ""
    corrector: str = ""
    adds_fit_part: bool = False

    @property
    def uses_fit(self) -> bool:
        """Whether it learns from the fit part, and so from more pictures than other treatments."""
        return self.adds_fit_part or bool(self.corrector)
