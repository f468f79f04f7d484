"""What training learns from: pictures with soft targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.types import Dataset, Floats, Ints


@dataclass(frozen=True)
class Examples:
    """Pictures with targets, as training wants them.

    Attributes
    ----------
    pixels : (N, H, W) or (N, H, W, 3) uint8, may be memory-mapped.
    targets : (N, K) float, rows add up to 1.

    Examples
    --------
    >>> Examples(np.zeros((2, 48, 48), np.uint8), np.array([[1.0, 0.0], [0.3, 0.7]])).labels
    array([0, 1])
    """

    pixels: NDArray[np.uint8]
    targets: Floats

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def labels(self) -> Ints:
        return self.targets.argmax(1)

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
