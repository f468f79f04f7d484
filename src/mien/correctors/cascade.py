"""A quick corrector looks at every picture, a slow one only where the quick one does not rule the class out."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.adapter import Adapter
from mien.correctors.contract import Corrector, Labels, State, check_fitted, requested_features, to_indices
from mien.correctors.linear import Logistic
from mien.correctors.log_odds import NEVER
from mien.errors import UsageError
from mien.types import FeatureRequest, Outputs, Proposal


class Cascade:
    """The adapter at a part of its cost: a linear probe looks first.

    A picture is overridden only on strong evidence, and what the probe ranks low is hardly ever that; so little is
    lost at small budgets, though the order of the low ranks is only the probe's (Viola & Jones, *Rapid object detection
    using a boosted cascade of simple features*, 2001).

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    first, second : the quick corrector and the slow one; by default `Logistic` and `Adapter`.
    share : of pictures of the other classes, like those of the fit, that the second one sees.
    """

    name = "cascade"

    def __init__(
        self,
        target: int | None = None,
        first: Corrector | None = None,
        second: Corrector | None = None,
        share: float = 0.2,
    ) -> None:
        if not 0 < share <= 1:
            raise UsageError(f"share must be between 0 and 1, not {share}", place=self.name, remedy="leave it out")
        self.first = first or Logistic(target)
        self.second = second or Adapter(target)
        self.target, self.share = target, share
        self._gate: float | None = None

    @classmethod
    def beside(cls, model: Any, target: int | None = None) -> Self:
        """With an adapter for this classifier."""
        return cls(target, second=Adapter.beside(model, target))

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest.union(map(requested_features, (self.first, self.second)))

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Fit both, and set the gate between them by the ranks of the first."""
        self.second.fit(outputs, labels)
        score = self.first.fit(outputs, labels).propose(outputs).score
        self.target = self.first.target
        # of all pictures a fixed share would not do: a class may have a third of them, and must find its way through
        others = score[to_indices(labels) != self.target]
        self._gate = float(np.quantile(others, 1 - self.share))
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the second corrector; far below all of them, in the order of the first, where it is not
        asked."""
        gate = check_fitted(self._gate, self.name)
        quick = self.first.propose(outputs)
        passed = quick.score >= gate
        score = NEVER + np.minimum(quick.score - gate, 0)
        if passed.any():
            score[passed] = self.second.propose(outputs.take(passed)).score
        return Proposal(outputs.ids, score, quick.suggested)

    def state(self) -> dict[str, NDArray[Any]]:
        gate = check_fitted(self._gate, self.name)
        members = {"first": self.first, "second": self.second}
        states = {f"{key}.{name}": value for key, one in members.items() for name, value in one.state().items()}
        return {**states, "gate": np.array(gate)}

    def restore(self, state: State) -> Self:
        for key, member in (("first.", self.first), ("second.", self.second)):
            member.restore({name.removeprefix(key): value for name, value in state.items() if name.startswith(key)})
        self.target, self._gate = self.first.target, float(state["gate"])
        return self
