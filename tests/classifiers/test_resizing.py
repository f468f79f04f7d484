"""Images in another size: linear interpolation as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mien.classifiers.resizing import LUMA, resampling, resized

SIDES = st.integers(1, 60)


@given(SIDES, SIDES)
def test_each_new_pixel_is_a_weighted_mean(source: int, target: int) -> None:
    weights = resampling(source, target)
    assert weights.shape == (target, source) and (weights >= 0).all()
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    assert np.allclose(weights[::-1, ::-1], weights, atol=1e-5)  # left and right are treated alike


@given(SIDES)
def test_the_same_size_changes_nothing(side: int) -> None:
    assert np.array_equal(resampling(side, side), np.eye(side, dtype=np.float32))


@pytest.mark.parametrize(("source", "target"), [(48, 150), (48, 64), (100, 30), (31, 32)])
def test_it_is_what_pillow_computes_but_for_rounding(source: int, target: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (source, source), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((target, target), Image.Resampling.BILINEAR), float)
    [[channel]] = np.moveaxis(resized(image[None], target, colour=False), 3, 1)
    assert np.abs(channel - expected).max() <= 1.01


def test_colours_become_grey_and_grey_becomes_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    assert np.allclose(resized(image, 8, colour=False)[..., 0], image @ np.array(LUMA), atol=1e-3)
    assert np.array_equal(resized(image, 8, colour=True), image)
    grey = resized(image[..., 0], 8, colour=True)
    assert grey.shape == (2, 8, 8, 3) and (grey == grey[..., :1]).all()
