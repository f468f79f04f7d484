"""What training learns from: pictures, or maps of them, with soft targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from mien.nets.augment import augment, mix
from mien.nets.settings import AugmentSettings
from mien.types import Dataset, Floats, Ints


class Learnable(Protocol):
    """What the training loop asks of its examples: N of them, with (N, K) targets whose rows add up to 1.

    An epoch takes `epoch` of them; each once if that is 0.
    """

    def __len__(self) -> int: ...

    @property
    def epoch(self) -> int: ...

    @property
    def targets(self) -> Floats: ...

    @property
    def labels(self) -> Ints: ...

    @property
    def side(self) -> int: ...

    def shown(self, rows: Ints, device: torch.device) -> Tensor: ...

    def batch(self, rows: Ints, turn: BatchContext) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class BatchContext:
    """One step of training, as the examples see it.

    Attributes
    ----------
    epoch : counted from 0.
    size : sides of the pictures, as a share of theirs.
    augment, generator, device : how they are changed, by which draws, and where.
    vote_sampling : whether each target becomes one class, drawn from its shares (E. Barsoum et al., *Training deep
        networks for facial expression recognition with crowd-sourced label distribution*, ICMI 2016, section 3.2).
    """

    epoch: int
    size: float
    augment: AugmentSettings
    generator: Generator
    device: torch.device
    vote_sampling: bool = False

    def targets(self, shares: Floats) -> Tensor:
        """(B, K) float32 on the device: the shares, or one class drawn from each row of them."""
        given = torch.as_tensor(shares, dtype=torch.float32)
        if self.vote_sampling:
            drawn = torch.multinomial(given, 1, generator=self.generator)[:, 0]
            given = torch.nn.functional.one_hot(drawn, given.shape[1]).float()
        return given.to(self.device)


@dataclass(frozen=True)
class Examples:
    """Pictures with targets, as training wants them.

    Attributes
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8, may be memory-mapped.
    targets : (N, K) float, rows add up to 1.
    epoch : pictures that an epoch takes of them, each as often as any other; 0 for each once.

    Examples
    --------
    >>> Examples(np.zeros((2, 48, 48), np.uint8), np.array([[1.0, 0.0], [0.3, 0.7]])).labels
    array([0, 1])
    """

    pixels: NDArray[np.uint8]
    targets: Floats
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def labels(self) -> Ints:
        return self.targets.argmax(1)

    @property
    def side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.pixels.shape[1:3])

    def shown(self, rows: Ints, device: torch.device) -> Tensor:
        """(B, C, H, W) in [0, 1], as they are."""
        return to_tensor(self.pixels[rows], device)

    def batch(self, rows: Ints, turn: BatchContext) -> tuple[Tensor, Tensor]:
        """Changed a little: (B, C, H, W) and targets (B, K)."""
        pictures = augment(self.shown(rows, turn.device), turn.augment, turn.generator, turn.size)
        return mix(pictures, turn.targets(self.targets[rows]), turn.augment, turn.generator)

    @classmethod
    def of(cls, data: Dataset, rows: Ints, absent: int = -1) -> Self:
        """Some rows of a data set: its soft targets where it has them, else its labels.

        Parameters
        ----------
        absent : a class that the model must not see: its pictures are left out, its shares go to the others.
        """
        rows = rows[data.labels[rows] != absent]
        hard = np.eye(len(data.labelset), dtype=np.float32)[data.labels[rows]]
        if data.targets is None:
            return cls(data.pictures[rows], hard)
        targets = data.targets[rows].astype(np.float32)
        if absent >= 0:
            targets[:, absent] = 0
        totals = targets.sum(1, keepdims=True)
        shared = np.divide(targets, totals, out=hard.copy(), where=totals > 0)
        return cls(data.pictures[rows], shared)


@dataclass(frozen=True)
class Maps:
    """Maps of pictures in V views, which are taken in turn, one an epoch.

    Attributes
    ----------
    maps : (N, V, C, H, W) float, may be memory-mapped.
    targets : (N, K) float, rows add up to 1. epoch : as of `Examples`.
    """

    maps: Floats
    targets: Floats
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def labels(self) -> Ints:
        return self.targets.argmax(1)

    @property
    def side(self) -> int:
        """Positions of the shorter side."""
        return min(self.maps.shape[3:])

    def shown(self, rows: Ints, device: torch.device) -> Tensor:
        """(B, C, H, W), the first view."""
        return self._view(rows, 0, device)

    def batch(self, rows: Ints, turn: BatchContext) -> tuple[Tensor, Tensor]:
        """The view of this epoch: (B, C, H, W) and targets (B, K)."""
        view = self._view(rows, turn.epoch % self.maps.shape[1], turn.device)
        return mix(view, turn.targets(self.targets[rows]), turn.augment, turn.generator)

    def _view(self, rows: Ints, view: int, device: torch.device) -> Tensor:
        return torch.from_numpy(np.asarray(self.maps[rows, view])).to(device).float()


def to_tensor(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """(B, H, W) or (B, H, W, 3) uint8 → (B, C, H, W) float in [0, 1]."""
    raw = torch.from_numpy(np.array(pixels)).to(device)  # a copy: mapped pixels cannot be written
    maps = raw[:, None] if raw.ndim == 3 else raw.permute(0, 3, 1, 2)
    return maps.float() / 255
