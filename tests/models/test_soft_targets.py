"""Votes as targets."""

import numpy as np

from mien.models.examples import Examples
from mien.types import Dataset, LabelSet, texts


def votes() -> Dataset:
    targets = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    names, pixels = texts(["0", "1", "2"]), np.zeros((3, 8, 8), np.uint8)
    return Dataset(names, targets.argmax(1), LabelSet(("a", "b", "c")), names, names, pixels=pixels, targets=targets)


def test_examples_without_a_class_have_none_of_its_pictures_and_none_of_its_shares() -> None:
    examples = Examples.of(votes(), np.arange(3), absent=1)
    assert np.allclose(examples.targets, [[1, 0, 0], [0.25, 0, 0.75]])
    assert np.allclose(Examples.of(votes(), np.array([2, 0])).targets, votes().targets[[2, 0]])
    assert np.allclose(Examples.of(votes().but(targets=None), np.arange(3)).targets, np.eye(3)[[0, 1, 2]])
