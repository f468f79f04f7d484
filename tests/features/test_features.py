"""Stacked layers, their whitening, and histograms of oriented gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.errors import AlignmentError, DataError, MienError, UsageError
from mien.features import Whitening, describe, stack
from mien.imbalance import class_weights
from mien.types import Outputs


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 12))
def test_whitened_features_are_uncorrelated_with_variance_one(seed: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(200, width)) @ generator.normal(size=(width, width)) + 5
    whitened = Whitening.fit(features, components=width).apply(features)
    assert np.allclose(np.cov(whitened.T), np.eye(whitened.shape[1]), atol=0.05)


def test_a_constant_feature_and_few_rows_do_no_harm() -> None:
    features = np.hstack([np.random.default_rng(0).normal(size=(5, 30)), np.ones((5, 2))])
    whitened = Whitening.fit(features, components=256).apply(features)
    assert np.isfinite(whitened).all()
    assert whitened.shape[1] <= 4


def test_layers_are_chosen_by_pattern_and_the_error_lists_them() -> None:
    features = {"conv1/1": np.zeros((2, 3)), "conv1/3": np.ones((2, 4)), "hidden": np.full((2, 1), 2.0)}
    outputs = Outputs(np.array(["a", "b"]), np.ones((2, 1)), np.array([True]), features)
    assert stack(outputs).shape == (2, 8)
    assert stack(outputs, ["*/1", "hidden"])[0].tolist() == [0, 0, 0, 2]
    with pytest.raises(DataError, match=r"conv1/1, conv1/3, hidden"):
        stack(outputs, ["conv2"])


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=8).filter(sum), st.floats(0, 1))
def test_class_weights_average_one_and_never_favour_the_common(counts: list[int], power: float) -> None:
    n = np.array(counts)
    weights = class_weights(n, power)
    assert (weights * n).sum() == pytest.approx(n.sum())
    assert (weights[n == 0] == 0).all()
    present = np.flatnonzero(n)
    order = present[np.argsort(n[present])]
    assert (np.diff(weights[order]) <= 1e-9).all()


def test_power_one_is_the_papers_n_over_n_i() -> None:
    weights = class_weights(np.array([100, 300, 600]), 1.0)
    assert (weights / weights[0]).tolist() == pytest.approx([1, 1 / 3, 1 / 6])


def test_products_with_vectors_need_no_vectors() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(50, 30)) * 7 + 3).astype(np.float32)
    directions = rng.normal(size=(8, 2))
    whitening = Whitening.fit(features, components=8)
    assert np.allclose(whitening.project(features, directions), whitening.apply(features) @ directions, atol=1e-4)


def test_pictures_for_the_own_extractor_may_be_lists_but_not_between_zero_and_one() -> None:
    pytest.importorskip("skimage")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 24, 24))
    assert np.array_equal(describe(pixels.tolist())["hog"], describe(pixels.astype(np.uint8))["hog"])
    for wrong in (pixels / 255, pixels[0], pixels[:, :6], pixels - 300, np.zeros((2, 3, 24, 24)), None):
        with pytest.raises(MienError) as refused:
            describe(wrong)
        assert refused.value.place and refused.value.remedy


@pytest.mark.parametrize("kind", ["hog", "daisy"])
@pytest.mark.parametrize("size", [12, 24, 48])
def test_features_of_a_picture_are_those_of_its_mirror_image(kind: str, size: int) -> None:
    pytest.importorskip("skimage")
    pixels = np.random.default_rng(0).integers(0, 256, (3, size, size)).astype(np.uint8)
    vectors = describe(pixels, kind=kind)[kind]
    assert vectors.shape[0] == 3 and vectors.dtype == np.float32 and np.isfinite(vectors).all()
    assert np.allclose(vectors, describe(pixels[:, :, ::-1], kind=kind)[kind], atol=1e-5)
    assert not np.allclose(vectors, describe(pixels, kind=kind, mirrored=False)[kind], atol=1e-3)
    assert describe(pixels[:0], kind=kind)[kind].shape == (0, vectors.shape[1])


def test_there_are_two_kinds_of_features() -> None:
    pytest.importorskip("skimage")
    with pytest.raises(UsageError, match="kind of features"):
        describe(np.zeros((1, 24, 24), np.uint8), kind="sift")


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_whitening_does_not_depend_on_the_unit(scale: float) -> None:
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    usual, scaled = Whitening.fit(features), Whitening.fit(features * np.float32(scale))
    assert np.allclose(usual.apply(features), scaled.apply(features * np.float32(scale)), atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, 100.1, 1e10, 1e-20])
def test_features_that_are_constant_have_no_axis(value: float) -> None:
    constant = np.full((1001, 3), value, np.float32)
    assert Whitening.fit(constant).apply(constant).shape == (1001, 0)


def test_whitening_refuses_features_of_another_width() -> None:
    whitening = Whitening.fit(np.random.default_rng(0).normal(size=(20, 3)))
    with pytest.raises(AlignmentError, match="have 4 columns, the whitening was fitted to 3"):
        whitening.apply(np.zeros((2, 4)))
