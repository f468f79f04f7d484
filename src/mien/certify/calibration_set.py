"""Calibration sets: labels, answers of the classifier and scores of the correctors, from which thresholds follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.certify.combine import combine_proposals
from mien.certify.guarantees import Certified, Classes, choose_thresholds
from mien.certify.policy import Policy
from mien.errors import AlignmentError, DataError
from mien.types import (
    NO_LABEL,
    Bools,
    Floats,
    Ints,
    LabelSet,
    Proposal,
    Texts,
    as_array,
    as_groups,
    as_ids,
    as_labels,
    as_numbers,
)

CELL = ("score", "suggested", "truth", "base", "group")
"""Names in a study's cell, after the prefix "calibrate_"."""


@dataclass(frozen=True)
class CalibrationSet:
    """N labelled images that neither the classifier nor its M correctors were fitted on.

    Attributes
    ----------
    truth, base : (N,) labels and the classifier's answers, as class indices.
    score, suggested : (M, N) of each corrector; (N,) becomes (1, N). −1 suggests no class.
    groups : (N,) persons, or other images that belong together; None: each image is a group.
    ids : (N,) row keys; None stands for the row numbers.
    confidence : (N,) the classifier's largest probability, to see a shift after deployment; None where it was not kept.
    weights : (K,) class weights whose logs are part of the scores of suggested classes; None for none.

    Raises
    ------
    AlignmentError : lengths differ, or a label is negative. DataError : values that are not finite.

    Examples
    --------
    >>> calibration = CalibrationSet([0] * 200, [0] * 200, np.linspace(-3, 3, 200), [1] * 200)
    >>> certified = calibration.certify(Policy(0.02, aim="gain"), ["joy", "fear"], [True, False])
    >>> certified.guarantees[0].feasible, certified.thresholds.round(2).tolist()
    (True, [3.0, 3.0])
    """

    truth: Ints
    base: Ints
    score: Floats
    suggested: Ints
    groups: Texts | None = None
    ids: Texts | None = None
    confidence: Floats | None = None
    weights: Floats | None = None

    def __post_init__(self) -> None:
        truth = as_labels(self.truth, "CalibrationSet.truth")
        rows = len(truth)
        score, suggested = (np.atleast_2d(as_array(getattr(self, name), name)) for name in ("score", "suggested"))
        if score.shape != suggested.shape or score.shape[1:] != truth.shape:
            cause = f"score is of shape {score.shape}, suggested {suggested.shape}, and there are {rows} labels"
            raise AlignmentError(cause, place="CalibrationSet", remedy="give a row a corrector, a column an image")
        values = {
            "truth": truth,
            "base": as_labels(self.base, "CalibrationSet.base", rows=rows),
            "score": as_numbers(score, "CalibrationSet.score", ndim=2),
            "suggested": np.stack([as_labels(row, "CalibrationSet.suggested", least=NO_LABEL) for row in suggested]),
            "groups": None if self.groups is None else as_groups(self.groups, "CalibrationSet.groups", rows),
            "ids": None if self.ids is None else as_ids(self.ids, "CalibrationSet.ids"),
            "confidence": None
            if self.confidence is None
            else as_numbers(self.confidence, "CalibrationSet.confidence", rows=rows),
            "weights": None if self.weights is None else _as_weights(self.weights),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, proposal: Proposal, truth: Ints, base: Ints, groups: Texts | None = None) -> Self:
        """The set of one corrector's proposal for N images."""
        return cls(truth, base, proposal.score, proposal.suggested, groups, proposal.ids)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def row_keys(self) -> Texts:
        """(N,) the ids, or the row numbers where there are none."""
        return np.arange(len(self)).astype(str) if self.ids is None else self.ids

    @property
    def proposals(self) -> list[Proposal]:
        """One proposal a corrector."""
        return [Proposal(self.row_keys, *row) for row in zip(self.score, self.suggested, strict=True)]

    @cached_property
    def joint(self) -> Proposal:
        """The proposals of all correctors as one."""
        return combine_proposals(self.proposals, self.base)

    @property
    def grouped(self) -> bool:
        """Whether images belong together, so that groups, not images, are counted."""
        return self.groups is not None and len(np.unique(self.groups)) < len(self.groups)

    def certify(self, policy: Policy, classes: LabelSet | Sequence[str], known: Bools | None = None) -> Certified:
        """The thresholds that the policy chooses on these images, and what they guarantee.

        Parameters
        ----------
        classes : the K class names. known : (K,) bool, the classes that f was trained on; None for all.

        Raises
        ------
        AlignmentError : a label or suggestion is none of the K classes.
        """
        labelset = classes if isinstance(classes, LabelSet) else LabelSet(tuple(classes))
        self.check_classes(len(labelset))
        joint = self.joint if len(self.score) > 1 else self.proposals[0]
        members = Classes.of(labelset, known, self.weights)
        return choose_thresholds(joint, self.truth, self.groups, self.base, members, policy)

    def check_classes(self, count: int) -> None:
        """Refuse labels, answers and suggestions that are none of `count` classes by an AlignmentError."""
        for name in ("truth", "base", "suggested"):
            as_labels(getattr(self, name).ravel(), f"certify: {name}", count, least=NO_LABEL)
        if self.weights is not None:
            as_numbers(self.weights, "certify: weights", rows=count)

    def same_images(self, other: CalibrationSet) -> bool:
        """Whether another set is of the same images, labels, answers and groups."""
        mine, others = self.arrays(), other.arrays()
        return all(np.array_equal(mine[name], others[name]) for name in ("ids", "truth", "base", "group"))

    def take(self, rows: Ints) -> Self:
        """The set of some of the images."""
        columns: dict[str, Any] = {name: getattr(self, name)[:, rows] for name in ("score", "suggested")}
        for name in ("truth", "base", "groups", "ids", "confidence"):
            values = getattr(self, name)
            columns[name] = None if values is None else values[rows]
        return replace(self, **columns)

    def with_correctors(self, other: CalibrationSet) -> Self:
        """The set with the correctors of another set of the same images added."""
        rows = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("score", "suggested")}
        return replace(self, **rows)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a patch's calibration.npz."""
        groups = self.row_keys if self.groups is None else self.groups
        kept = {"ids": self.row_keys, "truth": self.truth, "base": self.base, "group": groups, "score": self.score,
                "suggested": self.suggested}  # fmt: skip
        beside = {"confidence": self.confidence, "weights": self.weights}
        return kept | {name: values for name, values in beside.items() if values is not None}

    @classmethod
    def of_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The set in a patch's calibration.npz."""
        named = {"groups" if name == "group" else name: stored[name] for name in ("ids", "group", *CELL)}
        if stored["score"].ndim != 2 or stored["suggested"].dtype.kind not in "iu":
            raise ValueError("score is no table of a row a corrector, or suggested holds no class indices")
        return cls(**named, confidence=stored.get("confidence"), weights=stored.get("weights"))

    def cell_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of one corrector in a study's cell."""
        arrays = self.arrays() | {"score": self.score[0], "suggested": self.suggested[0]}
        return {f"calibrate_{name}": arrays[name] for name in CELL}

    @classmethod
    def of_cell(cls, stored: Mapping[str, NDArray[Any]], target: int) -> Self:
        """The set in a study's cell; older ones store no suggestion, which is then `target`."""
        suggested = stored.get("calibrate_suggested", np.full(len(stored["calibrate_score"]), target))
        score, truth, base, groups = (stored[f"calibrate_{name}"] for name in CELL if name != "suggested")
        return cls(truth, base, score, suggested, groups)


def _as_weights(values: Any) -> Floats:
    """(K,) class weights above 0; DataError for others."""
    weights = as_numbers(values, "CalibrationSet.weights").astype(float)
    if not (weights > 0).all():
        raise DataError("has a weight that is not above 0", place="CalibrationSet.weights", remedy="give class weights")
    return weights
