"""Suspect labels: training dynamics, neighbours, clusters, reviews, votes and verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mien.errors import AlignmentError, DataError
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import FOLDS, learn_from_reviews, learn_from_votes, vote_folds
from mien.labels.suspects import Suspects, neighbour_votes, suspects
from mien.labels.verdicts import AMBIGUOUS, FINE, KINDS, STRANGE, WRONG, verdicts

NAMES = ("anger", "fear", "joy")


def noisy_labels(count: int = 600, systematic: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(given, truth, probs, vectors) of three classes; a fifth of the labels wrong, or most anger labelled fear."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, count)
    wrong = rng.random(count) < 0.2
    given = np.where(wrong, (truth + rng.integers(1, 3, count)) % 3, truth)
    if systematic:
        given = np.where((truth == 0) & (rng.random(count) < 0.6), 1, truth)
    vectors = rng.normal(size=(count, 4)) + 3 * np.eye(3, 4)[truth]
    scores = 2 * np.eye(3)[truth] + np.eye(3)[given] + rng.normal(size=(count, 3))
    probs = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return given, truth, probs, vectors


# Dynamics


@given(st.integers(1, 6), st.integers(0, 100))
def test_the_order_of_the_batches_does_not_matter(epochs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, 3, 8), rng.normal(size=(epochs, 8, 3))
    at_once, in_pieces = Dynamics(labels, 3), Dynamics(labels, 3)
    for epoch in logits:
        at_once(np.arange(8), epoch)
    for epoch in logits[::-1]:
        for rows in np.array_split(rng.permutation(8), 3):
            in_pieces(rows, epoch[rows])
    assert np.allclose(at_once.margins, in_pieces.margins) and np.allclose(at_once.probs, in_pieces.probs)
    assert np.allclose(at_once.probs.sum(1), 1)
    found = at_once.uncertainty
    assert np.allclose(found.aleatoric + found.epistemic, found.total, atol=1e-9)


def test_a_class_without_training_data_takes_no_part() -> None:
    dynamics = Dynamics(np.array([0]), 3)
    dynamics(np.array([0]), np.array([[1.0, 0.0, -np.inf]]))
    assert dynamics.margins.tolist() == [1.0] and dynamics.probs[0, 2] == 0


def test_a_picture_that_was_never_drawn_has_equal_probabilities() -> None:
    dynamics = Dynamics(np.array([0, 1]), 2)
    dynamics(np.array([0]), np.array([[1.0, 0.0]]))
    assert dynamics.probs[1].tolist() == [0.5, 0.5] and dynamics.margins[1] == 0
    assert np.allclose(dynamics.uncertainty.epistemic, 0)
    with pytest.raises(AlignmentError):
        dynamics(np.array([0]), np.array([[1.0, 0.0, 0.0]]))


# Neighbours


@given(st.integers(2, 40), st.integers(1, 50), st.integers(1, 5))
def test_pictures_of_a_group_are_not_neighbours(count: int, k: int, size: int) -> None:
    rng = np.random.default_rng(count)
    groups = np.arange(count) // size
    near, votes = neighbour_votes(rng.integers(0, 3, count), rng.normal(size=(count, 3)), 3, groups.astype(str), k)
    assert near.shape == (count, k) and np.allclose(votes.sum(1), 1)
    for row in range(count):
        own = near[row][near[row] >= 0]
        assert len(own) == len(set(own.tolist())) == min(k, int((groups != groups[row]).sum()))
        assert not (groups[own] == groups[row]).any()


def test_the_nearest_by_angle_vote() -> None:
    vectors = np.array([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 5.0]])
    near, votes = neighbour_votes(np.array([0, 0, 1, 1]), vectors, 2, k=1)
    assert near[:, 0].tolist() == [1, 0, 3, 2] and votes.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


# Suspects


def test_wrong_labels_come_first_and_the_right_class_is_suggested() -> None:
    labels, truth, probs, vectors = noisy_labels()
    found = suspects(labels, probs, vectors)
    wrong = labels != truth
    assert roc_auc_score(wrong, found.score) > 0.97
    assert (found.suggested[wrong] == truth[wrong]).mean() > 0.9
    assert (found.other != labels).all() and np.allclose(found.belief.sum(1), 1)
    alone = roc_auc_score(wrong, -probs[np.arange(len(labels)), labels])
    assert roc_auc_score(wrong, found.score) > alone, "neighbours add nothing"


def test_a_label_that_is_believed_most_is_suggested_as_it_stands() -> None:
    belief = np.array([[0.96, 0.03, 0.01], [0.3, 0.6, 0.1], [0.5, 0.5, 0.0]])
    found = Suspects(np.array([0, 0, 1]), belief, np.full((3, 1), -1))
    assert found.suggested.tolist() == [0, 1, 1] and found.other.tolist() == [1, 1, 0]
    assert np.allclose(found.score, [-0.93, 0.3, 0])


def test_reviews_reveal_systematic_label_noise() -> None:
    """Most anger is labelled fear, which the given labels alone cannot reveal."""
    labels, truth, probs, vectors = noisy_labels(2000, systematic=True)
    blind = suspects(labels, np.eye(3)[labels] * 0.8 + probs * 0.2, vectors)
    reviewed = np.full(2000, -1)
    reviewed[:200] = truth[:200]
    learnt = learn_from_reviews(blind, vectors, reviewed)
    rest = reviewed < 0
    wrong = (labels != truth)[rest]
    before, after = (roc_auc_score(wrong, result.score[rest]) for result in (blind, learnt))
    assert after > 0.95 > before
    assert np.allclose(learnt.belief.sum(1), 1)


def test_classes_without_reviews_keep_their_share() -> None:
    labels, truth, probs, vectors = noisy_labels()
    blind = suspects(labels, probs, vectors)
    reviewed = np.where(truth < 2, truth, -1)
    learnt = learn_from_reviews(blind, vectors, reviewed)
    assert np.allclose(learnt.belief[:, 2], blind.belief[:, 2]) and np.allclose(learnt.belief.sum(1), 1)


def voted(truth: np.ndarray, annotators: int = 10) -> np.ndarray:
    """Shares of votes of ten annotators, of whom eight on average vote for the true class."""
    rng = np.random.default_rng(3)
    seen = np.where(rng.random((len(truth), annotators)) < 0.8, truth[:, None], rng.integers(0, 3, (len(truth), 10)))
    return (seen[:, :, None] == np.arange(3)).mean(1)


def test_votes_on_other_pictures_reveal_wrong_labels() -> None:
    labels, truth, probs, vectors = noisy_labels(2000, systematic=True)
    blind = suspects(labels, np.eye(3)[labels] * 0.8 + probs * 0.2, vectors)
    learnt = learn_from_votes(blind, vectors, voted(truth), np.arange(2000).astype(str))
    before, after = (roc_auc_score(labels != truth, result.score) for result in (blind, learnt))
    assert after > 0.95 > before and np.allclose(learnt.belief.sum(1), 1)


def test_no_picture_is_judged_by_its_own_votes() -> None:
    """Changing the votes of both pictures of a group leaves the belief in both unchanged."""
    labels, truth, probs, vectors = noisy_labels()
    blind = suspects(labels, probs, vectors)
    groups = (np.arange(len(labels)) // 2).astype(str)
    shares = voted(truth)
    other = shares.copy()
    other[:2] = np.roll(shares[:2], 1, axis=1)
    original, changed = (learn_from_votes(blind, vectors, given, groups) for given in (shares, other))
    assert np.array_equal(original.belief[:2], changed.belief[:2])
    assert not np.array_equal(original.belief, changed.belief)


def test_pictures_without_votes_get_a_belief_but_are_not_learnt_from() -> None:
    labels, truth, probs, vectors = noisy_labels()
    blind = suspects(labels, probs, vectors)
    shares = np.where(np.arange(len(labels))[:, None] % 3 == 0, 0.0, voted(truth))
    learnt = learn_from_votes(blind, vectors, shares, np.arange(len(labels)).astype(str))
    assert roc_auc_score((labels != truth)[::3], learnt.score[::3]) > 0.9
    with pytest.raises(DataError, match="0 pictures with votes"):
        learn_from_votes(blind, vectors, np.zeros_like(shares), np.arange(len(labels)).astype(str))
    with pytest.raises(AlignmentError):
        learn_from_votes(blind, vectors, shares[:, :2], np.arange(len(labels)).astype(str))


def test_out_of_fold_probabilities_are_used() -> None:
    """With uninformative embeddings, only the out-of-fold probabilities reveal wrong labels."""
    labels, truth, probs, vectors = noisy_labels(systematic=True)
    groups, nothing = np.arange(len(labels)).astype(str), np.zeros_like(vectors)
    blind = suspects(labels, np.full_like(probs, 1 / 3), nothing)
    oof_probs = np.eye(3)[truth] * 0.7 + 0.1
    alone, stacked = (learn_from_votes(blind, nothing, voted(truth), groups, probs) for probs in (None, oof_probs))
    before, after = (roc_auc_score(labels != truth, result.score) for result in (alone, stacked))
    assert after > 0.99 > before
    with pytest.raises(AlignmentError, match="oof_probs"):
        learn_from_votes(blind, nothing, voted(truth), groups, oof_probs[:-1])


@given(st.integers(0, 50), st.integers(2, 12))
def test_folds_of_votes_keep_groups_whole(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    names = np.concatenate([np.arange(groups), rng.integers(0, groups, 40)]).astype(str)
    labels = rng.integers(0, 3, len(names))
    folds = vote_folds(labels, names)
    assert len(folds) == min(FOLDS, groups)
    assert sorted(np.concatenate([judged for _, judged in folds]).tolist()) == list(range(len(names)))
    for learn, judged in folds:
        assert not set(names[learn]) & set(names[judged])


def test_one_group_alone_is_refused() -> None:
    with pytest.raises(DataError, match="belong to one group"):
        vote_folds(np.array([0, 1, 0]), np.array(["a", "a", "a"]))


def test_too_few_reviews_are_refused() -> None:
    labels, truth, probs, vectors = noisy_labels()
    blind = suspects(labels, probs, vectors)
    few = np.full(len(labels), -1)
    few[:10] = truth[:10]
    with pytest.raises(DataError, match="10 reviewed"):
        learn_from_reviews(blind, vectors, few)


# Verdicts


def test_each_kind_of_verdict_has_its_reason() -> None:
    belief = np.array(
        [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.45, 0.4, 0.15], [0.9, 0.05, 0.05]] + [[0.8, 0.1, 0.1]] * 60
    )
    found = Suspects(np.zeros(64, int), belief, np.full((64, 1), -1))
    novelty = np.random.default_rng(0).normal(size=64)
    novelty[:4] = 0, 0, 0, 30
    judged = verdicts(found, novelty, NAMES)
    assert [KINDS[kind] for kind in judged.kind[:4]] == [FINE, WRONG, AMBIGUOUS, STRANGE]
    assert judged.reason[1] == "fear 80 %, anger 10 %" and judged.reason[2] == "anger 45 % or fear 40 %"
    assert "standard deviations" in judged.reason[3] and sum(judged.counts().values()) == 64


def test_novelty_on_any_scale_gives_the_same_verdicts() -> None:
    labels, _, probs, vectors = noisy_labels()
    found = suspects(labels, probs, vectors)
    novelty = np.random.default_rng(1).normal(size=len(labels))
    assert (verdicts(found, novelty, NAMES).kind == verdicts(found, 7 * novelty - 100, NAMES).kind).all()
    assert verdicts(found, np.zeros(len(labels)), NAMES).counts()[STRANGE] == 0
