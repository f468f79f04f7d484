"""conv_block is convolution → batch norm → ReLU → max pool, whatever shortcut it takes."""

import copy

import pytest
import torch
from torch import Tensor, nn

from mien.nets.blocks import conv_block, conv_norm


def layers(colours: int, seed: int = 0) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(seed)
    convolution, norm = nn.Conv2d(colours, 6, 3, padding=1), nn.BatchNorm2d(6)
    nn.init.normal_(norm.weight)  # both signs
    nn.init.normal_(norm.bias)
    return convolution, norm


def plain(convolution: nn.Conv2d, norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    return nn.functional.max_pool2d(norm(convolution(maps)).relu(), 2)


@pytest.mark.parametrize("colours", [1, 3, 5])
@pytest.mark.parametrize("side", [8, 11])
def test_in_training_outputs_gradients_and_statistics_are_those_of_the_four_layers(colours: int, side: int) -> None:
    ours, theirs = layers(colours), layers(colours)
    maps = torch.rand(4, colours, side, side) * 3 - 1
    for _ in range(2):
        found, wanted = conv_block(*ours, maps), plain(*theirs, maps)
        assert torch.allclose(found, wanted, atol=1e-5)
        found.square().sum().backward()
        wanted.square().sum().backward()
    assert ours[0].weight.grad is not None and theirs[0].weight.grad is not None
    assert torch.allclose(ours[0].weight.grad, theirs[0].weight.grad, rtol=1e-3, atol=1e-3)
    assert torch.allclose(ours[1].weight.grad, theirs[1].weight.grad, rtol=1e-3, atol=1e-3)
    assert torch.allclose(ours[1].running_mean, theirs[1].running_mean, atol=1e-6)
    assert torch.allclose(ours[1].running_var, theirs[1].running_var, rtol=1e-5)
    assert ours[1].num_batches_tracked == theirs[1].num_batches_tracked == 2


@pytest.mark.parametrize("colours", [1, 5])
@pytest.mark.parametrize("side", [8, 11])
def test_in_evaluation_outputs_are_those_of_the_four_layers(colours: int, side: int) -> None:
    convolution, norm = layers(colours)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.2, 3)
    before = copy.deepcopy(norm.state_dict())
    convolution.eval(), norm.eval()
    maps = torch.rand(4, colours, side, side)
    with torch.inference_mode():
        assert torch.allclose(conv_block(convolution, norm, maps), plain(convolution, norm, maps), atol=1e-5)
        assert torch.allclose(conv_norm(convolution, norm, maps), norm(convolution(maps)), atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
