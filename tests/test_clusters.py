"""Clusters of pictures that look alike, with which the benchmarks compare an audit."""

import doctest
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not part of the wheel")
from benchmarks.labels import clusters
from benchmarks.labels.clusters import cluster_beliefs


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


def test_the_example_runs() -> None:
    assert doctest.testmod(clusters) == (0, 4)
