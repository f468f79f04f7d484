"""The base classifier of the paper, layer by layer."""

from __future__ import annotations

import pytest
import torch

from mien.nets.attention import Attention
from mien.nets.saved import parameters


@pytest.mark.parametrize(("size", "colours"), [(32, 1), (48, 3), (100, 3), (224, 1)])
def test_any_size_from_32_to_224_in_grey_and_colour(size: int, colours: int) -> None:
    model = Attention(7, colours).eval()
    with torch.inference_mode():
        layers = model.activations(torch.rand(2, colours, size, size))
    side = size // 8
    assert layers["conv1"].shape == (2, 32, size // 2, size // 2)
    assert layers["conv3"].shape == layers["lstm"].shape == layers["attention"].shape == (2, 128, side, side)
    assert layers["hidden"].shape == (2, 128)
    assert layers["logits"].shape == (2, 7)


def test_it_has_the_layers_of_the_paper() -> None:
    convolutions = 3 * 32 * 9 + 32 + 32 * 64 * 9 + 64 + 64 * 128 * 9 + 128
    norms = 2 * (32 + 64 + 128)
    lstm = 4 * (128 * 128 + 128 * 128 + 128 + 128)
    attention = 4 * (128 * 128 + 128)
    head = 128 * 128 + 128 + 128 * 7 + 7
    assert parameters(Attention(7, colours=3)) == convolutions + norms + lstm + attention + head


def test_short_and_long_sequences_take_different_kernels_to_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pictures = Attention(5).eval(), torch.rand(3, 1, 48, 48)
    with torch.inference_mode():
        plain = model(pictures)
        monkeypatch.setattr("mien.nets.attention.SHORT", 1)
        assert torch.allclose(model(pictures), plain, atol=1e-5)


def test_first_weights_pass_differences_between_pictures_on() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(64, 1, 1, 1) * torch.rand(64, 1, 48, 48)
    plain, scaled = Attention(7), Attention(7)
    scaled.initialise(pictures)
    with torch.inference_mode():
        before, after = (model.train().activations(pictures) for model in (plain, scaled))
    assert before["hidden"].std(0).mean() < 0.1  # the fault that initialise mends
    assert after["hidden"].std(0).mean() > 0.3
    assert after["attention"].mean((2, 3)).std(0).mean() == pytest.approx(1, abs=0.2)
