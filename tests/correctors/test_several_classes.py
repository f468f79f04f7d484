"""A corrector of several classes suggests the most probable of them, and never the classifier's own answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien import correctors
from mien.correctors.adapter import Adapter
from mien.correctors.blend import Blend
from mien.correctors.cascade import Cascade
from mien.correctors.contract import fitted_targets, weighed_proposal
from mien.correctors.linear import LDA, Logistic
from mien.correctors.log_odds import OWN_SHARE, class_odds, most_probable
from mien.errors import DataError, UsageError
from mien.testing import example_outputs
from mien.types import Outputs

ALL = (0, 1, 2, 3)
SLOW = {"xgboost": {"rounds": 20}, "lightgbm": {"rounds": 20}, "stack": {"rounds": 20}}
KINDS = [
    name
    for name in correctors.names()
    if getattr(correctors.get_corrector(name), "several_classes", False)
    and name not in ("adapter", "adapter_blend", "cascade")
]
REFUSING = ("fisher", "novelty", "error_detector")
OUTPUTS, LABELS = example_outputs(count=480)
LAYER = next(iter(OUTPUTS.maps))
FIT, TEST = np.arange(240), np.arange(240, 480)


def made(name: str, target: Any) -> Any:
    return correctors.get_corrector(name)(target, **SLOW.get(name, {}))


@pytest.mark.parametrize("name", KINDS)
def test_it_corrects_every_class(name: str) -> None:
    held, truth = OUTPUTS.take(TEST), LABELS[TEST]
    proposal = made(name, ALL).fit(OUTPUTS.take(FIT), LABELS[FIT]).propose(held)
    assert (proposal.suggested != held.predicted).all()
    wrong = held.predicted != truth
    assert (proposal.suggested[wrong] == truth[wrong]).mean() > 0.8
    assert np.median(proposal.score[wrong]) > np.quantile(proposal.score[~wrong], 0.9)


@pytest.mark.parametrize("name", KINDS)
def test_it_suggests_nothing_but_the_classes_that_were_given(name: str) -> None:
    held = OUTPUTS.take(TEST)
    proposal = made(name, (1, 3)).fit(OUTPUTS.take(FIT), LABELS[FIT]).propose(held)
    assert set(proposal.suggested) <= {1, 3}
    assert (proposal.suggested != held.predicted).all()


@pytest.mark.parametrize("name", [*KINDS, "cascade"])
def test_its_state_is_restored(name: str) -> None:
    if name == "cascade":
        fitted: Any = Cascade((0, 3), second=Adapter((0, 3), LAYER, epochs=1, views=2))
        again: Any = Cascade((0, 3), second=Adapter((0, 3), LAYER))
    else:
        fitted, again = made(name, (0, 3)), made(name, None)
    fitted.fit(OUTPUTS.take(FIT), LABELS[FIT])
    again.restore(fitted.state())
    expected, proposal = fitted.propose(OUTPUTS.take(TEST)), again.propose(OUTPUTS.take(TEST))
    assert fitted_targets(again) == (0, 3)
    assert np.array_equal(proposal.score, expected.score) and np.array_equal(proposal.suggested, expected.suggested)


@pytest.mark.parametrize("name", REFUSING)
def test_a_corrector_of_one_class_refuses_several(name: str) -> None:
    assert not getattr(correctors.get_corrector(name), "several_classes", False)
    with pytest.raises(UsageError, match="suggests one class"):
        made(name, (0, 3)).fit(OUTPUTS.take(FIT), LABELS[FIT])


@pytest.mark.parametrize("target", [(), [], (0, 9), ("fear",), (True, 1)])
def test_a_list_without_classes_is_refused(target: Any) -> None:
    with pytest.raises(UsageError):
        Logistic(target).fit(OUTPUTS.take(FIT), LABELS[FIT])


def test_pictures_of_one_class_are_too_little() -> None:
    with pytest.raises(DataError, match="needs labelled pictures of the class and of others"):
        Logistic(ALL).fit(OUTPUTS.take(FIT), np.zeros(len(FIT), int))


def test_an_adapter_learns_all_classes_at_once() -> None:
    adapter = Adapter(ALL, LAYER, epochs=6, views=2, learning_rate=3e-3).fit(OUTPUTS.take(FIT), LABELS[FIT])
    held, truth = OUTPUTS.take(TEST), LABELS[TEST]
    proposal, wrong = adapter.propose(held), held.predicted != truth
    assert (proposal.suggested[wrong] == truth[wrong]).mean() > 0.8
    again = Adapter(None, LAYER).restore(adapter.state())
    assert fitted_targets(again) == ALL and np.array_equal(again.propose(held).score, proposal.score)


def test_a_blend_is_the_mean_of_its_members() -> None:
    blend = Blend(ALL, [Logistic(ALL), LDA(ALL)]).fit(OUTPUTS.take(FIT), LABELS[FIT])
    held = OUTPUTS.take(TEST)
    odds = [kind(ALL).fit(OUTPUTS.take(FIT), LABELS[FIT]).class_odds(held) for kind in (Logistic, LDA)]
    expected = most_probable(np.mean(odds, axis=0), held, ALL)
    assert np.allclose(blend.propose(held).score, expected.score)
    assert np.array_equal(blend.propose(held).suggested, expected.suggested)


def test_a_cascade_takes_suggestion_and_score_from_the_same_member() -> None:
    second = Adapter(ALL, LAYER, epochs=2, views=2)
    cascade = Cascade(ALL, second=second, share=0.3).fit(OUTPUTS.take(FIT), LABELS[FIT])
    held = OUTPUTS.take(TEST)
    first, slow = (member.propose(held) for member in cascade.members_)
    passed = first.score >= cascade.gate_
    proposal = cascade.propose(held)
    assert 0 < passed.sum() < len(held)
    assert np.array_equal(proposal.suggested, np.where(passed, slow.suggested, first.suggested))
    assert np.allclose(proposal.score[passed], slow.score[passed])


def test_the_score_is_high_where_the_corrector_is_right() -> None:
    fitted = Logistic(ALL).fit(OUTPUTS.take(FIT), LABELS[FIT])
    assert fitted.score(OUTPUTS.take(TEST), LABELS[TEST]) > 0.9


def test_f_has_a_share_in_the_classes_that_it_knows() -> None:
    outputs = Outputs(None, [[0.6, 0.4, 0.0]], [True, True, False])
    log_probs = np.log([[0.1, 0.6, 0.3]])
    odds = class_odds(log_probs, outputs)
    assert odds[0, 1] == pytest.approx((1 - OWN_SHARE) * np.log(6) + OWN_SHARE * np.log(0.4 / 0.6))
    assert odds[0, 2] == pytest.approx(np.log(3))  # f does not know it


def test_where_the_answer_is_the_only_class_nothing_is_suggested() -> None:
    outputs = Outputs(None, [[0.9, 0.1], [0.2, 0.8]])
    proposal = most_probable(np.array([[0.0, -1.0], [-1.0, 0.0]]), outputs, (1,))
    assert proposal.suggested.tolist() == [1, 1] and proposal.score[1] < -500 < proposal.score[0]


@pytest.mark.parametrize("name", KINDS)
def test_where_the_corrector_knows_nothing_of_the_answer_it_overrides_nothing(name: str) -> None:
    """Rows of class 1 are absent from fitting, and f answers it."""
    rows = FIT[LABELS[FIT] != 1]
    held = OUTPUTS.take(TEST)
    proposal = made(name, ALL).fit(OUTPUTS.take(rows), LABELS[rows]).propose(held)
    answered = held.predicted == 1
    assert answered.any() and proposal.score[answered].max() < -500 < proposal.score[~answered].min()


def test_several_new_classes_are_unknown_to_the_classifier() -> None:
    probs, features = OUTPUTS.probs[:, :3], OUTPUTS.vectors[next(iter(OUTPUTS.vectors))]
    labels = np.where(np.arange(len(LABELS)) % 5 == 0, 4, LABELS)
    fitted = Logistic((3, 4)).fit(probs[FIT], labels[FIT], features[FIT])
    assert fitted.known_.tolist() == [True, True, True, False, False]


def test_a_corrector_of_several_classes_without_odds_is_refused_in_words() -> None:
    class Odd(Logistic):
        name = "outside:Odd"
        class_odds = None

    fitted = Logistic(ALL).fit(OUTPUTS.take(FIT), LABELS[FIT])
    odd = Odd(ALL).restore(fitted.state())
    with pytest.raises(UsageError, match="class_odds"):
        weighed_proposal(odd, OUTPUTS.take(TEST), np.ones(4))


def test_members_that_suggest_different_classes_are_refused() -> None:
    with pytest.raises(UsageError, match="different classes"):
        Blend((0, 1), [Logistic(0), Logistic(1)]).fit(OUTPUTS.take(FIT), LABELS[FIT])
