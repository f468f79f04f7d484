"""The harm budget: what each scope certifies, the guarantee by simulation, and what an override does."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from mien.certify.calibration_set import CalibrationSet
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy, decide
from mien.errors import AlignmentError, UsageError
from mien.types import LabelSet, Proposal

LABELS = LabelSet(("fear", "happiness", "neutral"))
spend = partial(Policy, aim="gain")
"""A policy that spends the whole budget."""


def certify(
    given: Proposal, truth: Any, base: Any, groups: Any, labelset: Any, policy: Policy, known: Any = None
) -> Certified:
    return CalibrationSet.of(given, truth, base, groups).certify(policy, labelset, known)


def proposal(score: np.ndarray, suggested: np.ndarray | int) -> Proposal:
    ids = np.arange(len(score)).astype(str)
    return Proposal(ids, np.asarray(score, float), np.broadcast_to(suggested, score.shape).copy())


def calibration(counts: tuple[int, int, int], seed: int = 0) -> tuple[Proposal, np.ndarray]:
    """Scores for class 0 of pictures that f, which does not know it, had right."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), counts)
    return proposal(rng.normal(size=len(truth)) + 0.5 * (truth == 1), 0), truth


def test_all_classes_hold_at_once_under_strict_and_predicted_by_simulation() -> None:
    rng, trials, budget, delta = np.random.default_rng(1), 600, 0.1, 0.1
    truth = np.repeat(np.arange(3), (80, 120, 200))
    failures = {"strict": 0, "predicted": 0}
    for _ in range(trials):
        scores = proposal(rng.random(len(truth)), 0)  # uniform: Harm is 1 − τ; class 0 is left out, unknown to f
        for scope in failures:
            found = certify(
                scores, truth, truth, None, LABELS, spend(budget, delta, scope), known=np.array([False, True, True])
            )
            failures[scope] += bool((1 - found.thresholds[1:] > budget).any())
    assert all(count <= binom.ppf(0.999, trials, delta) for count in failures.values())
    assert failures["predicted"] > 0  # it spends its budget


# certificates


def test_pooled_is_in_force_and_rare_classes_say_what_they_need() -> None:
    scores, truth = calibration((0, 200, 40))
    found = certify(scores, truth, truth, None, LABELS, spend(), known=np.array([False, True, True]))
    pooled, happiness, neutral = found.guarantees
    assert [g.group for g in found.guarantees] == ["pooled", "happiness", "neutral"]
    assert (pooled.n, happiness.n, neutral.n) == (240, 200, 40)
    assert (found.thresholds == pooled.threshold).all() and pooled.holds
    assert not neutral.feasible and not neutral.holds and neutral.needed == 149


def test_a_class_is_certified_only_if_the_threshold_in_force_is_high_enough() -> None:
    truth = np.repeat([1, 2], (200, 2000))
    score = np.concatenate([np.linspace(5, 6, 200), np.linspace(0, 1, 2000)])  # class 1 is in danger
    score[200:260] = 9  # and so are a few of class 2, which the pooled budget cannot bear
    found = certify(proposal(score, 0), truth, truth, None, LABELS, spend(0.05), known=np.array([False, True, True]))
    pooled, happiness, neutral = found.guarantees
    assert happiness.feasible and not happiness.holds and happiness.threshold > pooled.threshold
    assert neutral.feasible and neutral.holds == (pooled.threshold >= neutral.threshold)


def test_only_pictures_that_f_had_right_count() -> None:
    scores, truth = calibration((50, 200, 200))
    base = np.where(truth == 0, 1, truth)  # f does not know class 0
    base[truth == 2] = 1  # and gets all neutral wrong
    found = certify(scores, truth, base, None, LABELS, spend(), known=np.array([False, True, True]))
    assert [g.n for g in found.guarantees] == [200, 200, 0]


def test_a_suggestion_that_equals_the_answer_harms_nothing() -> None:
    truth = np.repeat([1, 2], 200)
    score = np.where(truth == 1, 100.0, 0.0) + np.linspace(0, 1, 400)
    found = certify(proposal(score, 1), truth, truth, None, LABELS, spend())
    assert found.thresholds[0] < 100


def test_strict_takes_the_largest_threshold_and_is_silent_if_a_class_is_too_small() -> None:
    scores, truth = calibration((0, 300, 300))
    known = np.array([False, True, True])
    strict = certify(scores, truth, truth, None, LABELS, spend(scope="strict"), known)
    assert strict.thresholds[0] == max(g.threshold for g in strict.guarantees[1:])
    assert all(g.holds for g in strict.guarantees[1:])
    few = np.arange(600) < 340
    small = certify(proposal(scores.score[few], 0), truth[few], truth[few], None, LABELS, spend(scope="strict"), known)
    assert np.isinf(small.thresholds).all()


def test_rare_classes_may_be_certified_together() -> None:
    scores, truth = calibration((80, 300, 80))
    scores = proposal(scores.score, 1)
    alone = certify(scores, truth, truth, None, LABELS, spend(scope="strict"))
    together = certify(scores, truth, truth, None, LABELS, spend(scope="strict", pool_rare=True))
    assert np.isinf(alone.thresholds).all() and np.isfinite(together.thresholds).all()
    rare = together.guarantees[-1]
    assert (rare.group, rare.n, rare.holds) == ("rare classes", 160, True)
    assert [g.holds for g in together.guarantees if g.group in ("fear", "neutral")] == [False, False]


def test_by_predicted_class_each_answer_has_its_own_threshold() -> None:
    scores, truth = calibration((0, 400, 40))
    found = certify(scores, truth, truth, None, LABELS, spend(scope="predicted"), known=np.array([False, True, True]))
    pooled, happiness, _ = found.guarantees
    assert np.isfinite(found.thresholds[1]) and np.isinf(found.thresholds[[0, 2]]).all()
    assert happiness.confidence == pytest.approx(0.95**0.5)
    assert pooled.holds and pooled.confidence == 0.95 and pooled.threshold == found.thresholds[1]


def test_by_predicted_class_a_plain_rule_must_reach_every_class_for_the_pooled_claim() -> None:
    truth = np.repeat([1, 2], 400)
    score = np.concatenate([np.linspace(-3, 0, 400), np.linspace(0, 3, 400)])  # class 2 needs a high threshold
    known = np.array([False, True, True])
    plain = spend(scope="predicted", rule="probability", probability=0.6)
    pooled, first, second = certify(proposal(score, 0), truth, truth, None, LABELS, plain, known).guarantees
    assert first.holds and not second.holds
    assert not pooled.holds  # though its threshold, the smallest of the classes', is reached
    sure = spend(scope="predicted", rule="probability", probability=0.99)
    assert all(each.holds for each in certify(proposal(score, 0), truth, truth, None, LABELS, sure, known).guarantees)


def test_persons_with_pictures_of_several_classes_need_the_union_bound_and_a_pooled_claim_of_their_own() -> None:
    rng, known, policy = np.random.default_rng(4), np.array([False, True, True]), spend(0.05, scope="predicted")
    truth, persons = np.tile([1, 2], 400), np.repeat(np.arange(400), 2).astype(str)
    given = proposal(rng.normal(size=800), 0)
    pooled, *classes = certify(given, truth, truth, persons, LABELS, policy, known).guarantees
    assert [each.confidence for each in classes] == [pytest.approx(0.975)] * 2
    assert all(each.holds for each in classes)
    # harmed by either picture, so about twice as many persons as the classes allow
    assert pooled.n == 400 and not pooled.holds and pooled.threshold > max(each.threshold for each in classes)
    alone = certify(given, truth, truth, np.arange(800).astype(str), LABELS, policy, known)
    assert alone.guarantees == certify(given, truth, truth, None, LABELS, policy, known).guarantees
    assert alone.guarantees[0].holds


def test_the_pooled_claim_for_persons_holds_by_simulation_wherever_it_is_made() -> None:
    rng, trials, policy = np.random.default_rng(5), 400, spend(0.1, 0.1, scope="predicted")
    truth, persons = np.tile([1, 2], 60), np.repeat(np.arange(60), 2).astype(str)
    known, made, broken = np.array([False, True, True]), 0, 0
    for _ in range(trials):
        found = certify(proposal(rng.random(120), 0), truth, truth, persons, LABELS, policy, known)
        harmed = 1 - found.thresholds[1] * found.thresholds[2]  # of persons: either of two uniform scores
        made += found.guarantees[0].holds
        broken += found.guarantees[0].holds and harmed > policy.budget
    assert made > 0 and broken <= binom.ppf(0.999, trials, policy.delta)


# decisions


def test_the_three_actions() -> None:
    base = np.array([1, 2, 1, 0])
    given = proposal(np.array([3.0, 1.0, 2.0, 5.0]), 0)
    relabelled, abstained, flagged = (decide(given, base, 2.0, action) for action in ("relabel", "abstain", "flag"))
    assert relabelled.final.tolist() == [0, 2, 1, 0]
    assert abstained.final.tolist() == [-1, 2, 1, 0]
    assert flagged.final.tolist() == base.tolist()
    # a score on the threshold is not above it, and a suggestion that agrees is no override
    assert (
        relabelled.overridden.tolist()
        == abstained.overridden.tolist()
        == flagged.overridden.tolist()
        == [True, *[False] * 3]
    )


def test_thresholds_by_answer_and_silence() -> None:
    base = np.array([1, 2, 1, 2])
    given = proposal(np.array([1.0, 1.0, -1.0, 99.0]), 0)
    assert decide(given, base, np.array([np.inf, 0.0, np.inf])).overridden.tolist() == [True, False, False, False]
    assert not decide(given, base, np.inf).overridden.any()


def test_a_plain_rule_looks_only_where_an_override_changes_something() -> None:
    """A class that f knows: where f says so itself, there is nothing to win back, whatever the score."""
    rng = np.random.default_rng(0)
    truth = np.repeat([1, 0], [300, 700])
    base = np.where((truth == 1) & (np.arange(1000) < 200), 1, 0)
    score = np.where(base == 1, -1e6, 2.0 * truth + rng.normal(size=1000))
    found = certify(
        Proposal(np.arange(1000).astype(str), score, np.ones(1000, int)), truth, base, None, LabelSet(("a", "b")),
        spend(rule="cost", cost=0.3),
    )  # fmt: skip
    assert np.isfinite(found.thresholds).all() and found.thresholds[0] > -5


# refusals


def test_bad_settings_are_refused_with_a_remedy() -> None:
    with pytest.raises(UsageError, match=r"between 1e-06 and 1"):
        spend(budget=2)
    with pytest.raises(UsageError, match="did you mean 'strict'"):
        spend(scope="strickt")
    with pytest.raises(UsageError, match="choose from"):
        spend(action="delete")


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    scores, truth = calibration((0, 5, 5))
    with pytest.raises(AlignmentError):
        certify(scores, truth[:-1], truth, None, LABELS, spend())
    with pytest.raises(AlignmentError):
        certify(scores, truth, truth, None, LABELS, spend(), known=np.zeros(3, bool))
    with pytest.raises(AlignmentError):
        decide(scores, truth[:-1], 0.0)


@pytest.mark.parametrize("rule", ["probability", "balanced_accuracy", "cost"])
def test_a_plain_rule_chooses_its_own_threshold_and_claims_no_certificate_that_does_not_hold(rule: str) -> None:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 600)
    score = generator.normal(size=600) + 2.0 * (truth == 2)
    proposal = Proposal(np.arange(600).astype(str), score, np.full(600, 2))
    base, known = np.where(truth == 2, 0, truth), np.array([True, True, False])
    labelset = LabelSet(("a", "b", "c"))
    plain = certify(proposal, truth, base, None, labelset, spend(rule=rule), known)
    certified = certify(proposal, truth, base, None, labelset, spend(), known)
    assert np.unique(plain.thresholds).size == 1
    assert plain.thresholds[0] < certified.thresholds[0]  # so the budget of 2 % is not kept
    assert certified.guarantees[0].holds
    assert not plain.guarantees[0].holds
