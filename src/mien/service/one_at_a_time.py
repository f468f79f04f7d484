"""A classifier that does not allow several threads, for a service that has several."""

from __future__ import annotations

import threading
from typing import Any

from mien.classifiers.contract import Batch, Classifier, ClassifierCard
from mien.deploy.predictor import Predictor
from mien.types import FeatureRequest, Outputs


class OneAtATime:
    """A classifier that answers one thread after the other; everything else is that of the classifier.

    >>> from mien.classifiers.contract import ImageSpec
    >>> from mien.classifiers.function import FunctionClassifier
    >>> plain = FunctionClassifier(lambda images: images.mean((1, 2))[:, None] ** [0, 0] / 2, ["a", "b"], ImageSpec(16))
    >>> OneAtATime(plain).card.classes
    ('a', 'b')
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier, self._turn = classifier, threading.Lock()

    @property
    def card(self) -> ClassifierCard:
        """That of the classifier."""
        return self.classifier.card

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        """The classifier's outputs, when it is this thread's turn."""
        with self._turn:
            return self.classifier.outputs(batch, request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.classifier, name)


def safe_for_threads(classifier: Classifier) -> Classifier:
    """The classifier, or one that lets in a thread at a time where it does not allow several."""
    return classifier if Predictor(classifier).allows_threads else OneAtATime(classifier)
