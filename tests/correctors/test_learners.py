"""What each family of correctors promises beyond the contract."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy, decide
from mien.correctors.blend import Blend
from mien.correctors.boosting import ErrorDetector, LightGBM, Stack, XGBoost
from mien.correctors.fisher import RULES, Fisher, count_axes
from mien.correctors.linear import LDA, Logistic
from mien.correctors.log_odds import ENCODINGS
from mien.correctors.novelty import Novelty
from mien.correctors.projection import Nystroem, Projection
from mien.correctors.ridge import Ridge, Spectrum
from mien.errors import DataError, RunError, UsageError
from mien.metrics.ranking import auroc
from mien.testing import check_corrector, example_outputs
from mien.types import NO_LABEL, LabelSet, Outputs


@pytest.fixture(scope="module")
def learnt() -> tuple[Outputs, np.ndarray]:
    return example_outputs()


@pytest.fixture(scope="module")
def unseen() -> tuple[Outputs, np.ndarray]:
    """Other pictures of the same imagined classifier."""
    outputs, labels = example_outputs(count=480)
    rows = np.arange(240, 480)
    return outputs.take(rows), labels[rows]


@pytest.mark.parametrize("coding", ENCODINGS)
@pytest.mark.parametrize("kind", [Logistic, LDA, Nystroem, Projection, XGBoost, LightGBM])
def test_every_coding_keeps_the_contract(kind: type, coding: str) -> None:
    check_corrector(partial(kind, target_encoding=coding))


@pytest.mark.parametrize("kind", [Logistic, LDA, Nystroem, Projection, Fisher, XGBoost, LightGBM])
def test_it_finds_new_pictures_of_the_class(kind: type) -> None:
    outputs, labels = example_outputs(count=480)
    first, second = np.arange(240), np.arange(240, 480)
    score = kind().fit(outputs.take(first), labels[first]).propose(outputs.take(second)).score
    assert auroc(score, labels[second] == 3) > 0.9


@pytest.mark.parametrize("penalty", [0.01, 1.0, 50.0])
def test_ridge_answers_for_each_row_as_if_it_were_fitted_without_it(penalty: float) -> None:
    rng = np.random.default_rng(0)
    vectors, codes = rng.normal(size=(30, 5)), rng.integers(0, 3, 30)
    answers = np.eye(3)[codes]
    at_once = Spectrum.of(vectors).left_out(answers, penalty)
    for row in range(30):
        others = np.arange(30) != row
        mean, middle = vectors[others].mean(0), answers[others].mean(0)
        centred = vectors[others] - mean
        weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(5), centred.T @ (answers[others] - middle))
        assert np.allclose(at_once[row], middle + (vectors[row] - mean) @ weights)


def test_ridge_gives_probabilities() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 200)
    vectors = np.eye(3)[codes] + rng.normal(size=(200, 3))
    found = Ridge.fit(vectors[:100], codes[:100]).log_probs(vectors[100:])
    assert np.allclose(np.exp(found).sum(1), 1)
    assert (found.argmax(1) == codes[100:]).mean() > 0.5


# Fisher


def test_one_picture_of_the_class_is_enough_for_fisher(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    rows = np.concatenate([np.flatnonzero(labels != 3), np.flatnonzero(labels == 3)[:1]])
    score = Fisher().fit(outputs.take(rows), labels[rows]).propose(outputs).score
    assert auroc(score, labels == 3) > 0.7


def test_two_clusters_of_errors_are_cut_off_by_two_planes() -> None:
    """Two blobs on either side of the others: one plane cannot cut both off, a dispatcher between two can."""
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(400, 4))
    new = rng.normal(size=(300, 4)) * 0.5 + np.where(rng.random(300) < 0.5, 6, -6)[:, None] * np.eye(4)[0]
    features = {"x": np.concatenate([usual, new]).astype(np.float32)}
    labels = np.repeat([0, 2], [400, 300])
    outputs = Outputs(np.arange(700).astype(str), np.eye(3)[[0] * 700], np.array([True, True, False]), features)
    areas = {n: auroc(Fisher(clusters=n).fit(outputs, labels).propose(outputs).score, labels == 2) for n in (1, 2)}
    assert areas[2] > 0.99 > areas[1]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_keeps_the_long_axes_and_at_least_one(rule: str) -> None:
    assert count_axes(np.array([8.0, 1e-3, 1e-3]), 10, rule) == 1
    assert count_axes(np.full(4, 0.5), 4, "kaiser") == 1
    assert count_axes(np.array([50.0, 30.0, 15.0, 1e-3]), 100, rule) >= 2


def test_an_unknown_rule_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'kaiser'"):
        Fisher(rule="keiser").fit(*example_outputs())


# novelty


@pytest.mark.parametrize("method", correctors.NOVELTY_SCORES)
def test_novelty_needs_no_label(method: str, learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    known = outputs.take(labels != 3)
    score = Novelty(method=method).fit(known).propose(outputs).score
    assert auroc(score, labels == 3) > 0.5
    ignored = Novelty(method=method).fit(known, np.zeros(len(known), int)).propose(outputs).score
    assert np.array_equal(score, ignored)


def test_novelty_suggests_nothing_where_every_class_is_known(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, _ = learnt
    everything = Outputs(outputs.ids, np.full((240, 4), 0.25), np.ones(4, bool), outputs.vectors)
    assert (Novelty().fit(everything).propose(everything).suggested == NO_LABEL).all()


# the paper's other two uses


def test_the_stack_answers_any_class(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    proposal = Stack().fit(outputs, labels).propose(outputs)
    assert set(proposal.suggested) == {0, 1, 2, 3}
    assert (proposal.score >= 0).all()
    assert (proposal.score[proposal.suggested == outputs.predicted] == 0).all()


def test_the_error_detector_makes_the_system_abstain_and_is_certified(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    proposal = ErrorDetector().fit(outputs, labels).propose(outputs)
    certified = CalibrationSet.of(proposal, labels, outputs.predicted).certify(
        Policy(0.1), LabelSet(tuple("abcd")), outputs.known
    )
    decision = decide(proposal, outputs.predicted, certified.thresholds)
    assert decision.overridden.any() and (decision.final[decision.overridden] == NO_LABEL).all()
    right = outputs.predicted == labels
    assert (decision.overridden & right).sum() <= certified.guarantees[0].k


def test_the_error_detector_needs_errors(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, _ = learnt
    with pytest.raises(DataError, match="0 of 240 pictures wrong"):
        ErrorDetector().fit(outputs, outputs.predicted)


@pytest.mark.parametrize("kind", [XGBoost, LightGBM])
def test_trees_that_are_damaged_are_refused(kind: type, learnt: tuple[Outputs, np.ndarray]) -> None:
    """They are not given to the libraries, which end the process at some of them."""
    state = kind().fit(*learnt).state()
    trees, changed = state["trees"], state["trees"].copy()
    changed[len(changed) // 2] ^= 1
    old = {name: value for name, value in state.items() if name != "trees_digest"}
    damaged = [{**which, "trees": trees[:length]} for which in (state, old) for length in (0, 20, len(trees) * 2 // 3)]
    for one in [*damaged, {**state, "trees": changed}]:
        with pytest.raises(RunError, match="trees cannot be read"):
            kind().restore(one)


def test_trees_of_older_runs_can_still_be_read(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    corrector = XGBoost().fit(outputs, labels)
    old = {name: value for name, value in corrector.state().items() if name in ("trees", "target", "taps")}
    assert np.array_equal(XGBoost().restore(old).propose(outputs).score, corrector.propose(outputs).score)


def test_probes_of_older_runs_can_still_be_read(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    corrector = Logistic().fit(outputs, labels)
    names = ("mean", "spread", "basis", "weights", "target", "taps")
    old = {name: value for name, value in corrector.state().items() if name in names}
    assert old["weights"].ndim == 1
    assert np.allclose(Logistic().restore(old).propose(outputs).score, corrector.propose(outputs).score)


# blend


def test_a_blend_is_the_mean_of_its_members(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    blend = Blend(members=[LDA(), Fisher()]).fit(outputs, labels)
    alone = [member.fit(outputs, labels).propose(outputs).score for member in (LDA(), Fisher())]
    assert np.allclose(blend.propose(outputs).score, np.mean(alone, axis=0))
    assert all(member.target_ is None for member in blend.members or ())  # the given ones stay unfitted


def test_every_name_is_found() -> None:
    for name in correctors.names():
        assert correctors.get_corrector(name).name == name


# Adding pictures later


@pytest.mark.parametrize("coding", ENCODINGS)
def test_adding_pictures_is_as_good_as_having_had_them(coding: str) -> None:
    outputs, labels = example_outputs(count=480)
    first, more, judged = np.arange(60), np.arange(60, 240), np.arange(240, 480)
    new = labels[judged] == 3
    few = LDA(target_encoding=coding).fit(outputs.take(first), labels[first])
    alone = auroc(few.propose(outputs.take(judged)).score, new)
    grown = auroc(few.add(outputs.take(more), labels[more]).propose(outputs.take(judged)).score, new)
    whole = LDA(target_encoding=coding).fit(outputs.take(np.arange(240)), labels[:240])
    assert alone < grown == pytest.approx(auroc(whole.propose(outputs.take(judged)).score, new), abs=0.01)


def test_a_class_that_comes_later_is_added() -> None:
    outputs, labels = example_outputs()
    without = np.flatnonzero(labels != 1)
    corrector = LDA(target=3, target_encoding="classes").fit(outputs.take(without), labels[without])
    later = np.flatnonzero(labels == 1)
    before = corrector.propose(outputs.take(later)).score
    after = corrector.add(outputs.take(later[:10]), labels[later[:10]]).propose(outputs.take(later)).score
    assert np.isfinite(after).all() and after.mean() < before.mean()


def test_energy_of_gaussian_logits_is_that_of_their_means() -> None:
    """Their logits are log p, of which it would be 0 everywhere."""
    outputs, _ = example_outputs()
    means = 3 * np.log(np.maximum(outputs.probs, 1e-6))
    gaussian = outputs.with_features({"logits": np.log(outputs.probs[:, outputs.known]), "means": means})
    found = Novelty(method="energy").fit(gaussian).propose(gaussian).score
    plain = outputs.with_features({"logits": means[:, outputs.known]})
    assert np.allclose(found, Novelty(method="energy").fit(plain).propose(plain).score)
    assert np.unique(found.round(6)).size > len(found) // 2


def test_the_kernel_machine_answers_as_a_ridge_on_its_lifted_vectors(learnt: tuple[Outputs, np.ndarray]) -> None:
    outputs, labels = learnt
    corrector = Nystroem()
    for given in (labels, np.roll(labels, 1)):  # fitted again, it multiplies again
        arrays = corrector.fit(outputs, given).learnt_
        vectors = corrector.embedding_.apply(outputs)
        ridge = Ridge(arrays["weights"], arrays["intercept"], float(arrays["temperature"]))
        expected = ridge.log_probs(corrector._lifted(vectors, arrays).astype(np.float64))
        assert np.allclose(corrector._vector_log_probs(vectors, arrays), expected, atol=1e-3)
