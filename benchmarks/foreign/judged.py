"""A classifier before and after correction, on pictures that tested once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.foreign.faces import Faces, Fold
from mien.certify.aims import aim_weights
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.correctors.log_odds import most_probable
from mien.metrics.classification import accuracy, macro_recall
from mien.metrics.ranking import gain_at_harm
from mien.types import Floats, Ints, Proposal


@dataclass(frozen=True)
class Tested:
    """Answers on pictures of all folds together.

    Attributes
    ----------
    truth, base, final : (N,) labels, the classifier's answers, the corrected ones. certified : whether every fold is.
    """

    truth: Ints
    base: Ints
    final: Ints
    certified: bool

    @property
    def right(self) -> Ints:
        return self.base == self.truth

    @property
    def accuracy(self) -> float:
        return accuracy(self.truth, self.final)

    @property
    def harm(self) -> float:
        return float((self.final != self.truth)[self.right].mean())

    def macro_recall(self, answers: Ints | None = None) -> float:
        return macro_recall(self.truth, self.final if answers is None else answers, int(self.truth.max()) + 1)

    def recall(self, answers: Ints) -> list[float]:
        """Of each class."""
        return [float((answers == c)[self.truth == c].mean()) for c in range(int(self.truth.max()) + 1)]


def tested(
    faces: Faces,
    folds: Sequence[Fold],
    proposals: Sequence[Sequence[Proposal]],
    policy: Policy,
    weights: Sequence[Floats | None] = (),
) -> Tested:
    """Certify the correctors on the calibration rows of each fold, and answer its test rows.

    Parameters
    ----------
    proposals : of each fold, for its `held` rows: one for each corrector.
    weights : of each fold, the class weights that the scores contain.
    """
    data, known, parts = faces.data, faces.outputs.known, []
    certified = True
    for number, (fold, given) in enumerate(zip(folds, proposals, strict=True)):
        held, count = fold.held, len(fold.calibrate)
        truth, base = data.labels[held], faces.outputs.take(held).predicted
        score = np.stack([each.score for each in given])
        suggested = np.stack([each.suggested for each in given])
        groups = faces.groups[held].astype(str)
        whole = CalibrationSet(truth, base, score, suggested, groups, data.ids[held])
        calibration = CalibrationSet(
            truth[:count], base[:count], score[:, :count], suggested[:, :count], groups[:count], data.ids[held][:count],
            weights=weights[number] if weights else None,
        )  # fmt: skip
        thresholds = calibration.certify(policy, data.labelset, known)
        certified &= thresholds.guarantees[0].holds
        final = decide(whole.joint, base, thresholds.thresholds).final
        parts.append((truth[count:], base[count:], final[count:]))
    return Tested(*(np.concatenate(column) for column in zip(*parts, strict=True)), certified=bool(certified))


def corrected(faces: Faces, folds: Sequence[Fold], odds: Sequence[Floats], policy: Policy, power: float) -> Tested:
    """What a corrector of all known classes does under a policy, with the class weights of its aim.

    Parameters
    ----------
    odds : of each fold, (N, K) for its held rows. power : exponent of the class weights that they contain already.
    """
    classes = tuple(np.flatnonzero(faces.outputs.known).tolist())
    labels, count = faces.data.labels, len(faces.data.labelset)
    weights = [aim_weights(labels[fold.fit], count, policy.aim, power) for fold in folds]
    proposals = [
        [most_probable(each, faces.outputs.take(fold.held), classes, weight)]
        for fold, each, weight in zip(folds, odds, weights, strict=True)
    ]
    return tested(faces, folds, proposals, policy, weights)


def gains(faces: Faces, folds: Sequence[Fold], odds: Sequence[Floats], target: int, harms: Sequence[float]) -> Floats:
    """(len(harms),) mean over folds of the Gain of one class at a Harm, by its log-odds alone, on the held rows."""
    values = []
    for fold, given in zip(folds, odds, strict=True):
        truth, base = faces.data.labels[fold.held], faces.outputs.take(fold.held).predicted
        score = np.where(base == target, -1e6, given[:, target])
        right, missed = (base == truth) & (truth != target), (truth == target) & (base != target)
        values.append([gain_at_harm(score, missed, right, harm) for harm in harms])
    return np.asarray(np.mean(values, axis=0))
