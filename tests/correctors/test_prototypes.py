"""Prototypes: few pictures, drawn faces in place of pictures, and what they are moved by."""

from __future__ import annotations

import numpy as np
import pytest

from mien.correctors import Prototypes
from mien.errors import DataError
from mien.testing import example_outputs
from mien.types import Ints, Outputs

NEW = 3


def pictures(
    counts: tuple[int, ...], seed: int = 0, shift: float = 0.0, spread: float = 1.0, width: int = 40
) -> tuple[Outputs, Ints]:
    """So many pictures of each of four classes; f knows the first three. `shift` is a direction common to all."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), counts)
    centres = 2.2 * np.eye(4, width)
    vectors = centres[labels] + spread * rng.normal(size=(len(labels), width)) + shift * np.ones(width)
    probs = np.full((len(labels), 4), 1 / 3) * [1, 1, 1, 0]
    return Outputs(None, probs, np.arange(4) < NEW, {"hidden": vectors}), labels


def test_two_pictures_tell_a_class_from_others() -> None:
    test, truth = pictures((200, 200, 200, 200), seed=1, spread=0.5)
    learn, labels = pictures((100, 100, 100, 2), spread=0.5)
    assert Prototypes(NEW).fit(learn, labels).score(test, truth) > 0.95


def test_drawn_faces_stand_for_pictures_though_they_look_different() -> None:
    learn, labels = pictures((100, 100, 100, 0))
    test, truth = pictures((200, 200, 200, 200), seed=1)
    drawn = pictures((60, 60, 60, 60), seed=2, shift=3.0)
    corrector = Prototypes(NEW, drawn=drawn).fit(learn, labels)
    assert corrector.score(test, truth) > 0.9
    assert set(corrector.propose(test).suggested.tolist()) == {NEW}


def test_each_picture_counts_for_less_than_all_drawn_faces_and_many_for_more() -> None:
    learn, labels = pictures((100, 100, 100, 200))
    wrong = pictures((60, 60, 60, 60), seed=2)
    swapped = (wrong[0], np.array([0, 1, NEW, 2])[wrong[1]])  # drawn faces of the class look like class 2
    test, truth = pictures((200, 200, 200, 200), seed=1)

    def quality(count: int) -> float:
        few = np.flatnonzero(labels < NEW).tolist() + np.flatnonzero(labels == NEW)[:count].tolist()
        return Prototypes(NEW, drawn=swapped).fit(learn.take(np.array(few)), labels[few]).score(test, truth)

    assert quality(1) < 0.6 < 0.9 < quality(200)


def test_a_restored_one_gives_the_same_scores() -> None:
    learn, labels = pictures((50, 50, 50, 0))
    corrector = Prototypes(NEW, drawn=pictures((20, 20, 20, 20), seed=2)).fit(learn, labels)
    test, _ = pictures((30, 30, 30, 30), seed=1)
    again = Prototypes().restore(corrector.state())
    assert np.array_equal(again.propose(test).score, corrector.propose(test).score)


def test_several_classes_with_and_without_pictures() -> None:
    learn, labels = pictures((100, 100, 100, 0))
    drawn = pictures((60, 60, 60, 60), seed=2, shift=1.0)
    corrector = Prototypes([2, NEW], drawn=drawn).fit(learn, labels)
    test, truth = pictures((100, 100, 100, 100), seed=1)
    suggested = corrector.propose(test).suggested
    assert (suggested[truth == NEW] == NEW).mean() > 0.8
    assert (suggested[truth == 2] == 2).mean() > 0.8


@pytest.mark.parametrize("drawn", [None, "of other classes"])
def test_without_pictures_and_without_drawn_faces_of_the_class_there_is_nothing_to_learn(drawn: str | None) -> None:
    learn, labels = pictures((50, 50, 50, 0))
    examples = None if drawn is None else pictures((20, 20, 20, 0), seed=2)
    with pytest.raises(DataError, match="0 of 150 pictures are of class 3"):
        Prototypes(NEW, drawn=examples).fit(learn, labels)


def test_pictures_of_the_class_alone_are_refused() -> None:
    learn, labels = pictures((0, 0, 0, 20))
    with pytest.raises(DataError, match="20 of 20 pictures are of class 3"):
        Prototypes(NEW, drawn=pictures((20, 20, 20, 20))).fit(learn, labels)


def test_drawn_faces_of_no_other_class_of_the_pictures_cannot_stand_for_any() -> None:
    learn, labels = pictures((50, 50, 0, 0))
    with pytest.raises(DataError, match="0 of 100 pictures are of class 3"):
        Prototypes(NEW, drawn=pictures((0, 0, 20, 20))).fit(learn, labels)


def test_more_pictures_are_added_as_if_they_had_been_there() -> None:
    outputs, labels = example_outputs(count=480)
    first, more = np.arange(240), np.arange(240, 480)
    corrector = Prototypes().fit(outputs.take(first), labels[first])
    corrector.add(outputs.take(more), labels[more])
    whole = Prototypes().fit(outputs, labels)
    counts = [each.state()["counts"].tolist() for each in (corrector, whole)]
    assert counts[0] == counts[1]
    assert np.corrcoef(corrector.propose(outputs).score, whole.propose(outputs).score)[0, 1] > 0.99
