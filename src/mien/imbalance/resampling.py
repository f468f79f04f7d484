"""Resampling of the training part: under-, over- and equal sampling of classes, as rows to train on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.imbalance.treatment import TrainPart
from mien.types import Ints


def undersampled(part: TrainPart, target: int) -> Ints:
    """Rows with at most `target` pictures per class, drawn without replacement.

    Examples
    --------
    >>> part = TrainPart(np.array([0, 0, 0, 0, 1]), classes=2)
    >>> np.bincount(part.labels[undersampled(part, 2)]).tolist()
    [2, 1]
    """
    return _resampled(part, lambda count: min(count, target))


def oversampled(part: TrainPart, target: int) -> Ints:
    """Rows with at least `target` pictures per class; pictures of a class are repeated equally often, or once more."""
    return _resampled(part, lambda count: max(count, target))


def resampled(part: TrainPart, target: int) -> Ints:
    """Rows with exactly `target` pictures of every class that has pictures."""
    return _resampled(part, lambda count: target)


def _resampled(part: TrainPart, target_of: Callable[[int], int]) -> Ints:
    """Ascending rows: the whole class as often as it fits into its target, the rest drawn without replacement."""
    rng = np.random.default_rng(part.seed)
    chosen = []
    for c in range(part.classes):
        rows = np.flatnonzero(part.labels == c)
        if len(rows):
            times, rest = divmod(target_of(len(rows)), len(rows))
            chosen += [np.repeat(rows, times), rng.permutation(rows)[:rest]]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))
