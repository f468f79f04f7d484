"""Labels with the shares of their votes: made once, read by training, correctors and treatments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mien.errors import AlignmentError
from mien.types.arrays import Bools, Floats, Ints
from mien.types.containers import as_array, check_length
from mien.types.dataset import LabelSet
from mien.types.inputs import as_ids, as_labels, as_shares

PLACE = "labels"


@dataclass(frozen=True)
class SoftLabels:
    """The classes of N images, and the share of each class among the annotators' votes.

    Attributes
    ----------
    indices : (N,) class indices 0 … K−1, by the largest share.
    shares : (N, K) float32; rows add up to 1, a single label has them all.

    Examples
    --------
    >>> SoftLabels.of([[0.1, 0.9], [0.7, 0.3]], 2).indices.tolist()
    [1, 0]
    >>> SoftLabels.of(["fear", "joy"], ["joy", "fear"]).shares.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    indices: Ints
    shares: Floats

    @classmethod
    def of(cls, labels: Any, classes: int | LabelSet | Sequence[str], *, rows: int | None = None) -> Self:
        """The labels, given as class indices (N,), as names (N,), or as shares of votes (N, K).

        Parameters
        ----------
        labels : array, list, pandas object or SoftLabels; floats with whole values are taken.
        classes : K, or the K names.
        rows : N; None for any.

        Raises
        ------
        DataError : NaN, fractions, or shares that do not add up to 1. UsageError : a name that is not a class.
        AlignmentError : another number of labels than images, or labels outside 0 … K−1.
        """
        count = classes if isinstance(classes, int) else len(classes)
        if isinstance(labels, cls):
            return labels._checked(count, rows)
        array = as_array(labels, PLACE)
        if array.dtype.kind in "UO" and not isinstance(classes, int):
            names = classes if isinstance(classes, LabelSet) else LabelSet(tuple(classes))
            array = np.array([names.index(name, place=PLACE) for name in as_ids(array, PLACE).tolist()], np.int64)
        if array.ndim == 2 and not (array.shape[1] == 1 and count != 1):
            shares = np.asarray(as_shares(array, PLACE, count), np.float32)
            return cls(shares.argmax(1), shares)._checked(count, rows)
        indices = as_labels(array, PLACE, count, rows=rows)
        return cls(indices, np.eye(count, dtype=np.float32)[indices])

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: Ints | Bools) -> SoftLabels:
        """The labels of the given rows: indices or a mask."""
        return SoftLabels(self.indices[rows], self.shares[rows])

    def _checked(self, classes: int, rows: int | None) -> Self:
        check_length(self.indices, rows, PLACE)
        if self.shares.shape[1] != classes:
            cause = f"are of {self.shares.shape[1]} classes, where there are {classes}"
            raise AlignmentError(cause, place=PLACE, remedy="give labels of the same classes")
        return self
