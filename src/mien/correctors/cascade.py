"""A quick corrector looks at every picture, a slow one only where the quick one does not rule the class out."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mien.correctors.adapter import Adapter
from mien.correctors.base import BaseCorrector
from mien.correctors.contract import Corrector, State, check_fitted, fitted_target, requested_features
from mien.correctors.linear import Logistic
from mien.correctors.log_odds import NEVER
from mien.errors import UsageError
from mien.types import FeatureRequest, Outputs, Proposal, SoftLabels


class Cascade(BaseCorrector):
    """The adapter at a part of its cost: a linear probe looks first.

    A picture is overridden only on strong evidence, and what the probe ranks low is hardly ever that; so little is
    lost at small budgets, though the order of the low ranks is only the probe's (Viola & Jones, *Rapid object detection
    using a boosted cascade of simple features*, 2001).

    Parameters
    ----------
    target : the target class; by default the one that the classifier was not trained on.
    first, second : the quick corrector and the slow one; by default `Logistic` and `Adapter`.
    share : of pictures of the other classes, like those of the fit, that the second one sees.
    """

    name = "cascade"
    gate_: float | None = None
    members_: tuple[Corrector, Corrector] | None = None

    def __init__(
        self,
        target: int | None = None,
        first: Corrector | None = None,
        second: Corrector | None = None,
        share: float = 0.2,
    ) -> None:
        self.target, self.first, self.second, self.share = target, first, second, share

    @classmethod
    def for_classifier(cls, classifier: Any, target: int | None = None) -> Self:
        """A cascade with an adapter for this classifier."""
        return cls(target, second=Adapter.for_classifier(classifier, target))

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest.union(map(requested_features, self.members_ or self._unfitted()))

    def state(self) -> dict[str, NDArray[Any]]:
        gate, members = check_fitted(self.gate_, self.name), check_fitted(self.members_, self.name)
        states = {
            f"{key}.{name}": value
            for key, member in zip(("first", "second"), members, strict=True)
            for name, value in member.state().items()
        }
        return {**states, "gate": np.array(gate)}

    def restore(self, state: State) -> Self:
        members = self._unfitted()
        for key, member in zip(("first.", "second."), members, strict=True):
            member.restore({name.removeprefix(key): value for name, value in state.items() if name.startswith(key)})
        self.members_, self.gate_, self.target_ = members, float(state["gate"]), fitted_target(members[0])
        return self

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        """Fit both, and set the gate between them by the ranks of the first."""
        if not 0 < self.share <= 1:
            cause = f"share must be between 0 and 1, not {self.share}"
            raise UsageError(cause, place=self.name, remedy="leave it out")
        labels, (first, second) = check_fitted(labels, self.name), self._unfitted()
        second.fit(outputs, labels)
        score = first.fit(outputs, labels).propose(outputs).score
        self.members_, self.target_ = (first, second), fitted_target(first)
        # of all images a fixed share would not do: a class may have a third of them, and must find its way through
        others = score[labels.indices != self.target_]
        self.gate_ = float(np.quantile(others, 1 - self.share))
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the second corrector; below the gate far below all of them, in the order of the first."""
        gate, (first, second) = check_fitted(self.gate_, self.name), check_fitted(self.members_, self.name)
        quick = first.propose(outputs)
        passed = quick.score >= gate
        score = NEVER + np.minimum(quick.score - gate, 0)
        if passed.any():
            score[passed] = second.propose(outputs.take(passed)).score
        return Proposal(outputs.ids, score, quick.suggested)

    def _unfitted(self) -> tuple[Corrector, Corrector]:
        first, second = self.first or Logistic(self.target), self.second or Adapter(self.target)
        return clone(first, safe=False), clone(second, safe=False)
