"""Second-order features, with which the benchmarks compare mien's own."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.nets.attention import Attention

sys.path.insert(0, str(Path(__file__).parent.parent))
pytest.importorskip("benchmarks", reason="the benchmarks are not part of the wheel")
from benchmarks.correction.second_order import extract_second_order, second_order


def test_they_are_the_signed_roots_of_covariances() -> None:
    maps = torch.randn(3, 4, 5, 6)
    features = second_order(maps)
    assert features.shape == (3, 10)
    expected = np.cov(maps[1].flatten(1).numpy(), bias=True)[np.triu_indices(4)]
    assert np.allclose(features[1], np.sign(expected) * np.sqrt(np.abs(expected)), atol=1e-5)
    order = torch.randperm(30)
    assert torch.allclose(second_order(maps.flatten(2)[:, :, order].unflatten(2, (5, 6))), features, atol=1e-5)


def test_they_are_extracted_for_each_picture() -> None:
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 255, (3, 48, 48)).astype(np.uint8)
    assert extract_second_order(Attention(3), pixels, "conv1").shape == (3, 32 * 33 // 2)
    assert extract_second_order(Attention(3), pixels, "lstm").shape == (3, 128 * 129 // 2)
