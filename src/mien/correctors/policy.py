"""When to override: thresholds, and the budget of harm that they certify.

Override when score > τ. Harm is the share of pictures that f had right and the corrected system has wrong. The
thresholds here are order statistics of calibration scores (X. Tong, Y. Feng, J. J. Li, *Neyman-Pearson classification
algorithms and NP receiver operating characteristics*, Science Advances 2018): exact for any score and any sample size.
Nothing is ever guessed: with too few pictures the threshold is +inf, so the corrector is silent, and `needed` says how
many would do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, log, log1p

import numpy as np
from scipy.stats import binom

from mien.errors import AlignmentError, UsageError, choice_error
from mien.types import ACTIONS, NO_LABEL, Bools, Decision, Floats, Ints, LabelSet, Proposal, Texts

SCOPES = ("pooled", "strict", "predicted")
POOLED, RARE = "pooled", "rare classes"


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
    """

    budget: float = 0.02
    delta: float = 0.05
    scope: str = POOLED
    action: str = "relabel"
    pool_rare: bool = False

    def __post_init__(self) -> None:
        _check_shares(self.budget, self.delta)
        for what, word, known in (("scope", self.scope, SCOPES), ("action", self.action, ACTIONS)):
            if word not in known:
                raise choice_error(what, word, known, place="Policy")


@dataclass(frozen=True)
class Guarantee:
    """With confidence 1 − δ, overriding above `threshold` harms at most a share `budget` of `group`.

    Attributes
    ----------
    group : "pooled", a class, or "rare classes".
    confidence : 1 − δ.
    n : persons (or other groups) in the calibration pictures that f had right.
    k : how many of them may be harmed there; −1 where not even none is enough.
    threshold : the lowest that the certificate allows; +inf where infeasible.
    feasible : whether n is large enough.
    needed : the smallest n that is.
    holds : feasible, and the threshold in force is at least this one.
    """

    group: str
    budget: float
    confidence: float
    n: int
    k: int
    threshold: float
    feasible: bool
    needed: int
    holds: bool = False


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


def smallest_n(budget: float, delta: float) -> int:
    """Fewest calibration pictures with which a budget can be certified at all: (1 − α)^n ≤ δ.

    >>> [smallest_n(budget, 0.05) for budget in (0.01, 0.02, 0.05)]
    [299, 149, 59]
    """
    _check_shares(budget, delta)
    n = floor(log(delta) / log1p(-budget))
    return n if allowed(n, budget, delta) >= 0 else n + 1


def allowed(n: int, budget: float, delta: float) -> int:
    """The largest k with P(Bin(n, α) ≤ k) ≤ δ: how many of n may be harmed in calibration; −1 if none may.

    >>> allowed(712, 0.02, 0.1), allowed(40, 0.02, 0.1)
    (9, -1)
    """
    _check_shares(budget, delta)
    k = int(binom.ppf(delta, n, budget))  # the smallest with P ≥ δ
    return k if binom.cdf(k, n, budget) <= delta else k - 1


def order_statistic_threshold(
    scores: Floats, groups: Texts | None, budget: float, delta: float, group: str = POOLED
) -> Guarantee:
    """The lowest threshold that is certified: the (k+1)-th largest score, with one score for each person.

    A person counts as harmed if any picture is, so the largest score stands for the person, and the certificate is for
    the share of persons harmed. Ties are safe, as only scores greater than the threshold override.

    Parameters
    ----------
    scores : (N,) of calibration pictures that f had right.
    groups : (N,) persons or other units that may not be split; None: each picture is its own.
    budget, delta : α and δ.
    group : what the guarantee is for.
    """
    if groups is not None and len(groups) != len(scores):
        raise AlignmentError(f"{len(scores)} scores, {len(groups)} groups", place="order_statistic_threshold")
    if groups is None:
        largest = np.asarray(scores, dtype=float)
    else:
        names, unit = np.unique(groups, return_inverse=True)
        largest = np.full(len(names), -np.inf)
        np.maximum.at(largest, unit, scores)
    n = len(largest)
    k = allowed(n, budget, delta)
    threshold = float(np.sort(largest)[n - 1 - k]) if k >= 0 else np.inf
    return Guarantee(group, budget, 1 - delta, n, k, threshold, k >= 0, smallest_n(budget, delta), holds=k >= 0)


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
    class does. With "predicted", each of C known classes is certified at 1 − (1 − δ)^(1/C), so that all hold at once.
    """
    if not len(proposal.ids) == len(truth) == len(base) == len(truth if groups is None else groups):
        raise AlignmentError("proposal, truth, base and groups differ in length", place="certify")
    members = np.ones(len(labelset), dtype=bool) if known is None else known
    if len(members) != len(labelset) or not members.any():
        raise AlignmentError("known must name at least one of the K classes", place="certify")
    right = (base == truth) & members[truth]
    harmful = np.where(proposal.suggested != base, proposal.score, -np.inf)[right]
    pictures = _Calibration(harmful, truth[right], None if groups is None else groups[right], policy)

    predicted = policy.scope == "predicted"
    delta = 1 - (1 - policy.delta) ** (1 / int(members.sum())) if predicted else policy.delta
    cohorts = pictures.cohorts(labelset, members, delta)
    own = np.full(len(labelset), np.inf)
    for classes, guarantee in cohorts:  # the rare classes together come last and replace their own
        own[classes] = guarantee.threshold
    pooled = _joint(own, cohorts, policy) if predicted else pictures.guarantee(POOLED, members, policy.delta)
    in_force = {"pooled": pooled.threshold, "strict": own[members].max(), "predicted": own}[policy.scope]
    thresholds = np.broadcast_to(in_force, own.shape).copy()
    guarantees = (
        replace(guarantee, holds=guarantee.feasible and bool((thresholds[classes] >= guarantee.threshold).all()))
        for classes, guarantee in [(members, pooled), *cohorts]
    )
    return Certified(thresholds, tuple(guarantees))


@dataclass(frozen=True)
class _Calibration:
    """The calibration pictures that f had right, and what is certified on them."""

    scores: Floats
    truth: Ints
    groups: Texts | None
    policy: Policy

    def guarantee(self, group: str, classes: Bools, delta: float) -> Guarantee:
        rows = classes[self.truth]
        groups = None if self.groups is None else self.groups[rows]
        return order_statistic_threshold(self.scores[rows], groups, self.policy.budget, delta, group)

    def cohorts(self, labelset: LabelSet, members: Bools, delta: float) -> list[tuple[Bools, Guarantee]]:
        """Each known class, then, where the policy says so, the rare ones together: (K,) mask and guarantee."""
        masks = np.eye(len(labelset), dtype=bool)[members]
        cohorts = [(mask, self.guarantee(labelset.names[mask.argmax()], mask, delta)) for mask in masks]
        rare = [mask for mask, guarantee in cohorts if not guarantee.feasible]
        if self.policy.pool_rare and rare:
            together = np.any(rare, axis=0)
            cohorts.append((together, self.guarantee(RARE, together, delta)))
        return cohorts


def _joint(own: Floats, cohorts: list[tuple[Bools, Guarantee]], policy: Policy) -> Guarantee:
    """Pooled Harm when every class keeps the budget at once: it is a mean of theirs, so it keeps the budget too."""
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
    if len(base) != len(proposal.ids):
        raise AlignmentError(f"{len(proposal.ids)} proposals, {len(base)} answers", place="decide")
    threshold = np.asarray(thresholds, dtype=float)
    changed = (proposal.score > (threshold[base] if threshold.ndim else threshold)) & (proposal.suggested != base)
    final = base.copy()
    if action != "flag":
        final[changed] = proposal.suggested[changed] if action == "relabel" else NO_LABEL
    return Decision(proposal.ids, base, final, changed, action)


def fixed_threshold(probability: float = 0.5) -> float:
    """The score, in log odds, at which the new class has this probability against the rest: no guarantee.

    >>> fixed_threshold(0.5)
    0.0
    """
    _check_shares(probability)
    return log(probability) - log1p(-probability)


def balanced_accuracy_threshold(scores: Floats, is_new: Bools) -> float:
    """The threshold with the largest mean of recall on new pictures and on the others: no guarantee."""
    return _best_threshold(scores, is_new, cost=is_new.sum() / max(1, (~is_new).sum()))


def cost_ratio_threshold(scores: Floats, is_new: Bools, cost: float) -> float:
    """The threshold of least cost, a false override counting as `cost` missed new pictures: no guarantee.

    >>> cost_ratio_threshold(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]), cost=2)
    3.0
    """
    if not cost > 0:
        raise UsageError(f"cost must be above 0, not {cost}", place="cost_ratio_threshold")
    return _best_threshold(scores, is_new, cost)


def _best_threshold(scores: Floats, is_new: Bools, cost: float) -> float:
    """An observed score (or −inf) that maximises new − cost·others above it; the highest such one."""
    if len(scores) != len(is_new) or not is_new.any() or is_new.all():
        raise AlignmentError("needs scores of new and of other pictures", place="threshold")
    candidates = np.concatenate([[-np.inf], np.unique(scores)])
    above_new, above_other = (
        len(scores[mask]) - np.searchsorted(np.sort(scores[mask]), candidates, side="right")
        for mask in (is_new, ~is_new)
    )
    worth = above_new - cost * above_other
    return float(candidates[np.flatnonzero(worth == worth.max())[-1]])


def _check_shares(*shares: float) -> None:
    for share in shares:
        if not 0 < share < 1:
            raise UsageError(
                f"must be between 0 and 1, not {share}", place="policy", remedy="give a share such as 0.02"
            )
