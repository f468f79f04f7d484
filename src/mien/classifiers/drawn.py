"""Drawn faces as examples: the outputs of a classifier for faces whose emotion is known, of classes with few pictures.

The faces are those of `mien.data.faces`. They cost nothing, and a class has examples before anyone has labelled one.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature

import numpy as np

from mien.classifiers.contract import Batch, Classifier, ImageSpec
from mien.correctors.contract import Corrector
from mien.data.faces import SIDES, FaceSettings, draw
from mien.data.labels import emotion_of
from mien.types import FeatureRequest, Ints, LabelSet, Outputs

SEED = 104_729
"""So that no drawn test face of a user is learnt from."""


def learns_from_drawn(corrector: type[Corrector] | Corrector) -> bool:
    """Whether a corrector, or a kind of them, has the parameter `drawn`."""
    return "drawn" in signature(corrector if isinstance(corrector, type) else type(corrector)).parameters


def can_draw(classifier: Classifier, corrector: type[Corrector] | Corrector, classes: Iterable[str]) -> bool:
    """Whether a corrector learns from drawn faces, and faces of all these classes can be drawn for a classifier."""
    inputs = classifier.card.inputs
    fits = isinstance(inputs, ImageSpec) and SIDES[0] <= inputs.size <= SIDES[1]
    return fits and learns_from_drawn(corrector) and all(map(emotion_of, classes))


def drawn_examples(classifier: Classifier, labelset: LabelSet, count: int) -> tuple[Outputs, Ints]:
    """Outputs of a classifier for drawn faces of every class that is an emotion, and their class indices.

    Parameters
    ----------
    classifier : one that reads images. labelset : the K classes.
    count : faces of each class.
    """
    emotions = {emotion_of(name): index for index, name in enumerate(labelset.names) if emotion_of(name)}
    images = classifier.card.images
    faces = draw(
        FaceSettings(
            n=count * len(emotions), size=images.size, colour=images.colour, seed=SEED, duplicates=0,
            profile=dict.fromkeys(emotions, 1.0),
        )
    )  # fmt: skip
    drawn = faces.dataset
    assert drawn.pixels is not None
    outputs = classifier.outputs(Batch(drawn.pixels, drawn.ids), FeatureRequest())
    indices = np.array([emotions[name] for name in drawn.labelset.names])
    return outputs.padded_to(len(labelset)), indices[faces.truth]
