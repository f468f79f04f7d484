"""Calibration pictures as a run keeps them: what a corrector and the classifier said of them, ready to be certified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.certify.policy import Certified, Policy, certify
from mien.types import Bools, Floats, Ints, LabelSet, Proposal, Texts

FIELDS = ("score", "suggested", "truth", "base", "group")


@dataclass(frozen=True)
class Calibration:
    """N pictures of the *calibrate* part, which the corrector was not fitted on.

    Attributes
    ----------
    score, suggested : (N,) the corrector's.
    truth, base : (N,) labels and the classifier's answers.
    group : (N,) persons, or other pictures that travel together.
    """

    score: Floats
    suggested: Ints
    truth: Ints
    base: Ints
    group: Texts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For an NPZ file, under names of their own."""
        return {f"calibrate_{name}": getattr(self, name) for name in FIELDS}

    @classmethod
    def of(cls, stored: Mapping[str, NDArray[Any]], target: int) -> Self:
        """From the arrays of such a file; older ones do not say what was suggested, which is `target`."""
        suggested = stored.get("calibrate_suggested", np.full(len(stored["calibrate_score"]), target))
        rest = (stored[f"calibrate_{name}"] for name in FIELDS if name != "suggested")
        score, *others = rest
        return cls(score, suggested, *others)

    def certified(self, labelset: LabelSet, policy: Policy, known: Bools) -> Certified:
        """The thresholds of the corrector, and what they guarantee."""
        proposal = Proposal(np.arange(len(self.score)).astype(str), self.score, self.suggested)
        return certify(proposal, self.truth, self.base, self.group, labelset, policy, known)
