"""The generator: of the class that was asked for, the same from the same seed, and no copies passed off as new."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.nets.examples import Examples
from mien.nets.generator import Generated, generate, near_copies, train_generator
from mien.nets.settings import TrainSettings
from mien.testing import example_bars


@pytest.fixture(scope="module")
def bars() -> Examples:
    pixels, labels = example_bars(300)
    return Examples(pixels, np.eye(3, dtype=np.float32)[labels])


@pytest.fixture(scope="module")
def made(bars: Examples) -> Generated:
    maker = train_generator(bars, TrainSettings(precision="float32"), pictures=2500)
    return generate(maker, bars, np.array([20, 0, 20]), seed=1)


def test_pictures_are_of_the_class_that_was_asked_for(made: Generated) -> None:
    """The bright bar is at the top for class 0, at the bottom for class 2."""
    assert made.pixels.shape == (40, 32, 32) and made.pixels.dtype == np.uint8
    assert np.bincount(made.labels, minlength=3).tolist() == [20, 0, 20]
    top, bottom = made.pixels[:, 4:10].mean((1, 2)), made.pixels[:, 24:30].mean((1, 2))
    assert (top > bottom)[made.labels == 0].mean() > 0.8 and (top < bottom)[made.labels == 2].mean() > 0.8


def test_the_same_seed_makes_the_same_pictures(bars: Examples) -> None:
    one, other = (
        generate(
            train_generator(bars, TrainSettings(precision="float32"), pictures=128, seed=3),
            bars,
            np.array([2, 2, 2]),
            seed=5,
        )
        for _ in range(2)
    )
    assert np.array_equal(one.pixels, other.pixels)


def test_copies_are_found_and_new_pictures_are_none() -> None:
    rng = np.random.default_rng(0)
    real = rng.integers(0, 255, (200, 24, 24)).astype(np.uint8)
    noisy = np.clip(real[:10] + rng.normal(0, 4, (10, 24, 24)), 0, 255).astype(np.uint8)
    lighter = (real[10:20] * 0.8).astype(np.uint8)
    new = rng.integers(0, 255, (50, 24, 24)).astype(np.uint8)
    assert near_copies(np.concatenate([noisy, lighter]), real).all()
    assert near_copies(new, real).mean() < 0.1
    assert near_copies(new[:0], real).shape == (0,)
    doubled = np.concatenate([real, real[:20]])
    assert near_copies(noisy, doubled).all(), "copies among the real pictures hide those that were made"


def test_colour_and_other_sizes_come_back_as_they_were() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (70, 20, 20, 3)).astype(np.uint8)
    examples = Examples(pixels, np.eye(2, dtype=np.float32)[np.arange(70) % 2])
    torch.manual_seed(0)
    made = generate(train_generator(examples, TrainSettings(), pictures=64), examples, np.array([1, 2]))
    assert made.pixels.shape == (3, 20, 20, 3)
