"""The mean of the scores of several correctors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import clone

from mien.correctors.base import CombinedCorrector
from mien.correctors.contract import Corrector, check_fitted
from mien.correctors.linear import Logistic
from mien.correctors.projection import Nystroem
from mien.types import Outputs, Proposal, SoftLabels


class Blend(CombinedCorrector):
    """The mean of its members' scores, which are log-odds: their errors differ, so it errs less than each.

    Parameters
    ----------
    target : the target class; by default the one that the classifier was not trained on.
    members : correctors, fitted together; by default a linear probe and an RBF kernel machine.
    """

    name = "blend"

    def __init__(self, target: int | None = None, members: Sequence[Corrector] | None = None) -> None:
        self.target, self.members = target, members

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        members = self._unfitted()
        for member in members:
            member.fit(outputs, check_fitted(labels, self.name))
        return self._with_fitted(members)

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score by the mean of the members' log-odds."""
        proposals = [member.propose(outputs) for member in check_fitted(self.members_, self.name)]
        score = np.mean([proposal.score for proposal in proposals], axis=0)
        return Proposal(outputs.ids, score, proposals[0].suggested)

    def _unfitted(self) -> Sequence[Corrector]:
        if self.members is None:
            return [Logistic(self.target), Nystroem(self.target)]
        return [clone(member, safe=False) for member in self.members]
