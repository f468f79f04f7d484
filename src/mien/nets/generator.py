"""A small class-conditional generative adversarial network, trained on all classes, to add pictures of rare ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from mien.nets.augment import augment, resized
from mien.nets.device import mixed, seed_everything, torch_runtime
from mien.nets.examples import Examples, to_tensor
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import sampled_rows
from mien.types import Bools, Floats, Ints

SIDE = 48
"""Side of generated pictures in pixels; pictures of another size are resized before training and after generation."""
NOISE, WIDTH = 64, 128
BATCH = 64
PICTURES = 80_000
"""Number of pictures that a training takes, counted with repetitions."""
RATE = 3e-4
DECAY = 0.995
"""Decay of the moving average of the generator's weights, which generates the pictures."""
DIFFERENTIABLE = AugmentSettings(flip=0.5, rotate=0, shift=0.125, scale=0, light=0.3, erase=0.4)
"""Augmentation of both real and generated pictures before discrimination."""
CLOSEST = 0.01
"""Quantile of the distances between real pictures below which a generated picture is a near-copy."""
COMPARED = 12
"""Side in pixels at which pictures are compared."""


class Generator(nn.Module):
    """Generates (B, colours, SIDE, SIDE) pictures in [0, 1] from (B, NOISE) noise and (B,) classes."""

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
    """Scores (B,) how real pictures (B, colours, SIDE, SIDE) of classes (B,) look.

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
    """Generated pictures (N, H, W[, 3]) uint8 with their classes (N,) and a mask (N,) of near-copies of real ones."""

    pixels: NDArray[np.uint8]
    labels: Ints
    copies: Bools


def train_generator(
    train: Examples,
    settings: TrainSettings,
    *,
    pictures: int = PICTURES,
    seed: int = 0,
    progress: Callable[[float], object] = lambda share: None,
) -> Generator:
    """Train a generator against a discriminator on the training part, with all classes equally frequent.

    Parameters
    ----------
    train : pictures with targets; the class is the largest share.
    settings : device, precision and threads.
    pictures : number of pictures to train on, counted with repetitions.
    seed : seed of all random numbers.
    progress : called with the finished share of the training.

    Notes
    -----
    Hinge losses; real and generated pictures are augmented at random before discrimination, so that the discriminator
    does not memorise few pictures (S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu, S. Han, *Differentiable augmentation for
    data-efficient GAN training*, NeurIPS 2020).
    """
    with torch_runtime(settings) as (device, precision):
        draws = seed_everything(seed, 0)
        classes, colours = train.targets.shape[1], to_tensor(train.pixels[:1]).shape[1]
        generator, discriminator = Generator(classes, colours).to(device), Discriminator(classes, colours).to(device)
        averaged = Generator(classes, colours).to(device)
        averaged.load_state_dict(generator.state_dict())
        generator_step, discriminator_step = (
            torch.optim.Adam(network.parameters(), RATE, (0.0, 0.9)) for network in (generator, discriminator)
        )
        labels = train.labels
        steps = max(1, pictures // BATCH)
        for step, rows in zip(range(steps), _balanced_batches(labels, draws), strict=False):
            real = resized(to_tensor(train.pixels[rows], device), (SIDE, SIDE))
            batch = torch.tensor(labels[rows], device=device)
            noise = torch.randn(BATCH, NOISE, generator=draws).to(device)

            def score(images: Tensor, batch: Tensor = batch) -> Tensor:
                changed = augment(images.float(), DIFFERENTIABLE, draws)
                with mixed(device, precision):
                    return discriminator(changed, batch).float()

            with mixed(device, precision):
                generated = generator(noise, batch)
            loss = (1 - score(real)).relu().mean() + (1 + score(generated.detach())).relu().mean()
            discriminator_step.zero_grad()
            loss.backward()
            discriminator_step.step()
            generator_step.zero_grad()
            (-score(generated).mean()).backward()
            generator_step.step()
            _update_average(averaged, generator)
            progress((step + 1) / steps)
        return averaged.cpu().eval()


def _balanced_batches(labels: Ints, draws: torch.Generator) -> Iterator[Ints]:
    """Batches of BATCH rows without an end, in which all classes are equally frequent."""
    order = np.empty(0, int)
    while True:
        if len(order) < BATCH:
            rounds = 1 + BATCH // len(labels)
            order = np.concatenate([order, *(sampled_rows(labels, "balanced", draws) for _ in range(rounds))])
        yield np.sort(order[:BATCH])
        order = order[BATCH:]


def generate(generator: Generator, train: Examples, counts: Ints, seed: int = 0) -> Generated:
    """Generate `counts` (K,) pictures of each class, of the size of the training pictures."""
    labels = np.repeat(np.arange(len(counts)), counts)
    draws = torch.Generator().manual_seed(seed)
    batches: list[NDArray[np.uint8]] = [train.pixels[:0]]
    for start in range(0, len(labels), 256):
        named = torch.tensor(labels[start : start + 256])
        with torch.inference_mode():
            made = resized(generator(torch.randn(len(named), NOISE, generator=draws), named), train.pixels.shape[1:3])
        pixels = (made.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        batches.append(pixels[..., 0] if train.pixels.ndim == 3 else pixels)
    pixels = np.concatenate(batches)
    return Generated(pixels, labels, near_copies(pixels, train.pixels))


def near_copies(pixels: NDArray[np.uint8], real: NDArray[np.uint8]) -> Bools:
    """(N,) mask of pictures nearer to a real one than all but 1 % of the real pictures are to another real one.

    Examples
    --------
    >>> real = np.random.default_rng(0).integers(0, 255, (50, 24, 24)).astype(np.uint8)
    >>> other = np.random.default_rng(1).integers(0, 255, (2, 24, 24)).astype(np.uint8)
    >>> near_copies(np.concatenate([real[:1], other]), real).tolist()
    [True, False, False]
    """
    vectors, references = _coarse(pixels), _coarse(real)
    if not len(vectors) or len(references) < 2:
        return np.zeros(len(vectors), bool)
    references = np.unique(references.round(6), axis=0)  # exact copies would lower the quantile to 0
    threshold = np.quantile(_nearest_distance(references, references, skip_self=True), CLOSEST)
    return np.asarray(_nearest_distance(vectors, references, skip_self=False) <= threshold)


def _nearest_distance(vectors: Floats, references: Floats, *, skip_self: bool) -> Floats:
    """(N,) distance to the nearest reference; `skip_self` ignores the reference of the same row."""
    squares = (references**2).sum(1)
    nearest = np.empty(len(vectors))
    for start in range(0, len(vectors), 1024):
        block = vectors[start : start + 1024]
        distances = (block**2).sum(1)[:, None] - 2 * block @ references.T + squares
        if skip_self:
            distances[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        nearest[start : start + 1024] = np.sqrt(np.maximum(distances.min(1), 0))
    return nearest


def _coarse(pixels: NDArray[np.uint8]) -> Floats:
    """(N, D) pictures reduced to 12 × 12 pixels, normalised in brightness and contrast."""
    tensor = to_tensor(pixels) if len(pixels) else torch.zeros(0, 1, COMPARED, COMPARED)
    coarse = functional.adaptive_avg_pool2d(tensor, COMPARED).flatten(1).numpy().astype(np.float64)
    centred = coarse - coarse.mean(1, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(1, keepdims=True), 1e-3))


@torch.no_grad()
def _update_average(averaged: nn.Module, current: nn.Module) -> None:
    weights: dict[str, Any] = current.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(weights[name], 1 - DECAY)
        else:
            value.copy_(weights[name])
