"""Draws: what differs between them, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.errors import UsageError
from mien.nets.attention import Attention
from mien.nets.examples import Examples, to_tensor
from mien.nets.extraction import probabilities
from mien.nets.head import Copied, widened
from mien.nets.mc_predictions import dropconnect_draws, dropout_draws, gaussian_draws, member_draws
from mien.nets.network import Network
from mien.nets.residual import Residual
from mien.nets.sampling import Sampling
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.testing import example_bars
from mien.uncertainty import gaussian_split, sampling_softmax


def model(kind: type[Network] = Attention, seed: int = 0) -> Network:
    torch.manual_seed(seed)
    made = kind(3, 1, (True, True, False))
    made.measure(torch.rand(16, 1, 32, 32))
    return made.eval()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32)).astype(np.uint8)


@pytest.mark.parametrize("kind", [Attention, Residual, Sampling])
def test_passes_differ_by_dropout_alone(kind: type[Network], pixels: np.ndarray) -> None:
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


@pytest.mark.parametrize("kind", [Attention, Residual, Sampling])
def test_dropped_weights_come_back(kind: type[Network], pixels: np.ndarray) -> None:
    f = model(kind)
    before = {name: value.clone() for name, value in f.state_dict().items()}
    plain = probabilities(f, pixels)
    draws = dropconnect_draws(f, pixels, passes=60, share=0.1)
    assert draws.shape == (60, 5, 3) and np.allclose(draws.sum(2), 1, atol=1e-5) and (draws[..., 2] == 0).all()
    assert (draws.std(0)[:, :2] > 0).all()
    assert np.allclose(draws.mean(0), plain, atol=0.1)
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())
    assert np.array_equal(draws[:3], dropconnect_draws(f, pixels, passes=60, share=0.1)[:3])
    with pytest.raises(UsageError, match="share"):
        dropconnect_draws(f, pixels, share=1.0)


def test_gaussian_logits_answer_by_their_samples(pixels: np.ndarray) -> None:
    f = model(Sampling)
    means, variances = gaussian_draws(f, pixels, passes=4)
    assert means.shape == variances.shape == (4, 5, 3) and np.isneginf(means[..., 2]).all() and (variances > 0).all()
    f.flip_tta = False
    found = f.activations(to_tensor(pixels))
    known = [0, 1]
    expected = sampling_softmax(
        found["means"].detach().numpy()[:, known], found["variances"].detach().numpy()[:, known], samples=20_000
    )
    assert np.allclose(probabilities(f, pixels)[:, known], expected, atol=0.03)
    split = gaussian_split(means, variances)
    assert np.isfinite(split.total).all() and (split.aleatoric > 0).all()
    assert [draws.shape for draws in gaussian_draws(f, pixels[:0], passes=4)] == [(4, 0, 3)] * 2
    with pytest.raises(UsageError, match="Gaussian"):
        gaussian_draws(model(), pixels)  # type: ignore[arg-type]


def test_gaussian_logits_say_which_pictures_nobody_agrees_on() -> None:
    """Bars in the third place are labelled at random; the others truly."""
    pictures, labels = example_bars(400)
    rng = np.random.default_rng(7)  # not that of the bars
    given = np.where(labels == 2, rng.integers(0, 3, 400), labels)
    torch.manual_seed(0)
    f = Sampling(3)
    fit(f, Examples(pictures, np.eye(3, dtype=np.float32)[given]), None, TrainSettings(epochs=8, batch_size=16))
    unseen, truth = example_bars(90, seed=1)
    unsure = gaussian_split(*gaussian_draws(f, unseen, passes=5)).aleatoric
    assert unsure[truth == 2].min() > unsure[truth != 2].max()


def test_a_wider_copy_with_gaussian_logits_answers_the_same(pixels: np.ndarray) -> None:
    f = model(Sampling)
    assert np.allclose(probabilities(widened(f, 5), pixels)[:, :3], probabilities(f, pixels), atol=1e-6)
