"""The thresholds in force and what they guarantee, from scores of calibration images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.certify.aims import SPENDS_ALL, Served, raised, worth_matrix
from mien.certify.policy import Policy
from mien.certify.thresholds import (
    GUARANTEES,
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
    guarantees : of the kind in force. "pooled" first, then one for each known class, then "rare classes" where they
        were pooled.
    others : of the other kind, for comparison.
    served : what the thresholds do for the aim; None where they were chosen by a rule that certifies nothing.
    """

    thresholds: Floats
    guarantees: tuple[Guarantee, ...]
    others: tuple[Guarantee, ...] = ()
    served: Served | None = None

    def other(self, group: str) -> Guarantee | None:
        """The guarantee of the other kind for a group; None where the classes in it are not rare for that kind."""
        return next((guarantee for guarantee in self.others if guarantee.group == group), None)

    def left_alone(self, group: str, classes: tuple[str, ...]) -> bool:
        """Whether a group is one class whose answers are never overridden, so that it cannot be harmed."""
        index = next((i for i, name in enumerate(classes) if row_name(name) == group), None)
        return index is not None and bool(np.isinf(self.thresholds[index]))


def choose_thresholds(
    proposal: Proposal, truth: Ints, groups: Texts | None, base: Ints, classes: Classes, policy: Policy
) -> Certified:
    """Choose the thresholds on N calibration images that the corrector was not fitted on, and certify them.

    Of the thresholds that keep the budget, those that serve the aim of the policy best are in force.

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
    members = classes.known
    right = (base == truth) & members[truth]
    harmful = np.where(proposal.suggested != base, proposal.score, -np.inf)[right]
    persons = None if groups is None or len(np.unique(groups)) == len(groups) else groups[right]
    losses = _Losses(harmful, truth[right], persons, policy)
    claims = {kind: losses.claims(classes, kind) for kind in GUARANTEES}

    served = None
    if policy.rule == "certified":
        least = claims[policy.guarantee].least(policy)
        thresholds, served = _for_aim(proposal, truth, base, least, classes, policy)
    else:
        changes = proposal.suggested != base  # elsewhere an override changes nothing
        is_new = overriding_is_right(proposal, truth, base)
        thresholds = np.full(len(members), _uncertified(proposal.score[changes], is_new[changes], policy))
    in_force, other = (
        claims[kind].held_by(thresholds) for kind in sorted(GUARANTEES, key=lambda kind: kind != policy.guarantee)
    )
    return Certified(thresholds, in_force, other, served)


def _for_aim(
    proposal: Proposal, truth: Ints, base: Ints, least: Floats, classes: Classes, policy: Policy
) -> tuple[Floats, Served]:
    """The thresholds at or above certified ones that serve the aim of the policy, and what they do for it."""
    if policy.aim == SPENDS_ALL:
        return least, Served(policy.aim, np.nan, np.nan)
    worth = worth_matrix(truth, classes.labelset, policy.aim, policy.cost_matrix)
    thresholds, before, after = raised(proposal, truth, base, least, worth, classes.weights)
    sign = -1 if policy.aim == "cost" else 1
    return thresholds, Served(policy.aim, sign * before, sign * after)


@dataclass(frozen=True)
class Classes:
    """The K classes.

    Attributes
    ----------
    known : (K,) bool, those that f was trained on.
    weights : (K,) class weights whose logs are part of the scores; None for none.
    """

    labelset: LabelSet
    known: Bools
    weights: Floats | None = None

    @classmethod
    def of(cls, labelset: LabelSet, known: Bools | None, weights: Floats | None = None) -> Classes:
        """The classes; None for all known. AlignmentError where the lengths differ."""
        members = np.ones(len(labelset), dtype=bool) if known is None else as_known(known, "certify: known")
        for name, values in (("known", members), ("weights", weights)):
            if values is not None and len(values) != len(labelset):
                cause = f"{name} has {len(values)} entries, and there are {len(labelset)} classes"
                raise AlignmentError(cause, place="certify", remedy="give one for each class")
        return cls(labelset, members, weights)

    def own_budgets(self, policy: Policy) -> dict[int, float]:
        """Class index → its own budget; where each class is held to the budget anyway, no larger one than that.

        Raises
        ------
        UsageError : an unknown class.
        """
        most = 1.0 if policy.scope == POOLED else policy.budget
        named = policy.class_budgets.items()
        return {self.labelset.index(name, place="--class-budget"): min(share, most) for name, share in named}


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

    def claims(self, classes: Classes, kind: str) -> _Claims:
        """What can be certified by one kind of guarantee."""
        members = classes.known
        cohorts = self._cohorts(classes, kind)
        by_class, limits = np.full(len(members), np.inf), np.full(len(members), -np.inf)
        limited = np.isin(np.arange(len(members)), list(classes.own_budgets(self.policy)))
        for rows, guarantee in cohorts:  # the rare classes together come last and replace their own,
            by_class[rows] = guarantee.threshold
            if guarantee.group != RARE:  # but a class's own budget is for this class alone
                limits[rows & limited] = guarantee.threshold
        joint = self.policy.scope == "predicted" and self.groups is None
        pooled = self._guarantee(POOLED, members, self.policy.budget, kind=kind)
        if joint:
            pooled = _joint(pooled, by_class, cohorts)
        return _Claims(members, pooled, by_class, cohorts, limits, joint)

    def _share_of_delta(self, classes: int) -> float:
        """Return δ for each class: the whole δ, or with "predicted" the share that lets all claims hold at once."""
        if self.policy.scope != "predicted":
            return self.policy.delta
        # without persons the classes are independent; with them only the union bound is safe
        return 1 - (1 - self.policy.delta) ** (1 / classes) if self.groups is None else self.policy.delta / classes

    def _guarantee(
        self, group: str, classes: Bools, budget: float, delta: float | None = None, *, kind: str
    ) -> Guarantee:
        rows = classes[self.truth]
        groups = None if self.groups is None else self.groups[rows]
        delta = self.policy.delta if delta is None else delta
        return order_statistic_threshold(self.scores[rows], groups, budget, delta, group, kind)

    def _cohorts(self, classes: Classes, kind: str) -> list[tuple[Bools, Guarantee]]:
        """Each known class, then, where the policy says so, the rare ones together: (K,) mask and guarantee."""
        names, members, policy = classes.labelset.names, classes.known, self.policy
        budgets, delta = classes.own_budgets(policy), self._share_of_delta(int(members.sum()))
        cohorts = []
        for c in np.flatnonzero(members).tolist():
            mask, budget = np.arange(len(names)) == c, budgets.get(c, policy.budget)
            cohorts.append((mask, self._guarantee(row_name(names[c]), mask, budget, delta, kind=kind)))
        rare = [mask for mask, guarantee in cohorts if not guarantee.feasible]
        if policy.pool_rare and rare:
            pooled = np.any(rare, axis=0)
            cohorts.append((pooled, self._guarantee(RARE, pooled, policy.budget, delta, kind=kind)))
        return cohorts


@dataclass(frozen=True)
class _Claims:
    """What one kind of guarantee can certify.

    Attributes
    ----------
    members : (K,) the known classes. pooled : the guarantee over all of them.
    by_class : (K,) thresholds that certify each class by itself. cohorts : mask and guarantee of each.
    limits : (K,) thresholds that certify the classes' own budgets; −inf where there is none.
    joint : whether the pooled claim follows from those of all classes.
    """

    members: Bools
    pooled: Guarantee
    by_class: Floats
    cohorts: list[tuple[Bools, Guarantee]]
    limits: Floats
    joint: bool

    def least(self, policy: Policy) -> Floats:
        """(K,) the lowest thresholds that certify what the policy asks for."""
        strictest = self.by_class[self.members].max()
        scopes = {"pooled": self.pooled.threshold, "strict": strictest, "predicted": self.by_class}
        least = np.broadcast_to(scopes[policy.scope], self.by_class.shape)
        lowest: Floats = np.maximum(least, self.limits)
        return lowest

    def held_by(self, thresholds: Floats) -> tuple[Guarantee, ...]:
        """The guarantees, each with whether the thresholds in force are high enough for it."""
        claims = [
            (self.members, self.by_class if self.joint else self.pooled.threshold, self.pooled),
            *((rows, guarantee.threshold, guarantee) for rows, guarantee in self.cohorts),
        ]
        return tuple(
            replace(guarantee, holds=guarantee.feasible and bool((thresholds >= least)[rows].all()))
            for rows, least, guarantee in claims
        )


def _joint(pooled: Guarantee, by_class: Floats, cohorts: list[tuple[Bools, Guarantee]]) -> Guarantee:
    """The guarantee for pooled Harm where every class keeps the budget, since pooled Harm is a mean of theirs."""
    feasible = [guarantee for _, guarantee in cohorts if guarantee.feasible]
    return replace(
        pooled,
        n=sum(guarantee.n for guarantee in feasible),
        k=sum(guarantee.k for guarantee in feasible) if feasible else -1,
        threshold=float(by_class.min()),
        feasible=bool(feasible),
        needed=min(guarantee.needed for _, guarantee in cohorts),
    )
