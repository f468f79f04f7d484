"""The mean of the scores of several correctors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import clone

from mien.correctors.base import CombinedCorrector
from mien.correctors.contract import Corrector, Target, check_fitted, class_odds_of
from mien.correctors.linear import Logistic
from mien.correctors.log_odds import most_probable
from mien.correctors.projection import Nystroem
from mien.types import Floats, Outputs, Proposal, SoftLabels


class Blend(CombinedCorrector):
    """The mean of its members' scores, which are log-odds: their errors differ, so it errs less than each.

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    members : correctors, fitted together; by default a linear probe and an RBF kernel machine.
    """

    name = "blend"
    several_classes = True

    def __init__(self, target: Target = None, members: Sequence[Corrector] | None = None) -> None:
        self.target, self.members = target, members

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        members = self._unfitted()
        for member in members:
            member.fit(outputs, check_fitted(labels, self.name))
        return self._with_fitted(members)

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by the mean of the members' log-odds."""
        if isinstance(self.target_, tuple):
            return most_probable(self.class_odds(outputs), outputs, self.target_)
        proposals = [member.propose(outputs) for member in check_fitted(self.members_, self.name)]
        score = np.mean([proposal.score for proposal in proposals], axis=0)
        return Proposal(outputs.ids, score, proposals[0].suggested)

    def class_odds(self, outputs: Outputs) -> Floats:
        """(N, K) log-odds of each class against f's answer: the mean of the members'."""
        members = check_fitted(self.members_, self.name)
        return np.asarray(np.mean([class_odds_of(member, outputs) for member in members], axis=0))

    def _unfitted(self) -> Sequence[Corrector]:
        if self.members is None:
            return [Logistic(self.target), Nystroem(self.target)]
        return [clone(member, safe=False) for member in self.members]
