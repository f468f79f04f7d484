"""The finished cells of a study, brought together: each corrector beside the classifier it corrects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mien.correctors.calibration import Calibration
from mien.correctors.policy import Certified, Policy, decide
from mien.metrics.correction import scores
from mien.metrics.intervals import bootstrap_ratio
from mien.runs import FULL, RETRAINED, WITHOUT, Run, read_arrays
from mien.types import Bools, Decision, Floats, Ints, LabelSet, Proposal, Scores, Texts, check_same_ids


@dataclass(frozen=True)
class Tested:
    """What a classifier said of the test pictures: (N,) ids, truth, persons, and (N, K) probabilities."""

    ids: Texts
    truth: Ints
    groups: Texts
    probs: Floats

    @cached_property
    def predicted(self) -> Ints:
        """(N,) its answers."""
        answers: Ints = self.probs.argmax(1)
        return answers


@dataclass(frozen=True)
class Case:
    """One corrector beside f without class `left`, under the policy of the study.

    Attributes
    ----------
    f : the classifier without class `left`.
    references : "full" and "retrained", trained on all classes, as far as they are finished.
    score, score_all : (N,) on test, of the corrector fitted on *fit* and on all of *correct*.
    certified, decision : by the first of them, thresholds from *calibrate*.
    """

    seed: int
    corrector: str
    left: int
    labelset: LabelSet
    f: Tested
    references: dict[str, Tested]
    score: Floats
    score_all: Floats
    certified: Certified
    decision: Decision

    @property
    def key(self) -> dict[str, Any]:
        """The columns that every table begins with."""
        return {"seed": self.seed, "corrector": self.corrector, "left_out": self.labelset.names[self.left]}

    @cached_property
    def scores(self) -> Scores:
        """Rates of f and h per class."""
        return scores(self.f.truth, self.decision.base, self.decision.final, len(self.labelset))

    @property
    def is_new(self) -> Bools:
        """(N,) the pictures of the left-out class."""
        new: Bools = self.f.truth == self.left
        return new

    @property
    def counts_for_harm(self) -> Bools:
        """(N,) the known-class pictures that f had right."""
        right: Bools = self.f.truth == self.f.predicted
        return right & ~self.is_new

    @cached_property
    def restored(self) -> tuple[float, float, float]:
        """P of the left-out class, with its paired interval by persons; NaN without the full model."""
        new, full = self.is_new, self.references.get(FULL)
        if full is None or not (full.predicted[new] == self.left).any():
            return math.nan, math.nan, math.nan
        right_h, right_full = self.decision.final[new] == self.left, full.predicted[new] == self.left
        return float(right_h.sum() / right_full.sum()), *bootstrap_ratio(right_h, right_full, self.f.groups[new])


def cell_keys(manifest: dict[str, Any]) -> list[str]:
    """The cells of one seed, in order."""
    return [FULL, RETRAINED, *(WITHOUT + name for name in manifest["left_out"])]


def finished(run: Run, seed: int, key: str) -> bool:
    """Whether a cell is whole: cell.json is written last."""
    return run.path("cells", f"seed{seed}", key, "cell.json").exists()


def collect(run: Run) -> Iterator[Case]:
    """Every finished pair of base model and corrector, by seed, left-out class, corrector."""
    manifest = run.manifest()
    labelset, policy = LabelSet(tuple(manifest["classes"])), manifest["policy"].record(Policy)
    for seed in manifest["seeds"]:
        references = {key: _tested(run, seed, key) for key in (FULL, RETRAINED) if finished(run, seed, key)}
        for name in manifest["left_out"]:
            key, left = WITHOUT + name, labelset.index(name, place="run.json")
            if not finished(run, seed, key):
                continue
            f = _tested(run, seed, key)
            for reference in references.values():
                check_same_ids(f.ids, reference.ids, f"cells/seed{seed}/{key}/test.npz")
            for corrector in manifest["correctors"]:
                path = run.path("cells", f"seed{seed}", key, "scores", f"{corrector}.npz")
                if path.exists():
                    yield _case(seed, corrector, left, labelset, policy, f, references, read_arrays(path))


def _tested(run: Run, seed: int, key: str) -> Tested:
    arrays = read_arrays(run.path("cells", f"seed{seed}", key, "test.npz"))
    return Tested(arrays["ids"], arrays["truth"], arrays["groups"], arrays["probs"])


def _case(
    seed: int,
    corrector: str,
    left: int,
    labelset: LabelSet,
    policy: Policy,
    f: Tested,
    references: dict[str, Tested],
    stored: dict[str, Any],
) -> Case:
    """Certify on the calibration pictures, then decide on test."""
    known = np.arange(len(labelset)) != left
    certified = Calibration.of(stored).certified(labelset, left, policy, known)
    proposal = Proposal(f.ids, stored["score"], stored["suggested"])
    decision = decide(proposal, f.predicted, certified.thresholds, policy.action)
    score_all = stored["score_all"]
    return Case(seed, corrector, left, labelset, f, references, stored["score"], score_all, certified, decision)
