"""Correctors on vectors, fitted on few pictures of a class: principal axes are computed once, on the known classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mien.classifiers.contract import Classifier
from mien.classifiers.drawn import drawn_examples
from mien.correctors.contract import Corrector
from mien.correctors.fisher import Fisher
from mien.correctors.linear import LDA, Logistic
from mien.correctors.projection import Nystroem
from mien.correctors.prototypes import Prototypes
from mien.features import Embedding
from mien.metrics.ranking import auroc, gain_at_harm
from mien.types import Floats, Ints, LabelSet, Outputs

COMPONENTS = 512
DRAWN_FACES = 200
PROTOTYPES, DRAWN = "prototypes", "prototypes, drawn faces"
ON_AXES: Mapping[str, Any] = {"fisher": Fisher, "logistic": Logistic, "lda": LDA, "kernel": Nystroem}
KINDS = (*ON_AXES, PROTOTYPES, DRAWN)


class OnGivenAxes(Prototypes):
    """Prototypes that do not compute their axes."""

    def _learn(self, outputs: Outputs, codes: Ints, count: int) -> None:
        self.learnt_ = self._learn_vectors(self.embedding_.apply(outputs), codes)  # type: ignore[union-attr]


@dataclass(frozen=True)
class Few:
    """The labelled pictures, the test part, and drawn faces, as one classifier shows them.

    Attributes
    ----------
    target : the class of which there are few. labels, truth : of the labelled pictures, and of the test part.
    drawn : outputs of drawn faces of all classes, and their class indices.
    """

    target: int
    learnt: Outputs
    labels: Ints
    tested: Outputs
    truth: Ints
    drawn: tuple[Outputs, Ints]

    @classmethod
    def of(
        cls, target: int, learnt: Outputs, labels: Ints, tested: Outputs, truth: Ints, f: Classifier, classes: LabelSet
    ) -> Few:
        """With faces that are drawn for the classifier `f`."""
        return cls(target, learnt, labels, tested, truth, drawn_examples(f, classes, DRAWN_FACES))

    def scores(self, rows: Ints) -> Iterator[tuple[str, Floats]]:
        """(corrector, score of the test part), fitted on some of the labelled pictures."""
        labels = self.labels[rows]
        if (labels == self.target).any():
            learnt, tested = self._small
            for name, kind in ON_AXES.items():
                yield name, kind(self.target).fit(learnt.take(rows), labels).propose(tested).score
            yield PROTOTYPES, self._prototypes().fit(self.learnt.take(rows), labels).propose(self.tested).score
        drawn = self._prototypes(self.drawn).fit(self.learnt.take(rows), labels)
        yield DRAWN, drawn.propose(self.tested).score

    def judged(self, score: Floats) -> tuple[float, float]:
        """AUROC and Gain at Harm 2 % on the test part."""
        new, counts = self.truth == self.target, (self.tested.predicted == self.truth) & (self.truth != self.target)
        return auroc(score, new), gain_at_harm(score, new, counts, 0.02)

    @cached_property
    def _known(self) -> Outputs:
        return self.learnt.take(self.labels != self.target)

    @cached_property
    def _small(self) -> tuple[Outputs, Outputs]:
        embedding = Embedding.fit(self._known, ("*",), COMPONENTS, 0.0)
        return embedded(embedding, self.learnt), embedded(embedding, self.tested)

    @cached_property
    def _axes(self) -> Embedding:
        return Embedding.fit(self._known, ("*",), Prototypes.axes, Prototypes.whiten)

    def _prototypes(self, drawn: tuple[Outputs, Ints] | None = None) -> Corrector:
        made = OnGivenAxes(self.target, drawn=drawn)
        made.embedding_ = self._axes
        return made


def embedded(embedding: Embedding, outputs: Outputs) -> Outputs:
    """The same outputs with one vector in place of all of them."""
    return replace(outputs, vectors={"axes": embedding.apply(outputs)})
