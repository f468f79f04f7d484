"""Mixing pictures, and making them smaller."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.nets.augment import augment, mix
from mien.nets.settings import AugmentSettings


@given(st.integers(0, 10_000), st.sampled_from([(0.4, 0.0), (0.0, 1.0), (0.2, 1.0)]))
def test_mixed_targets_say_what_share_of_each_picture_is_seen(seed: int, how: tuple[float, float]) -> None:
    """Pictures are flat, each as bright as its place in the targets: brightness must be what the targets say."""
    levels = torch.arange(6.0) / 5
    pictures = levels[:, None, None, None].expand(6, 1, 20, 20).clone()
    settings = AugmentSettings(mixup=how[0], cutmix=how[1])
    mixed, targets = mix(pictures, torch.eye(6), settings, torch.Generator().manual_seed(seed))
    assert torch.allclose(targets.sum(1), torch.ones(6), atol=1e-5)
    assert torch.allclose(mixed.mean((1, 2, 3)), targets @ levels, atol=1e-4)


def test_nothing_is_mixed_by_default() -> None:
    pictures, targets = torch.rand(4, 1, 8, 8), torch.eye(4)
    mixed, same = mix(pictures, targets, AugmentSettings(), torch.Generator())
    assert mixed is pictures and same is targets


def test_augmented_pictures_can_be_smaller() -> None:
    assert augment(torch.rand(3, 1, 48, 48), AugmentSettings(), torch.Generator(), 2 / 3).shape == (3, 1, 32, 32)
