"""Draws: what differs between them, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.errors import UsageError
from mien.models.attention import Attention
from mien.models.classifier import Classifier
from mien.models.draws import dropout_draws, member_draws
from mien.models.head import Copied
from mien.models.latents import probabilities
from mien.models.residual import Residual


def model(kind: type[Classifier] = Attention, seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    made = kind(3, 1, (True, True, False))
    made.measure(torch.rand(16, 1, 32, 32))
    return made.eval()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32)).astype(np.uint8)


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_passes_differ_by_dropout_alone(kind: type[Classifier], pixels: np.ndarray) -> None:
    f = model(kind)
    before = {name: value.clone() for name, value in f.state_dict().items()}
    plain = probabilities(f, pixels)
    draws = dropout_draws(f, pixels, passes=60)
    assert draws.shape == (60, 5, 3) and np.allclose(draws.sum(2), 1, atol=1e-5) and (draws[..., 2] == 0).all()
    assert (draws.std(0)[:, :2] > 0).all()
    assert np.allclose(draws.mean(0), plain, atol=0.1)
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())
    assert np.array_equal(probabilities(f, pixels), plain), "dropout is left on"


def test_the_same_seed_gives_the_same_draws(pixels: np.ndarray) -> None:
    f = model()
    one, same, other = (dropout_draws(f, pixels, passes=3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_members_are_what_each_says(pixels: np.ndarray) -> None:
    members = [model(seed=seed) for seed in range(3)]
    assert np.array_equal(member_draws(members, pixels)[1], probabilities(members[1], pixels))


def test_what_cannot_be_drawn_from_is_refused(pixels: np.ndarray) -> None:
    f = model()
    still = Copied(f)
    for name in [name for name, module in still.named_modules() if isinstance(module, torch.nn.Dropout)]:
        parent, _, child = name.rpartition(".")
        setattr(still.get_submodule(parent), child, torch.nn.Identity())
    with pytest.raises(UsageError, match="dropout"):
        dropout_draws(still, pixels)
    with pytest.raises(UsageError, match="members"):
        member_draws([f], pixels)
    with pytest.raises(UsageError, match="members"):
        member_draws([f, Attention(3, 1, (True, True, True)).eval()], pixels)
