"""The mean of the scores of several correctors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mien import correctors
from mien.correctors.base import BaseCorrector
from mien.correctors.contract import Corrector, State, check_fitted, fitted_target, requested_features
from mien.types import FeatureRequest, Outputs, Proposal, SoftLabels

MEMBERS = ("logistic", "nystroem")


class Blend(BaseCorrector):
    """The mean of its members' scores, which are log-odds: their errors differ, so it errs less than each.

    Parameters
    ----------
    target : the target class; by default the one that the classifier was not trained on.
    members : correctors, fitted together; by default a linear probe and an RBF kernel machine.
    """

    name = "blend"
    members_: list[Corrector] | None = None

    def __init__(self, target: int | None = None, members: Sequence[Corrector] | None = None) -> None:
        self.target, self.members = target, members

    @property
    def required_features(self) -> FeatureRequest:
        """What the members require; UsageError where they require maps of two layers."""
        return FeatureRequest.union(map(requested_features, self.members_ or self._unfitted()))

    def state(self) -> dict[str, NDArray[Any]]:
        members = check_fitted(self.members_, self.name)
        return {
            f"{number}.{key}": value for number, member in enumerate(members) for key, value in member.state().items()
        }

    def restore(self, state: State) -> Self:
        members = self._unfitted()
        for number, member in enumerate(members):
            prefix = f"{number}."
            member.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
        return self._fitted_with(members)

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        members = self._unfitted()
        for member in members:
            member.fit(outputs, check_fitted(labels, self.name))
        return self._fitted_with(members)

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by the mean of the members' log-odds."""
        proposals = [member.propose(outputs) for member in check_fitted(self.members_, self.name)]
        score = np.mean([proposal.score for proposal in proposals], axis=0)
        return Proposal(outputs.ids, score, proposals[0].suggested)

    def _unfitted(self) -> list[Corrector]:
        if self.members is None:
            return [correctors.for_classifier(correctors.get_corrector(name), None, self.target) for name in MEMBERS]
        return [clone(member, safe=False) for member in self.members]

    def _fitted_with(self, members: list[Corrector]) -> Self:
        self.members_, self.target_ = members, fitted_target(members[0])
        return self
