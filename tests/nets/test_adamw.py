"""The optimiser: torch's numbers, and a state that another one can take up."""

from __future__ import annotations

import torch
from torch import nn

from mien.nets.adamw import AdamW


def network() -> nn.Sequential:
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return nn.Sequential(convolution, nn.Flatten(), nn.Linear(12, 2), nn.Linear(2, 2))


def train(model: nn.Sequential, optimizer: AdamW | torch.optim.AdamW, steps: range) -> None:
    """The last layer takes no part."""
    for step in steps:
        pictures = torch.randn(8, 2, 4, 4, generator=torch.Generator().manual_seed(step))
        loss = model[2](model[1](model[0](pictures))).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(0.01) if isinstance(optimizer, AdamW) else optimizer.step()


def test_its_numbers_are_torch_s() -> None:
    own, theirs = network(), network()
    train(own, AdamW(own.parameters(), 0.1), range(5))
    train(theirs, torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1, fused=True), range(5))
    for one, other in zip(own.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_has_no_gradient_stays_as_it_is() -> None:
    model, untouched = network(), network()
    train(model, AdamW(model.parameters(), 0.1), range(3))
    assert torch.equal(model[3].weight, untouched[3].weight)
    assert not torch.equal(model[2].weight, untouched[2].weight)


def test_another_takes_up_the_state() -> None:
    whole, halved = network(), network()
    train(whole, AdamW(whole.parameters(), 0.1), range(6))
    first = AdamW(halved.parameters(), 0.1)
    train(halved, first, range(3))
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in first.state().items()}
    second = AdamW(halved.parameters(), 0.1)
    second.restore(state)
    train(halved, second, range(3, 6))
    for one, other in zip(whole.parameters(), halved.parameters(), strict=True):
        assert torch.equal(one, other)
