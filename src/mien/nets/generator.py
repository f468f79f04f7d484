"""A small class-conditional generator of pictures, learnt from all classes, for those that have few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from mien.nets.augment import augment
from mien.nets.device import mixed, seed_everything, torch_runtime
from mien.nets.examples import Examples, to_tensor
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import sampled_rows
from mien.types import Bools, Floats, Ints

SIDE = 48
"""Pixels a side that are generated; pictures of another size are resized on the way in and out."""
NOISE, WIDTH = 64, 128
BATCH = 64
SHOWN = 80_000
"""Pictures that a generator learns from, most of them many times."""
RATE = 3e-4
DECAY = 0.995
"""Of the moving average of the generator's weights, which is what generates."""
DIFFERENTIABLE = AugmentSettings(flip=0.5, rotate=0, shift=0.125, scale=0, light=0.3, erase=0.4)
"""Changes that both real and generated pictures go through before they are judged."""
CLOSEST = 0.01
"""Share of the real pictures that are as near to another real one as a near-copy is to its original."""
COMPARED = 12
"""Pixels a side at which pictures are compared."""


class Generator(nn.Module):
    """(B, NOISE) noise and (B,) classes → (B, colours, SIDE, SIDE) in [0, 1]."""

    def __init__(self, classes: int, colours: int) -> None:
        super().__init__()
        self.named = nn.Embedding(classes, NOISE)
        self.first = nn.Linear(2 * NOISE, WIDTH * 6 * 6)
        channels = (WIDTH, 64, 48, 32)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
            for inputs, outputs in pairwise(channels)
        )
        self.last = nn.Conv2d(channels[-1], colours, 3, padding=1)

    def forward(self, noise: Tensor, classes: Tensor) -> Tensor:
        maps = self.first(torch.cat([noise, self.named(classes)], 1)).unflatten(1, (WIDTH, 6, 6))
        for block in self.blocks:
            maps = block(functional.interpolate(maps, scale_factor=2.0))
        return self.last(maps).sigmoid()


class Discriminator(nn.Module):
    """(B, colours, SIDE, SIDE) and (B,) classes → (B,) how real they look, for their class.

    The class enters by a product with the features (T. Miyato & M. Koyama, *cGANs with projection discriminator*, ICLR
    2018, equation 3); every layer has spectral norm 1.
    """

    def __init__(self, classes: int, colours: int) -> None:
        super().__init__()
        channels = (colours, 32, 64, WIDTH)
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, padding=1)) for inputs, outputs in pairwise(channels)
        )
        self.plain = spectral_norm(nn.Linear(WIDTH, 1))
        self.named = spectral_norm(nn.Embedding(classes, WIDTH))

    def forward(self, pictures: Tensor, classes: Tensor) -> Tensor:
        maps = pictures * 2 - 1
        for convolution in self.convolutions:
            maps = functional.leaky_relu(convolution(maps), 0.1)
        features = maps.sum((2, 3))
        return self.plain(features)[:, 0] + (self.named(classes) * features).sum(1)


@dataclass(frozen=True)
class Generated:
    """Pictures that were made, and how many of them are too near to a real one.

    Attributes
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8. labels : (N,) the classes that they were made for.
    copies : (N,) bool, near-copies of training pictures.
    """

    pixels: NDArray[np.uint8]
    labels: Ints
    copies: Bools


def learn(
    train: Examples,
    settings: TrainSettings,
    *,
    shown: int = SHOWN,
    seed: int = 0,
    progress: Callable[[float], object] = lambda share: None,
) -> Generator:
    """Train generator and judge against each other on the training part, every class as often.

    Parameters
    ----------
    train : pictures with targets; the largest share is the class.
    settings : device, precision and threads. shown : pictures looked at. seed : of everything drawn.
    progress : called with the share that is done.

    Notes
    -----
    Hinge losses; all pictures, real and made, are changed at random before they are judged, so that few pictures are
    not learnt by heart (S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, *Differentiable augmentation for data-efficient GAN
    training*, NeurIPS 2020).
    """
    with torch_runtime(settings) as (device, precision):
        draws = seed_everything(seed, 0)
        classes, colours = train.targets.shape[1], to_tensor(train.pixels[:1]).shape[1]
        generator, judge = Generator(classes, colours).to(device), Discriminator(classes, colours).to(device)
        averaged = Generator(classes, colours).to(device)
        averaged.load_state_dict(generator.state_dict())
        makers, judges = (torch.optim.Adam(one.parameters(), RATE, (0.0, 0.9)) for one in (generator, judge))
        labels = train.labels
        steps = max(1, shown // BATCH)
        order = np.empty(0, int)
        for step in range(steps):
            if len(order) < BATCH:
                order = np.concatenate(
                    [order, *(sampled_rows(labels, "balanced", draws) for _ in range(1 + BATCH // len(labels)))]
                )
            rows, order = np.sort(order[:BATCH]), order[BATCH:]
            real, named = _resized(to_tensor(train.pixels[rows], device)), torch.tensor(labels[rows], device=device)
            noise = torch.randn(BATCH, NOISE, generator=draws).to(device)

            def judged(pictures: Tensor, of: Tensor = named) -> Tensor:
                changed = augment(pictures.float(), DIFFERENTIABLE, draws)
                with mixed(device, precision):
                    return judge(changed, of).float()

            with mixed(device, precision):
                made = generator(noise, named)
            loss = (1 - judged(real)).relu().mean() + (1 + judged(made.detach())).relu().mean()
            judges.zero_grad()
            loss.backward()
            judges.step()
            makers.zero_grad()
            (-judged(made).mean()).backward()
            makers.step()
            _average(averaged, generator)
            progress((step + 1) / steps)
        return averaged.cpu().eval()


def generate(generator: Generator, train: Examples, wanted: Ints, seed: int = 0) -> Generated:
    """New pictures: `wanted` (K,) of each class, of the size of the training part's."""
    labels = np.repeat(np.arange(len(wanted)), wanted)
    draws = torch.Generator().manual_seed(seed)
    lots: list[NDArray[np.uint8]] = [train.pixels[:0]]
    sides = train.pixels.shape[1:3]
    for start in range(0, len(labels), 256):
        named = torch.tensor(labels[start : start + 256])
        with torch.inference_mode():
            made = generator(torch.randn(len(named), NOISE, generator=draws), named)
            made = functional.interpolate(made, sides, mode="bilinear", align_corners=False, antialias=True)
        pixels = (made.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        lots.append(pixels[..., 0] if train.pixels.ndim == 3 else pixels)
    pixels = np.concatenate(lots)
    return Generated(pixels, labels, near_copies(pixels, train.pixels))


def near_copies(pixels: NDArray[np.uint8], real: NDArray[np.uint8]) -> Bools:
    """(N,) whether a picture is nearer to a real one than all but a hundredth of the real ones are to each other.

    Examples
    --------
    >>> real = np.random.default_rng(0).integers(0, 255, (50, 24, 24)).astype(np.uint8)
    >>> other = np.random.default_rng(1).integers(0, 255, (2, 24, 24)).astype(np.uint8)
    >>> near_copies(np.concatenate([real[:1], other]), real).tolist()
    [True, False, False]
    """
    ours, theirs = _small(pixels), _small(real)
    if not len(ours) or len(theirs) < 2:
        return np.zeros(len(ours), bool)
    theirs = np.unique(theirs.round(6), axis=0)  # copies among the real ones say nothing of how near is near
    usual = np.quantile(_nearest(theirs, theirs, apart=True), CLOSEST)
    return np.asarray(_nearest(ours, theirs, apart=False) <= usual)


def _nearest(ours: Floats, theirs: Floats, *, apart: bool) -> Floats:
    """(N,) distance to the nearest; `apart` leaves a picture itself out."""
    squares = (theirs**2).sum(1)
    found = np.empty(len(ours))
    for start in range(0, len(ours), 1024):
        some = ours[start : start + 1024]
        distances = (some**2).sum(1)[:, None] - 2 * some @ theirs.T + squares
        if apart:
            distances[np.arange(len(some)), np.arange(start, start + len(some))] = np.inf
        found[start : start + 1024] = np.sqrt(np.maximum(distances.min(1), 0))
    return found


def _small(pixels: NDArray[np.uint8]) -> Floats:
    """(N, D) coarse pictures of the same light and contrast."""
    tensor = to_tensor(pixels) if len(pixels) else torch.zeros(0, 1, COMPARED, COMPARED)
    coarse = functional.adaptive_avg_pool2d(tensor, COMPARED).flatten(1).numpy().astype(np.float64)
    centred = coarse - coarse.mean(1, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(1, keepdims=True), 1e-3))


def _resized(pictures: Tensor) -> Tensor:
    if pictures.shape[2:] == (SIDE, SIDE):
        return pictures
    return functional.interpolate(pictures, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)


@torch.no_grad()
def _average(averaged: nn.Module, current: nn.Module) -> None:
    now: dict[str, Any] = current.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(now[name], 1 - DECAY)
        else:
            value.copy_(now[name])
