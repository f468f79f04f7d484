"""How likely pictures are of a class with few labelled ones, from arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.deploy.likeness import likeness, likeness_of_vectors, similarity
from mien.errors import DataError, MienError
from mien.metrics.ranking import auroc
from mien.testing import example_outputs
from mien.types import Outputs

OUTPUTS, LABELS = example_outputs(count=600)
OUTPUTS = replace(OUTPUTS, maps={})
NEW = 3


def first_of(rest: np.ndarray, score: np.ndarray, target: int, most: int = 40) -> float:
    """Share of the class among the first."""
    return float((LABELS[rest[np.argsort(-score)[:most]]] == target).mean())


def parted(examples: int, others: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a label, and those without."""
    mine, rest = np.flatnonzero(target == LABELS), np.flatnonzero(target != LABELS)
    labelled = np.concatenate([mine[:examples], rest[:others]])
    return labelled, np.setdiff1d(np.arange(len(LABELS)), labelled)


@pytest.mark.parametrize("others", [200, 30, 0])
@pytest.mark.parametrize("target", [NEW, 0])
def test_few_examples_find_the_class(target: int, others: int) -> None:
    """Also where nothing else is labelled, and whether the classifier was trained on the class or not."""
    labelled, rest = parted(3, others, target)
    score = likeness(OUTPUTS.take(rest), OUTPUTS.take(labelled), LABELS[labelled] == target, target)
    assert len(score) == len(rest) and np.isfinite(score).all()
    assert abs(score.mean()) < 1e-9 and abs(score.std() - 1) < 1e-9
    assert first_of(rest, score, target) > 2 * (LABELS[rest] == target).mean()


def test_a_class_behind_the_last_one_is_one_that_it_lacks() -> None:
    three = Outputs(OUTPUTS.ids, OUTPUTS.probs[:, :3], None, OUTPUTS.vectors)  # type: ignore[arg-type]
    labelled, rest = parted(4, 150, NEW)
    parts = [(outputs.take(rest), outputs.take(labelled), LABELS[labelled] == NEW, NEW) for outputs in (OUTPUTS, three)]
    assert np.allclose(likeness(*parts[0]), likeness(*parts[1]))


def test_the_answers_of_the_classifier_count_as_much_as_they_are_worth() -> None:
    """Those of a good classifier nearly decide; those of one that ranks the class at random change next to nothing."""
    rng = np.random.default_rng(0)
    vectors, positive = rng.normal(size=(1000, 8)), np.arange(200) < 10
    alone = likeness_of_vectors(vectors[200:], vectors[:200], positive)
    truth = rng.random(1000) < 0.1
    truth[:200] = positive
    good, useless = 4 * truth + rng.normal(size=1000), rng.normal(size=1000)
    useless[:10] -= 1
    scores = [
        likeness_of_vectors(vectors[200:], vectors[:200], positive, np.roll(odds, -200)) for odds in (good, useless)
    ]
    assert auroc(scores[0], truth[200:]) > 0.95 and np.allclose(scores[1], alone)


def test_copies_have_equal_scores() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 6))
    twice = np.concatenate([vectors, vectors])
    score = likeness_of_vectors(twice, vectors[:10], np.arange(10) < 2)
    assert np.allclose(score[:50], score[50:])


def test_a_vector_without_length_is_alike_to_none() -> None:
    assert similarity(np.zeros((2, 3)), np.ones((1, 3))).tolist() == [0, 0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(MienError):
        likeness_of_vectors(np.ones((4, 3)), np.ones((2, 3)), np.zeros(2, bool))
    with pytest.raises(DataError):
        likeness(OUTPUTS, OUTPUTS.take(np.arange(4)), np.array([1, 0, 0, 2]), NEW)
