"""A cascade: a quick corrector scores every picture, a slow one only those with high scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mien.correctors.adapter import Adapter
from mien.correctors.base import CombinedCorrector
from mien.correctors.contract import Corrector, LayerSource, State, Target, check_fitted, class_odds_of
from mien.correctors.linear import Logistic
from mien.correctors.log_odds import NEVER, most_probable
from mien.errors import UsageError
from mien.types import Floats, Outputs, Proposal, SoftLabels


class Cascade(CombinedCorrector):
    """A linear probe for all pictures, and an adapter for those with high scores: cheaper than the adapter alone.

    A picture is overridden only for a high score, and few pictures with a low score of the probe would get one from the
    adapter. Low scores keep the order of the probe (Viola & Jones, *Rapid object detection using a boosted cascade of
    simple features*, 2001).

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    first, second : the quick corrector and the slow one; by default `Logistic` and `Adapter`.
    share : share of the fitted pictures of other classes that the second one scores.
    """

    name = "cascade"
    several_classes = True
    weight_power = Adapter.weight_power
    gate_: float | None = None

    def __init__(
        self,
        target: Target = None,
        first: Corrector | None = None,
        second: Corrector | None = None,
        share: float = 0.2,
    ) -> None:
        self.target, self.first, self.second, self.share = target, first, second, share

    @classmethod
    def for_classifier(cls, classifier: LayerSource, target: Target = None) -> Self:
        """A cascade with an adapter for this classifier."""
        return cls(target, second=Adapter.for_classifier(classifier, target))

    def state(self) -> dict[str, NDArray[Any]]:
        return {**super().state(), "gate": np.array(check_fitted(self.gate_, self.name))}

    def restore(self, state: State) -> Self:
        self.gate_ = float(state["gate"])
        return super().restore(state)

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        """Fit both, and set the gate between them by the ranks of the first."""
        if not 0 < self.share <= 1:
            cause = f"share must be between 0 and 1, not {self.share}"
            raise UsageError(cause, place=self.name, remedy="leave it out")
        labels, (first, second) = check_fitted(labels, self.name), self._unfitted()
        second.fit(outputs, labels)
        score = first.fit(outputs, labels).propose(outputs).score
        self._with_fitted([first, second])
        # a share of all images would be too small where a third of them are of the target class
        several = isinstance(self.target_, tuple)
        others = score[labels.indices == outputs.predicted if several else labels.indices != self.target_]
        if not len(others):
            others = score
        self.gate_ = float(np.quantile(others, 1 - self.share))
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by the log-odds of the second corrector; below the gate lower than all of these, as the first ranks."""
        if isinstance(self.target_, tuple):
            return most_probable(self.class_odds(outputs), outputs, self.target_)
        gate, (first, second) = check_fitted(self.gate_, self.name), check_fitted(self.members_, self.name)
        quick = first.propose(outputs)
        passed = quick.score >= gate
        score = NEVER + np.minimum(quick.score - gate, 0)
        if passed.any():
            score[passed] = second.propose(outputs.take(passed)).score
        return Proposal(outputs.ids, score, quick.suggested)

    def class_odds(self, outputs: Outputs) -> Floats:
        """(N, K) log-odds of each class against f's answer: of the second corrector above the gate, else far below."""
        gate, (first, second) = check_fitted(self.gate_, self.name), check_fitted(self.members_, self.name)
        passed = first.propose(outputs).score >= gate
        odds = class_odds_of(first, outputs) + NEVER
        if passed.any():
            odds[passed] = class_odds_of(second, outputs.take(passed))
        return odds

    def _prefixes(self, members: Sequence[Corrector]) -> list[str]:
        return ["first.", "second."]

    def _unfitted(self) -> Sequence[Corrector]:
        members = self.first or Logistic(self.target), self.second or Adapter(self.target)
        return [clone(member, safe=False) for member in members]
