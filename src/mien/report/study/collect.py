"""The finished cells of a study: each corrector with the answers of the classifier that it corrects."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.certify.calibration_set import CalibrationSet
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy, decide
from mien.metrics import correction
from mien.metrics.classification import recall
from mien.metrics.intervals import bootstrap_ratio
from mien.metrics.ranking import gain_at_harm
from mien.storage.files import read_arrays
from mien.storage.layout import FULL, RETRAINED, without
from mien.storage.run import Run
from mien.types import NO_LABEL, Bools, Decision, Floats, Ints, LabelSet, Proposal, Rates, Scores, Texts, check_same_ids


@dataclass(frozen=True)
class Tested:
    """The answers of a classifier to the N test pictures.

    Attributes
    ----------
    ids, truth, groups : (N,), groups are persons.
    probs : (N, K).
    known : (K,) whether the classifier was trained on a class.
    """

    ids: Texts
    truth: Ints
    groups: Texts
    probs: Floats
    known: Bools

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
    seed, corrector, left : number, name, index of the class.
    labelset, policy : of the study.
    f : the classifier without class `left`.
    references : "full" and "retrained", trained on all classes, where they are finished.
    stored : what the corrector gave each picture, as the cell keeps it.
    """

    seed: int
    corrector: str
    left: int
    labelset: LabelSet
    policy: Policy
    f: Tested
    references: Mapping[str, Tested]
    stored: Mapping[str, NDArray[Any]]

    @property
    def score(self) -> Floats:
        """(N,) on test, of the corrector fitted on *fit*."""
        return self.stored["score"]

    @property
    def score_all(self) -> Floats:
        """(N,) on test, of the corrector fitted on all of *correct*."""
        return self.stored["score_all"]

    @property
    def suggested(self) -> Ints:
        """(N,) on test, of the corrector fitted on *fit*."""
        return self.stored["suggested"]

    @cached_property
    def calibration(self) -> CalibrationSet:
        """The corrector's scores of the *calibrate* pictures."""
        return CalibrationSet.of_cell(self.stored, self.left)

    @cached_property
    def certified(self) -> Certified:
        """Thresholds and guarantees, from the *calibrate* pictures."""
        return self.calibration.certify(self.policy, self.labelset, self.f.known)

    @cached_property
    def decision(self) -> Decision:
        """Decisions on test at these thresholds."""
        proposal = Proposal(self.f.ids, self.score, self.suggested)
        return decide(proposal, self.f.predicted, self.certified.thresholds, self.policy.action)

    @property
    def key(self) -> dict[str, Any]:
        """The columns that every table begins with."""
        return {"seed": self.seed, "corrector": self.corrector, "left_out": self.labelset.names[self.left]}

    @property
    def overridden(self) -> Ints:
        """(N,) the answers if every override gave its suggestion: what "flag" and "abstain" touch is measured, too."""
        return np.where(self.decision.overridden, self.suggested, self.decision.base)

    @cached_property
    def scores(self) -> Scores:
        """Rates of f and of its overrides per class."""
        return correction.scores(self.f.truth, self.decision.base, self.overridden, len(self.labelset))

    @cached_property
    def answers(self) -> Scores:
        """Rates of f and of the answers that h really gives: those of f where it flags, none where it abstains."""
        return correction.scores(self.f.truth, self.decision.base, self.decision.final, len(self.labelset))

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
    def harmed(self) -> Bools:
        """(N,) the right answers of f that are overridden."""
        lost: Bools = self.counts_for_harm & (self.overridden != self.f.truth)
        return lost

    @cached_property
    def selection(self) -> float:
        """Gain at the Harm of the budget on *calibrate*, by which the best corrector is chosen."""
        held = self.calibration
        right = (held.base == held.truth) & self.f.known[held.truth]
        return gain_at_harm(held.score[0], held.truth == self.left, right, self.policy.budget)

    @cached_property
    def restored(self) -> tuple[float, float, float]:
        """P of the left-out class, with its paired interval by persons; NaN without the full model."""
        new, full = self.is_new, self.references.get(FULL)
        if full is None:
            return math.nan, math.nan, math.nan
        rates = recall(self.f.truth, full.predicted, len(self.labelset))
        share = correction.recovered_recall(self.scores.recall_after.values, rates.values)[self.left]
        won, won_by_full = (answers[new] == self.left for answers in (self.overridden, full.predicted))
        return float(share), *bootstrap_ratio(won, won_by_full, self.f.groups[new])


def cell_keys(manifest: dict[str, Any]) -> list[str]:
    """The names of the cells of one seed, in order."""
    return [FULL, RETRAINED, *map(without, manifest["left_out"])]


def finished(run: Run, seed: int, key: str) -> bool:
    """Whether a cell is whole: cell.json is written last."""
    return run.cell(seed, key).finished.exists()


def collect(run: Run) -> Iterator[Case]:
    """Every finished pair of base model and corrector, by seed, left-out class, corrector."""
    manifest = run.manifest()
    labelset, policy = LabelSet(tuple(manifest["classes"])), Policy.of_stored(manifest.part("policy"))
    for seed in manifest["seeds"]:
        references = {key: _tested(run, seed, key) for key in (FULL, RETRAINED) if finished(run, seed, key)}
        first = next(iter(references.values()), None)
        for name in manifest["left_out"]:
            key, left = without(name), labelset.index(name, place="run.json")
            if not finished(run, seed, key):
                continue
            f = _tested(run, seed, key, left)
            first = first or f
            for other in (first, *references.values()):
                check_same_ids(f.ids, other.ids, str(run.cell(seed, key).test))
            for corrector in manifest["correctors"]:
                path = run.cell(seed, key).scores(corrector)
                if path.exists():
                    yield Case(
                        seed=seed, corrector=corrector, left=left, labelset=labelset, policy=policy, f=f,
                        references=references, stored=read_arrays(path),
                    )  # fmt: skip


def by_corrector(cases: Iterable[Case]) -> dict[tuple[int, str], list[Case]]:
    """The cases of each seed and corrector: one study of the paper, a case for each left-out class."""
    studies: dict[tuple[int, str], list[Case]] = defaultdict(list)
    for case in cases:
        studies[case.seed, case.corrector].append(case)
    return studies


def matrix(study: Sequence[Case], formula: Callable[..., Rates]) -> Rates:
    """Retention or Harm of one study, by `retention_matrix` or `harm_matrix`: (K, K), label by left-out class."""
    answers = {case.left: (case.decision.base, case.overridden) for case in study}
    return formula(study[0].f.truth, answers, len(study[0].labelset))


def _tested(run: Run, seed: int, key: str, left: int = NO_LABEL) -> Tested:
    """Answers of a cell on test; older runs do not store which classes it was trained on."""
    arrays = read_arrays(run.cell(seed, key).test)
    known = arrays.get("known", np.arange(arrays["probs"].shape[1]) != left)
    return Tested(arrays["ids"], arrays["truth"], arrays["groups"], arrays["probs"], known)
