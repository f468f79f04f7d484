"""The thresholds in force and what they guarantee, from scores of calibration images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.certify.policy import Policy
from mien.certify.thresholds import (
    POOLED,
    Guarantee,
    balanced_accuracy_threshold,
    cost_ratio_threshold,
    fixed_threshold,
    order_statistic_threshold,
)
from mien.errors import AlignmentError
from mien.types import NO_LABEL, Bools, Floats, Ints, LabelSet, Proposal, Texts, as_known, row_name

RARE = "rare classes"


@dataclass(frozen=True)
class Certified:
    """Thresholds in force and what they guarantee.

    Attributes
    ----------
    thresholds : (K,) by f's answer; +inf overrides nothing.
    guarantees : "pooled" first, then one for each known class, then "rare classes" where they were pooled.
    """

    thresholds: Floats
    guarantees: tuple[Guarantee, ...]


def choose_thresholds(
    proposal: Proposal, truth: Ints, groups: Texts | None, base: Ints, classes: Classes, policy: Policy
) -> Certified:
    """Choose the thresholds on N calibration images that the corrector was not fitted on, and certify them.

    Parameters
    ----------
    proposal : of the corrector. truth, base : (N,) labels and f's answers.
    groups : (N,) persons or other units; None: each image is its own.

    Notes
    -----
    Only images of known classes that f had right can be harmed, so only they count; a suggestion that equals f's answer
    harms nothing. "strict" needs no share of δ for each class: it fails only if the threshold of the most endangered
    class does. With "predicted", each of C known classes is certified at 1 − (1 − δ)^(1/C), so that all hold at once
    and with them the pooled Harm, which is a mean of theirs. Persons with images of several classes tie the classes
    together and are harmed by any of them: then each class gets δ/C, and the pooled claim must hold by itself.
    """
    labelset, members = classes.labelset, classes.known
    right = (base == truth) & members[truth]
    harmful = np.where(proposal.suggested != base, proposal.score, -np.inf)[right]
    persons = None if groups is None or len(np.unique(groups)) == len(groups) else groups[right]
    losses = _Losses(harmful, truth[right], persons, policy)

    cohorts = losses.cohorts(labelset, members, losses.share_of_delta(int(members.sum())))
    by_class = np.full(len(labelset), np.inf)
    for rows, guarantee in cohorts:  # the rare classes together come last and replace their own
        by_class[rows] = guarantee.threshold
    pooled = losses.guarantee(POOLED, members, policy.delta)
    in_force = {"pooled": pooled.threshold, "strict": by_class[members].max(), "predicted": by_class}[policy.scope]
    if policy.rule != "certified":
        changes = proposal.suggested != base  # elsewhere an override changes nothing
        is_new = overriding_is_right(proposal, truth, base)
        in_force = _uncertified(proposal.score[changes], is_new[changes], policy)
    thresholds = np.broadcast_to(in_force, by_class.shape).copy()
    joint = policy.scope == "predicted" and persons is None
    claims = [
        (members, by_class, _joint(by_class, cohorts, policy)) if joint else (members, pooled.threshold, pooled),
        *((rows, guarantee.threshold, guarantee) for rows, guarantee in cohorts),
    ]
    guarantees = (
        replace(guarantee, holds=guarantee.feasible and bool((thresholds >= least)[rows].all()))
        for rows, least, guarantee in claims
    )
    return Certified(thresholds, tuple(guarantees))


@dataclass(frozen=True)
class Classes:
    """The K classes, and which of them f was trained on: (K,) bool."""

    labelset: LabelSet
    known: Bools

    @classmethod
    def of(cls, labelset: LabelSet, known: Bools | None) -> Classes:
        """The classes; None for all known. AlignmentError where the lengths differ."""
        members = np.ones(len(labelset), dtype=bool) if known is None else as_known(known, "certify: known")
        if len(members) != len(labelset):
            cause = f"known has {len(members)} entries, and there are {len(labelset)} classes"
            raise AlignmentError(cause, place="certify", remedy="give True or False for each class")
        return cls(labelset, members)


def overriding_is_right(proposal: Proposal, truth: Ints, base: Ints) -> Bools:
    """(N,) whether the suggestion is right; "no class" (−1) is where f is wrong."""
    right: Bools = np.where(proposal.suggested == NO_LABEL, base != truth, proposal.suggested == truth)
    return right


def _uncertified(score: Floats, is_new: Bools, policy: Policy) -> float:
    """The threshold of a rule without a guarantee; +inf where the pictures are all new, or all not."""
    if policy.rule == "probability":
        return fixed_threshold(policy.probability)
    if not is_new.any() or is_new.all():
        return np.inf
    if policy.rule == "cost":
        return cost_ratio_threshold(score, is_new, policy.cost)
    return balanced_accuracy_threshold(score, is_new)


@dataclass(frozen=True)
class _Losses:
    """The calibration pictures that f had right; without groups each picture is one."""

    scores: Floats
    truth: Ints
    groups: Texts | None
    policy: Policy

    def share_of_delta(self, classes: int) -> float:
        """Return δ for each class: the whole δ, or with "predicted" the share that lets all claims hold at once."""
        if self.policy.scope != "predicted":
            return self.policy.delta
        # without persons the classes are independent; with them only the union bound is safe
        return 1 - (1 - self.policy.delta) ** (1 / classes) if self.groups is None else self.policy.delta / classes

    def guarantee(self, group: str, classes: Bools, delta: float) -> Guarantee:
        rows = classes[self.truth]
        groups = None if self.groups is None else self.groups[rows]
        return order_statistic_threshold(self.scores[rows], groups, self.policy.budget, delta, group)

    def cohorts(self, labelset: LabelSet, members: Bools, delta: float) -> list[tuple[Bools, Guarantee]]:
        """Each known class, then, where the policy says so, the rare ones together: (K,) mask and guarantee."""
        masks = np.eye(len(labelset), dtype=bool)[members]
        cohorts = [(mask, self.guarantee(row_name(labelset.names[mask.argmax()]), mask, delta)) for mask in masks]
        rare = [mask for mask, guarantee in cohorts if not guarantee.feasible]
        if self.policy.pool_rare and rare:
            pooled = np.any(rare, axis=0)
            cohorts.append((pooled, self.guarantee(RARE, pooled, delta)))
        return cohorts


def _joint(by_class: Floats, cohorts: list[tuple[Bools, Guarantee]], policy: Policy) -> Guarantee:
    """The guarantee for pooled Harm where every class keeps the budget, since pooled Harm is a mean of theirs."""
    feasible = [guarantee for _, guarantee in cohorts if guarantee.feasible]
    return Guarantee(
        group=POOLED,
        budget=policy.budget,
        confidence=1 - policy.delta,
        n=sum(guarantee.n for guarantee in feasible),
        k=sum(guarantee.k for guarantee in feasible) if feasible else -1,
        threshold=float(by_class.min()),
        feasible=bool(feasible),
        needed=min(guarantee.needed for _, guarantee in cohorts),
    )
