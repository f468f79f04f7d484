"""Votes as targets."""

import numpy as np
import pytest
import torch

from mien.nets.examples import BatchContext, Examples
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, LabelSet, texts


def votes() -> Dataset:
    targets = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    names, pixels = texts(["0", "1", "2"]), np.zeros((3, 8, 8), np.uint8)
    return Dataset(names, targets.argmax(1), LabelSet(("a", "b", "c")), names, names, pixels=pixels, targets=targets)


def test_examples_without_a_class_have_none_of_its_pictures_and_none_of_its_shares() -> None:
    examples = Examples.of(votes(), np.arange(3), absent=1)
    assert np.allclose(examples.targets, [[1, 0, 0], [0.25, 0, 0.75]])
    assert np.allclose(Examples.of(votes(), np.array([2, 0])).targets, votes().targets[[2, 0]])
    assert np.allclose(Examples.of(votes().replace(targets=None), np.arange(3)).targets, np.eye(3)[[0, 1, 2]])


def test_votes_are_drawn_by_their_shares_anew_each_time() -> None:
    shares = np.tile([0.7, 0.3, 0.0], (4000, 1)).astype(np.float32)
    generator = torch.Generator().manual_seed(0)
    turn = BatchContext(0, 1.0, AugmentSettings(), generator, torch.device("cpu"), vote_sampling=True)
    first, second = turn.targets(shares), turn.targets(shares)
    assert (first.sum(1) == 1).all() and set(first.unique().tolist()) == {0.0, 1.0}
    assert first.mean(0).tolist() == pytest.approx([0.7, 0.3, 0.0], abs=0.03)
    assert not torch.equal(first, second)
    plain = BatchContext(0, 1.0, AugmentSettings(), generator, torch.device("cpu"))
    assert torch.equal(plain.targets(shares), torch.from_numpy(shares))
