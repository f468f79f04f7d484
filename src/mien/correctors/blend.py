"""The mean opinion of several correctors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien import correctors
from mien.correctors.contract import Corrector, Labels, State, requested_features
from mien.errors import NotFittedError
from mien.types import FeatureRequest, Outputs, Proposal

MEMBERS = ("logistic", "nystroem")


class Blend:
    """The mean of its members' scores, which are log-odds: their errors differ, so it errs less than each.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    members : correctors, fitted together; by default a linear probe and an RBF kernel machine.
    """

    name = "blend"

    def __init__(self, target: int | None = None, members: Sequence[Corrector] | None = None) -> None:
        self.members = list(members or (correctors.get_corrector(name)(target=target) for name in MEMBERS))
        FeatureRequest.union(
            map(requested_features, self.members)
        )  # refuses maps of two layers before anything is read out
        self.target = target
        self._fitted = False

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest.union(map(requested_features, self.members))

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Fit every member."""
        for member in self.members:
            member.fit(outputs, labels)
        self.target, self._fitted = self.members[0].target, True
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: mean of the members' log-odds."""
        if not self._fitted:
            raise NotFittedError("was not fitted", place=self.name, remedy="call fit(outputs, labels) first")
        proposals = [member.propose(outputs) for member in self.members]
        score = np.mean([proposal.score for proposal in proposals], axis=0)
        return Proposal(outputs.ids, score, proposals[0].suggested)

    def state(self) -> dict[str, NDArray[Any]]:
        if not self._fitted:
            raise NotFittedError("was not fitted", place=self.name, remedy="call fit(outputs, labels) first")
        return {
            f"{number}.{key}": value for number, one in enumerate(self.members) for key, value in one.state().items()
        }

    def restore(self, state: State) -> Self:
        for number, member in enumerate(self.members):
            prefix = f"{number}."
            member.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
        self.target, self._fitted = self.members[0].target, True
        return self
