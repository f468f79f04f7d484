"""When to override: a policy, its thresholds, and the budget of harm that they certify.

Override when score > τ. Harm is the share of pictures that f had right and the corrected system has wrong. Nothing is
ever guessed: with too few calibration pictures the threshold is +inf, so the corrector is silent, and the guarantee's
`needed` says how many would do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.certify.thresholds import (
    POOLED,
    Guarantee,
    balanced_accuracy_threshold,
    cost_ratio_threshold,
    fixed_threshold,
    order_statistic_threshold,
)
from mien.errors import AlignmentError, UsageError, choice_error
from mien.settings import setting, validate
from mien.types import (
    ACTIONS,
    NO_LABEL,
    Bools,
    Decision,
    Floats,
    Ints,
    LabelSet,
    Proposal,
    Texts,
    as_groups,
    as_known,
    as_labels,
    as_numbers,
    row_name,
    without_nan,
)

SCOPES = ("pooled", "strict", "predicted")
RULES = ("certified", "probability", "balanced_accuracy", "cost")
RARE = "rare classes"


@dataclass(frozen=True)
class Policy:
    """How much harm is allowed, how surely, to whom, and what an override does.

    Parameters
    ----------
    budget : α, the largest allowed Harm.
    delta : δ, the chance that the certificate is wrong.
    scope : "pooled", Harm over all known classes together; "strict", the largest of the classes' thresholds, so Harm of
        each class; "predicted", a threshold for each answer of f, so Harm of each class, all of them at once.
    action : one of ACTIONS: give the suggested class, abstain, or only flag the picture.
    pool_rare : with "strict" and "predicted", certify the classes that have too few pictures together, as one group.
    rule : "certified", or a plain rule without a guarantee: the new class is more probable than `probability`; the best
        balanced accuracy; the least cost, a false override counting as `cost` missed pictures.
    """

    budget: float = setting(
        0.02, "largest allowed Harm: share of right answers that may be lost", within=(1e-6, 1), exclusive=True
    )
    delta: float = setting(0.05, "chance that the certificate is wrong", within=(0, 1), exclusive=True)
    scope: str = setting(POOLED, "whose Harm is certified", choices=SCOPES)
    action: str = setting("relabel", "what an override does", choices=ACTIONS)
    pool_rare: bool = setting(False, "certify classes with too few pictures together")
    rule: str = setting("certified", "how the threshold is chosen; only the first gives a certificate", choices=RULES)
    probability: float = setting(0.5, "with --rule probability: override above it", within=(0, 1), exclusive=True)
    cost: float = setting(
        1.0, "with --rule cost: missed pictures that a false override is worth", within=(0, 1e9), exclusive=True
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Certified:
    """Thresholds in force and what they guarantee.

    Attributes
    ----------
    thresholds : (K,) by f's answer; +inf is silence.
    guarantees : "pooled" first, then one for each known class, then "rare classes" where they were pooled.
    """

    thresholds: Floats
    guarantees: tuple[Guarantee, ...]


def certify(
    proposal: Proposal,
    truth: Ints,
    base: Ints,
    groups: Texts | None,
    labelset: LabelSet,
    policy: Policy,
    known: Bools | None = None,
) -> Certified:
    """Choose the thresholds on calibration pictures, and say what is certified.

    Parameters
    ----------
    proposal : of the corrector, for N calibration pictures that it was not fitted on.
    truth, base, groups : (N,) labels, f's answers, persons (None: each picture its own).
    labelset : the K classes.
    policy : budget, confidence and scope.
    known : (K,) bool, the classes that f was trained on; None: all.

    Notes
    -----
    Only known-class pictures that f had right can be harmed, so only they count; a suggestion that equals f's answer
    harms nothing. "strict" needs no share of δ for each class: it fails only if the threshold of the most endangered
    class does. With "predicted", each of C known classes is certified at 1 − (1 − δ)^(1/C), so that all hold at once
    and with them the pooled Harm, which is a mean of theirs. Persons with pictures of several classes tie the classes
    together and are harmed by any of them: then each class gets δ/C, and the pooled claim must hold by itself.
    """
    _check_kinds(labelset, policy)
    rows, count = len(proposal.ids), len(labelset)
    truth = as_labels(truth, "certify: truth", count, rows=rows)
    base = as_labels(base, "certify: base", count, rows=rows)
    as_labels(proposal.suggested, "certify: proposal.suggested", count, least=NO_LABEL)
    groups = None if groups is None else as_groups(groups, "certify: groups", rows)
    members = _members(known, count)
    right = (base == truth) & members[truth]
    harmful = np.where(proposal.suggested != base, proposal.score, -np.inf)[right]
    persons = None if groups is None or len(np.unique(groups)) == len(groups) else groups[right]
    pictures = _Calibration(harmful, truth[right], persons, policy)

    cohorts = pictures.cohorts(labelset, members, pictures.share_of_delta(int(members.sum())))
    own = np.full(len(labelset), np.inf)
    for classes, guarantee in cohorts:  # the rare classes together come last and replace their own
        own[classes] = guarantee.threshold
    pooled = pictures.guarantee(POOLED, members, policy.delta)
    in_force = {"pooled": pooled.threshold, "strict": own[members].max(), "predicted": own}[policy.scope]
    if policy.rule != "certified":
        speaks = proposal.suggested != base  # elsewhere an override changes nothing
        is_new = overriding_is_right(proposal, truth, base)
        in_force = _plain(proposal.score[speaks], is_new[speaks], policy)
    thresholds = np.broadcast_to(in_force, own.shape).copy()
    joint = policy.scope == "predicted" and persons is None
    claims = [
        (members, own, _joint(own, cohorts, policy)) if joint else (members, pooled.threshold, pooled),
        *((classes, guarantee.threshold, guarantee) for classes, guarantee in cohorts),
    ]
    guarantees = (
        replace(guarantee, holds=guarantee.feasible and bool((thresholds >= least)[classes].all()))
        for classes, least, guarantee in claims
    )
    return Certified(thresholds, tuple(guarantees))


def _members(known: Bools | None, count: int) -> Bools:
    """(K,) bool: which classes f was trained on."""
    members = np.ones(count, dtype=bool) if known is None else as_known(known, "certify: known")
    if len(members) != count:
        cause = f"known has {len(members)} entries, and there are {count} classes"
        raise AlignmentError(cause, place="certify", remedy="give True or False for each class")
    return members


def _check_kinds(labelset: Any, policy: Any) -> None:
    if not isinstance(labelset, LabelSet) or not isinstance(policy, Policy):
        cause = f"labelset is a {type(labelset).__name__}, policy a {type(policy).__name__}"
        raise UsageError(cause, place="certify", remedy='give LabelSet(("fear", …)) and Policy(budget=0.02)')


def overriding_is_right(proposal: Proposal, truth: Ints, base: Ints) -> Bools:
    """(N,) whether the suggestion is right; "no class" (−1) is where f is wrong."""
    right: Bools = np.where(proposal.suggested == NO_LABEL, base != truth, proposal.suggested == truth)
    return right


def _plain(score: Floats, is_new: Bools, policy: Policy) -> float:
    """The threshold of a rule without a guarantee; silence where the pictures cannot tell one."""
    if policy.rule == "probability":
        return fixed_threshold(policy.probability)
    if not is_new.any() or is_new.all():
        return np.inf
    if policy.rule == "cost":
        return cost_ratio_threshold(score, is_new, policy.cost)
    return balanced_accuracy_threshold(score, is_new)


@dataclass(frozen=True)
class _Calibration:
    """The calibration pictures that f had right, and what is certified on them; no groups: one picture each."""

    scores: Floats
    truth: Ints
    groups: Texts | None
    policy: Policy

    def share_of_delta(self, classes: int) -> float:
        """δ for each class: the whole, or with "predicted" what lets all of them hold at once."""
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
            together = np.any(rare, axis=0)
            cohorts.append((together, self.guarantee(RARE, together, delta)))
        return cohorts


def _joint(own: Floats, cohorts: list[tuple[Bools, Guarantee]], policy: Policy) -> Guarantee:
    """Pooled Harm of single pictures when every class keeps the budget at once: a mean of theirs keeps it too."""
    sound = [guarantee for _, guarantee in cohorts if guarantee.feasible]
    return Guarantee(
        group=POOLED,
        budget=policy.budget,
        confidence=1 - policy.delta,
        n=sum(guarantee.n for guarantee in sound),
        k=sum(guarantee.k for guarantee in sound) if sound else -1,
        threshold=float(own.min()),
        feasible=bool(sound),
        needed=min(guarantee.needed for _, guarantee in cohorts),
    )


def decide(proposal: Proposal, base: Ints, thresholds: Floats | float, action: str = "relabel") -> Decision:
    """What the corrected system says.

    Parameters
    ----------
    proposal : the corrector's, for N pictures.
    base : (N,) f's answers.
    thresholds : one, or (K,) by f's answer; override where score > threshold and the suggestion is another class.
    action : one of ACTIONS: "relabel" gives the suggestion, "abstain" −1, "flag" keeps f's answer.
    """
    if action not in ACTIONS:
        raise choice_error("action", action, ACTIONS, place="decide")
    threshold = without_nan(as_numbers(thresholds, "decide: thresholds", ndim=None, finite=False), "decide: thresholds")
    threshold = threshold.astype(float)
    if threshold.ndim > 1:
        cause = f"is of shape {threshold.shape}"
        raise AlignmentError(cause, place="decide: thresholds", remedy="give one threshold, or one for each class")
    base = as_labels(base, "decide: base", len(threshold) if threshold.ndim else None, rows=len(proposal.ids))
    overridden = (proposal.score > (threshold[base] if threshold.ndim else threshold)) & (proposal.suggested != base)
    final = base.copy()
    if action != "flag":
        final[overridden] = proposal.suggested[overridden] if action == "relabel" else NO_LABEL
    return Decision(proposal.ids, base, final, overridden, action)
