"""Other numbers of pictures: rows of the training part left out, or taken more than once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.imbalance.treatment import TrainPart
from mien.types import Ints


def undersampled(part: TrainPart, target: int) -> Ints:
    """Rows with at most `target` pictures a class, drawn without replacement.

    Examples
    --------
    >>> part = TrainPart(np.array([0, 0, 0, 0, 1]), classes=2)
    >>> np.bincount(part.labels[undersampled(part, 2)]).tolist()
    [2, 1]
    """
    return _resampled(part, lambda count: min(count, target))


def oversampled(part: TrainPart, target: int) -> Ints:
    """Rows with at least `target` pictures a class: each as often as any other of its class, or once more."""
    return _resampled(part, lambda count: max(count, target))


def resampled(part: TrainPart, target: int) -> Ints:
    """Rows with `target` pictures of every class that has any."""
    return _resampled(part, lambda count: target)


def _resampled(part: TrainPart, wanted: Callable[[int], int]) -> Ints:
    """Ascending rows; all of a class whole as often as they fit in, and the rest drawn without replacement."""
    rng = np.random.default_rng(part.seed)
    chosen = []
    for c in range(part.classes):
        own = np.flatnonzero(part.labels == c)
        if len(own):
            times, rest = divmod(wanted(len(own)), len(own))
            chosen += [np.repeat(own, times), rng.permutation(own)[:rest]]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))
