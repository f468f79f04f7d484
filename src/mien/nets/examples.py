"""Training data: pictures, or precomputed maps of pictures, with soft targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from mien.nets.augment import augment, mix
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, Floats, Ints


class TrainingData(ABC):
    """Base class of the training data: N examples with soft targets.

    Attributes
    ----------
    targets : (N, K) float; rows add up to 1.
    epoch : number of examples per epoch, drawn equally often; 0: each example once.
    """

    targets: Floats
    epoch: int

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def labels(self) -> Ints:
        """(N,) classes with the largest shares."""
        return self.targets.argmax(1)

    @property
    @abstractmethod
    def side(self) -> int:
        """Shorter side in pixels or positions."""

    @abstractmethod
    def originals(self, rows: Ints, device: torch.device) -> Tensor:
        """Return (B, C, H, W) pictures in [0, 1], or maps, without augmentation."""

    @abstractmethod
    def batch(self, rows: Ints, context: BatchContext) -> tuple[Tensor, Tensor]:
        """Return augmented pictures, or maps, (B, C, H, W) and targets (B, K)."""


@dataclass(frozen=True)
class BatchContext:
    """Settings of a training step that determine how a batch is made.

    Attributes
    ----------
    epoch : number of the epoch, counted from 0.
    size : sides of the pictures, as a share of the original sides.
    augment : settings of augmentation. generator : CPU generator of random numbers. device : device of the batch.
    vote_sampling : whether each target becomes a single class, drawn from its shares (E. Barsoum et al., *Training deep
        networks for facial expression recognition with crowd-sourced label distribution*, ICMI 2016, section 3.2).
    """

    epoch: int
    size: float
    augment: AugmentSettings
    generator: Generator
    device: torch.device
    vote_sampling: bool = False

    def targets(self, shares: Floats) -> Tensor:
        """Return (B, K) float32 targets on the device: the shares, or with vote sampling a class drawn from each."""
        targets = torch.as_tensor(shares, dtype=torch.float32)
        if self.vote_sampling:
            classes = torch.multinomial(targets, 1, generator=self.generator)[:, 0]
            targets = torch.nn.functional.one_hot(classes, targets.shape[1]).float()
        return targets.to(self.device)


@dataclass(frozen=True)
class Examples(TrainingData):
    """Pictures with soft targets as training data.

    Attributes
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8, may be memory-mapped.
    targets, epoch : see `TrainingData`.

    Examples
    --------
    >>> Examples(np.zeros((2, 48, 48), np.uint8), np.array([[1.0, 0.0], [0.3, 0.7]])).labels
    array([0, 1])
    """

    pixels: NDArray[np.uint8]
    targets: Floats
    epoch: int = 0

    @property
    def side(self) -> int:
        return min(self.pixels.shape[1:3])

    def originals(self, rows: Ints, device: torch.device) -> Tensor:
        return to_tensor(self.pixels[rows], device)

    def batch(self, rows: Ints, context: BatchContext) -> tuple[Tensor, Tensor]:
        pictures = augment(self.originals(rows, context.device), context.augment, context.generator, context.size)
        return mix(pictures, context.targets(self.targets[rows]), context.augment, context.generator)

    @classmethod
    def of(cls, data: Dataset, rows: Ints, absent: int = -1) -> Self:
        """Take rows of a data set, with its soft targets if it has them, else its labels.

        Parameters
        ----------
        absent : a class to leave out of training: its pictures are dropped and targets renormalised; −1: none.
        """
        rows = rows[data.labels[rows] != absent]
        one_hot = np.eye(len(data.labelset), dtype=np.float32)[data.labels[rows]]
        if data.targets is None:
            return cls(data.pictures[rows], one_hot)
        targets = data.targets[rows].astype(np.float32)
        if absent >= 0:
            targets[:, absent] = 0
        totals = targets.sum(1, keepdims=True)
        return cls(data.pictures[rows], np.divide(targets, totals, out=one_hot, where=totals > 0))


@dataclass(frozen=True)
class Maps(TrainingData):
    """Maps of pictures in V augmented views as training data; each epoch uses the next view.

    Attributes
    ----------
    maps : (N, V, C, H, W) float, may be memory-mapped.
    targets, epoch : see `TrainingData`.
    """

    maps: Floats
    targets: Floats
    epoch: int = 0

    @property
    def side(self) -> int:
        return min(self.maps.shape[3:])

    def originals(self, rows: Ints, device: torch.device) -> Tensor:
        return self._view(rows, 0, device)

    def batch(self, rows: Ints, context: BatchContext) -> tuple[Tensor, Tensor]:
        view = self._view(rows, context.epoch % self.maps.shape[1], context.device)
        return mix(view, context.targets(self.targets[rows]), context.augment, context.generator)

    def _view(self, rows: Ints, view: int, device: torch.device) -> Tensor:
        return torch.from_numpy(np.asarray(self.maps[rows, view])).to(device).float()


def to_tensor(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Convert (B, H, W) or (B, H, W, 3) uint8 pixels to a (B, C, H, W) float tensor in [0, 1]."""
    raw = torch.from_numpy(np.array(pixels)).to(device)  # a copy, since memory-mapped pixels are read-only
    maps = raw[:, None] if raw.ndim == 3 else raw.permute(0, 3, 1, 2)
    return maps.float() / 255
