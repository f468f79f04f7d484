"""Calibration pictures as a run keeps them: what a corrector and the classifier said of them, ready to be certified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.policy import Certified, Policy, certify
from mien.types import Bools, Floats, Ints, LabelSet, Proposal, Texts


@dataclass(frozen=True)
class Calibration:
    """N pictures of the *calibrate* part, which the corrector was not fitted on.

    Attributes
    ----------
    score : (N,) the corrector's.
    truth, base : (N,) labels and the classifier's answers.
    group : (N,) persons, or other pictures that travel together.
    """

    score: Floats
    truth: Ints
    base: Ints
    group: Texts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For an NPZ file, under names of their own."""
        return {f"calibrate_{name}": getattr(self, name) for name in ("score", "truth", "base", "group")}

    @classmethod
    def of(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """From the arrays of such a file."""
        return cls(*(stored[f"calibrate_{name}"] for name in ("score", "truth", "base", "group")))

    def certified(self, labelset: LabelSet, target: int, policy: Policy, known: Bools) -> Certified:
        """The thresholds of a corrector that suggests `target`, and what they guarantee."""
        count = len(self.score)
        proposal = Proposal(np.arange(count).astype(str), self.score, np.full(count, target))
        return certify(proposal, self.truth, self.base, self.group, labelset, policy, known)
