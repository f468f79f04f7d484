"""Draws taken apart: identities, and answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.errors import MienError
from mien.uncertainty import entropy, entropy_split, gaussian_split, sampling_softmax


def probabilities(draws: int = 4, pictures: int = 6, classes: int = 3) -> st.SearchStrategy[np.ndarray]:
    raw = arrays(np.float64, (draws, pictures, classes), elements=st.floats(0, 50))
    return raw.map(lambda values: np.exp(-values) / np.exp(-values).sum(2, keepdims=True))


@given(probabilities())
def test_the_parts_of_entropy_add_up(draws: np.ndarray) -> None:
    found = entropy_split(draws)
    assert np.allclose(found.aleatoric + found.epistemic, found.total, atol=1e-9)
    assert (found.epistemic >= 0).all() and (found.total <= np.log(3) + 1e-9).all()


@given(probabilities(draws=1))
def test_draws_that_agree_are_not_epistemic(draws: np.ndarray) -> None:
    found = entropy_split(np.repeat(draws, 5, axis=0))
    assert np.allclose(found.epistemic, 0, atol=1e-9)
    assert np.allclose(found.total, entropy(draws[0]))


@given(probabilities(), st.permutations(range(4)))
def test_the_order_of_the_draws_does_not_matter(draws: np.ndarray, order: list[int]) -> None:
    one, other = entropy_split(draws), entropy_split(draws[order])
    assert np.allclose(one.epistemic, other.epistemic) and np.allclose(one.total, other.total)


def test_what_the_sampling_softmax_is_known_to_answer() -> None:
    means = np.array([[1.0, 0.0, -np.inf], [0.0, 0.0, 0.0]])
    still = sampling_softmax(means, np.zeros((2, 3)))
    assert np.allclose(still[0], [np.e / (1 + np.e), 1 / (1 + np.e), 0]) and np.allclose(still[1], 1 / 3)
    noisy = sampling_softmax(means, np.full((2, 3), 25.0), samples=20_000)
    assert np.allclose(noisy.sum(1), 1) and noisy[0, 2] == 0
    assert 0.5 < noisy[0, 0] < still[0, 0]  # noise takes certainty away, and not the answer
    assert np.allclose(noisy[1], 1 / 3, atol=0.02)


def test_many_pictures_are_sampled_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(7, 3)), rng.random((7, 3))
    whole = sampling_softmax(means, variances)
    monkeypatch.setattr("mien.uncertainty.BLOCK", 2)
    assert np.allclose(sampling_softmax(means, variances), whole)
    assert np.allclose(sampling_softmax(means[3:4], variances[3:4]), whole[3:4])


def test_the_gaussian_split_tells_stated_noise_from_contradiction() -> None:
    sure = np.array([[6.0, 0.0]])
    stated = gaussian_split(np.repeat(sure[None], 4, axis=0), np.full((4, 1, 2), 40.0))
    apart = gaussian_split(np.array([sure, [[1.0, 4.0]]] * 2), np.zeros((4, 1, 2)))
    assert stated.aleatoric[0] > 2 * stated.epistemic[0]
    assert apart.epistemic[0] > apart.aleatoric[0] + 0.05
    assert np.isclose(stated.total, stated.aleatoric) and np.isclose(apart.total, apart.epistemic)


def test_a_class_that_is_not_known_stays_out_of_the_gaussian_split() -> None:
    means = np.array([[[1.0, 0.0, -np.inf]], [[0.0, 1.0, -np.inf]]])
    found = gaussian_split(means, np.ones((2, 1, 3)))
    assert np.isfinite([found.total, found.aleatoric, found.epistemic]).all()
    assert found.total[0] <= np.log(2) + 1e-9


@pytest.mark.parametrize(
    "call",
    [
        lambda: entropy_split(np.ones((3, 2))),
        lambda: sampling_softmax(np.ones((2, 3)), np.ones((2, 2))),
        lambda: sampling_softmax(np.ones((2, 3)), -np.ones((2, 3))),
        lambda: gaussian_split(np.ones((2, 3)), np.ones((2, 3))),
    ],
)
def test_what_does_not_fit_is_refused(call: object) -> None:
    with pytest.raises(MienError):
        call()  # type: ignore[operator]
