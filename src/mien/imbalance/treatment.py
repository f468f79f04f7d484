"""What a treatment of unbalanced data is. It touches the training part alone, and its types hold it to that."""

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
    """The labels of the training part, which is all that a resampling may look at.

    Attributes
    ----------
    labels : (N,) class indices.
    classes : K.
    seed : of what is drawn.
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
    """What a trained classifier makes of pictures, without their labels.

    Attributes
    ----------
    vectors : (N, D) its hidden layer.
    probs : (N, K) its answers.
    """

    vectors: Floats
    probs: Floats

    def __post_init__(self) -> None:
        vectors, probs = as_numbers(self.vectors, "Latents.vectors", ndim=2), as_shares(self.probs, "Latents.probs")
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "probs", probs)
        if len(vectors) != len(probs):
            cause = f"{len(vectors)} vectors, {len(probs)} answers"
            raise AlignmentError(cause, place="Latents", remedy="give both for the same pictures, in one order")


@dataclass(frozen=True)
class FittedTrainPart:
    """The training part once a classifier has learnt it: the only latents that come with labels."""

    part: TrainPart
    latents: Latents

    def __post_init__(self) -> None:
        labels, shape = len(self.part.labels), self.latents.probs.shape
        if shape != (labels, self.part.classes):
            cause = f"answers of shape {shape} for {labels} labels of {self.part.classes} classes"
            raise AlignmentError(cause, place="Learnt", remedy="give the latents of the training part")

    def check(self, new: Latents) -> None:
        """AlignmentError unless the new latents are of the same classifier: as wide, of as many classes."""
        ours, theirs = ((of.vectors.shape[1], of.probs.shape[1]) for of in (self.latents, new))
        if ours != theirs:
            cause = f"vectors of {theirs[0]} numbers and {theirs[1]} classes, learnt from were {ours[0]} and {ours[1]}"
            raise AlignmentError(cause, place="Latents", remedy="give the latents of the same classifier")


Rows = Callable[[TrainPart], Ints]
"""Rows of the training part to learn from, some left out, some more than once."""
After = Callable[[FittedTrainPart, Latents], Floats]
"""(N, K) answers for new pictures, from what the classifier made of the training part and of them."""


@dataclass(frozen=True)
class Treatment:
    """One answer to unbalanced data.

    Attributes
    ----------
    name : as on the command line.
    what : a line for people.
    train : settings of training that it changes, by their flags' names.
    rows : which pictures are learnt from; None for all of them, once.
    after : what becomes of the answers of the trained classifier; None for nothing.
    generated : pictures of each class up to which a generator makes new ones, 0 for none.
    package : one that it needs, of the extra `imbalance`; "" for none.
    corrector : a corrector that is put beside the trained classifier for each rare class, "" for none.
    more : whether the pictures of the fit part are learnt from besides, which otherwise the correctors alone have.
    """

    name: str
    what: str
    train: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    rows: Rows | None = None
    after: After | None = None
    generated: int = 0
    package: str = ""
    corrector: str = ""
    more: bool = False

    @property
    def uses_fit(self) -> bool:
        """Whether it has more pictures than the others: then it is no rival of theirs."""
        return self.more or bool(self.corrector)
