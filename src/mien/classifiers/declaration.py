"""What a user declares of a model from elsewhere: its classes, what it reads, what it answers with, its layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from mien.classifiers.contract import ImageSpec, TableSpec
from mien.classifiers.graph import LayerInfo
from mien.errors import UsageError, choice_error
from mien.types import LabelSet

GRIDS = (1, 3)
PIXELS = "pixels"
"""The map that every classifier of images shows: the images themselves, from 0 to 1."""
OWN = "daisy"
"""The vector of features of the images alone."""
INPUTS = "inputs"
"""The vector that every classifier of tables shows: the columns."""
PROBABILITIES, LOGITS, INDEPENDENT, NONE = "probabilities", "logits", "independent", "none"
ANSWERS = (PROBABILITIES, LOGITS, INDEPENDENT, NONE)
ANYTHING = "anything"
"""The only class of an encoder."""


@dataclass(frozen=True)
class Declaration:
    """What a user declares of a classifier from elsewhere.

    Attributes
    ----------
    classes : the K class names, in the order of its answers.
    inputs : what it reads.
    output : name of the array with its answers.
    answers : one of ANSWERS. Logits become probabilities by a softmax; independent ones, of which each class has its
        own from 0 to 1, by division by their sum. An encoder has none: its layers are features beside a classifier's.
    layers : what correctors may learn on.
    own_features : whether correctors may learn on features of the images alone, see `mien.features.describe`.
    """

    classes: tuple[str, ...]
    inputs: ImageSpec | TableSpec
    output: str
    answers: str = PROBABILITIES
    layers: tuple[LayerInfo, ...] = field(default=())
    own_features: bool = False

    def __post_init__(self) -> None:
        if self.answers == NONE:
            object.__setattr__(self, "classes", (ANYTHING,))
        _ = LabelSet(self.classes)  # refuses names that repeat
        if self.answers not in ANSWERS:
            raise choice_error("kind of answers", self.answers, ANSWERS, place="--answers")
        if isinstance(self.inputs, ImageSpec) and self.inputs.tensor is None:
            remedy = "give order, layout and scaling"
            raise UsageError("what the model makes of images is not declared", place="inputs", remedy=remedy)
