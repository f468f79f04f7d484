"""The benchmarks' choice of layers by folds."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mien.correctors.linear import LDA
from mien.errors import DataError
from mien.testing import example_outputs

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
pytest.importorskip("benchmarks", reason="the benchmarks are not part of the wheel")
from benchmarks.correction.layer_choice import best_layers  # noqa: E402


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
        {"badge": badge, "hidden": outputs.vectors["hidden"] + 2 * rng.normal(size=(240, 12))}
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
