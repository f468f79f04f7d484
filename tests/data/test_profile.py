"""Class profiles: counts as asked, and one renumbering of labels, votes and soft labels."""

import numpy as np
import pytest

from mien.data.labels import EMOTIONS, emotions
from mien.data.profile import RAF, keep_classes, parse, shape
from mien.errors import UsageError
from mien.types import Dataset, texts


@pytest.fixture
def data() -> Dataset:
    """Forty pictures of each of the eight emotions, and eight without a label."""
    labels = np.concatenate([np.tile(np.arange(8), 40), np.full(8, -1)])
    votes = np.zeros((len(labels), 10), int)
    votes[np.arange(320), labels[:320]] = 9
    votes[:, 8] = 1
    targets = np.full((len(labels), 8), 0.5 / 8)
    targets[np.arange(320), labels[:320]] += 0.5
    ids = texts([f"{row:04d}" for row in range(len(labels))])
    return Dataset(ids, labels, EMOTIONS, raw_labels=ids, paths=ids, votes=votes, targets=targets)


def test_raf_has_seven_classes_and_its_counts_add_up() -> None:
    assert sum(RAF.values()) == 15_339 and "contempt" not in RAF


def test_counts_are_as_asked(data: Dataset) -> None:
    found = shape(data, "happy=10, fear=30,anger=40")
    assert found.labelset.names == ("fear", "happiness", "anger")
    assert found.counts().tolist() == [30, 10, 40]
    assert found.problems == ()


def test_labels_votes_and_targets_are_renumbered_together(data: Dataset) -> None:
    found = shape(data, "happiness=10,anger=30")
    assert found.votes is not None and found.targets is not None
    assert found.votes.shape == (40, 10) and found.targets.shape == (40, 2)
    assert (found.votes.argmax(1) == found.labels).all() and (found.votes[:, 8] == 1).all()
    np.testing.assert_allclose(found.targets.sum(1), 1)
    assert (found.targets.argmax(1) == found.labels).all()
    assert found.labelset.resolve("happy") == 0 and found.labelset.resolve("scared") == -1


def test_too_few_pictures_are_all_taken_and_said(data: Dataset) -> None:
    found = shape(data, "raf")
    assert found.counts().tolist() == [40] * 7
    assert {problem.kind for problem in found.problems} == {"fewer than asked"}


def test_the_draw_depends_on_the_seed_alone(data: Dataset) -> None:
    first, again, other = (shape(data, "fear=20", seed=seed).ids.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first == sorted(first)


def test_dropping_a_class(data: Dataset) -> None:
    found = keep_classes(data, [name for name in EMOTIONS.names if name != "fear"])
    assert len(found.labelset) == 7 and len(found) == 280
    assert found.labelset.names[found.labels[1]] == "disgust"


@pytest.mark.parametrize("profile", ["fear", "fear=0", "fear=x", ""])
def test_profiles_that_make_no_sense(data: Dataset, profile: str) -> None:
    with pytest.raises(UsageError, match="write raf"):
        shape(data, profile)


def test_unknown_classes_are_told_their_neighbour() -> None:
    with pytest.raises(UsageError, match="happiness"):
        parse("hapiness=3", EMOTIONS)
    with pytest.raises(UsageError, match="no class"):
        shape(Dataset(texts(["a"]), np.array([0]), emotions("fear"), texts(["fear"]), texts(["a"])), "raf")
