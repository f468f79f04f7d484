"""Methods that only the benchmarks use: layers chosen by folds, clusters of pictures, second-order features."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.correctors.linear import LDA
from mien.errors import DataError
from mien.nets.attention import Attention
from mien.testing import example_outputs

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
pytest.importorskip("best_layers", reason="the benchmarks are not part of the wheel")

from best_layers import best_layers
from clusters import cluster_beliefs
from second_order import second_order, second_order_features


def lda(layers: tuple[str, ...]) -> LDA:
    return LDA(layers=layers)


def test_noise_is_left_out_and_what_is_not_there_passed_over() -> None:
    outputs, labels = example_outputs()
    outputs = outputs.with_features({"noise": np.random.default_rng(0).normal(size=(len(outputs), 200))})
    assert best_layers(lda, outputs, labels, candidates=[("gone",), ("noise",), ("hidden",), ("*",)]) == ("hidden",)


def test_of_equal_candidates_the_first_is_taken() -> None:
    outputs, labels = example_outputs()
    assert best_layers(lda, outputs, labels, candidates=[("hid*",), ("hidden",)]) == ("hid*",)


def test_a_group_stays_in_one_fold() -> None:
    """With each person's own constant among the features, folds that tear persons apart would fall for it."""
    outputs, labels = example_outputs()
    rng = np.random.default_rng(0)
    persons = np.where(labels == 3, rng.integers(0, 15, len(labels)), rng.integers(15, 60, len(labels)))
    badge = rng.normal(size=(60, 80))[persons]
    outputs = outputs.with_features(
        {"badge": badge, "hidden": outputs.features["hidden"] + 2 * rng.normal(size=(240, 12))}
    )
    apart = best_layers(lda, outputs, labels, candidates=[("badge",), ("hidden",)])
    together = best_layers(lda, outputs, labels, groups=persons, candidates=[("badge",), ("hidden",)])
    assert (apart, together) == (("badge",), ("hidden",))


def test_too_few_pictures_are_said() -> None:
    outputs, labels = example_outputs()
    rows = np.concatenate([np.flatnonzero(labels != 3), np.flatnonzero(labels == 3)[:2]])
    with pytest.raises(DataError, match="folds"):
        best_layers(lda, outputs.take(rows), labels[rows])
    with pytest.raises(DataError, match="no candidate"):
        best_layers(lda, outputs, labels, candidates=[("gone",)])


def test_a_cluster_agrees_on_a_class_and_no_picture_has_a_say_on_itself() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    labels = np.where(rng.random(600) < 0.1, (truth + 1) % 3, truth)
    vectors = rng.normal(size=(600, 8)) + 4 * np.eye(3, 8)[truth]
    names = np.arange(600).astype(str)
    belief = cluster_beliefs(labels, vectors, 3, names)
    assert np.allclose(belief.sum(1), 1) and (belief.argmax(1) == truth).mean() > 0.85
    turned = labels.copy()
    turned[0] = (labels[0] + 1) % 3
    assert np.array_equal(cluster_beliefs(turned, vectors, 3, names)[0], belief[0])
    assert np.allclose(cluster_beliefs(labels, vectors, 3, np.full(600, "one")), 1 / 3)


def test_second_order_features_are_the_signed_roots_of_covariances() -> None:
    maps = torch.randn(3, 4, 5, 6)
    found = second_order(maps)
    assert found.shape == (3, 10)
    expected = np.cov(maps[1].flatten(1).numpy(), bias=True)[np.triu_indices(4)]
    assert np.allclose(found[1], np.sign(expected) * np.sqrt(np.abs(expected)), atol=1e-5)
    order = torch.randperm(30)
    assert torch.allclose(second_order(maps.flatten(2)[:, :, order].unflatten(2, (5, 6))), found, atol=1e-5)


def test_second_order_features_are_read_out_of_a_network() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 48, 48)).astype(np.uint8)
    assert second_order_features(Attention(3), pixels, "lstm").shape == (3, 128 * 129 // 2)
