"""Training dynamics: what a classifier said of its own training pictures, epoch by epoch, kept as means.

A wrong label is learnt late and against the others: over the epochs its logit stays behind. So one training run says of
each picture what else would take one run for each fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import AlignmentError, DataError
from mien.types import Floats, Ints, as_classes, as_labels, as_numbers
from mien.uncertainty import Uncertainty, entropy


class Dynamics:
    """Called by the training loop with each batch; afterwards, means over all times that a picture was seen.

    Parameters
    ----------
    labels : (N,) given labels of the training pictures.
    classes : K.

    Notes
    -----
    The mean margin is the area under the margin of G. Pleiss, T. Zhang, E. Elenberg, K. Q. Weinberger, *Identifying
    mislabeled data using the area under the margin ranking*, NeurIPS 2020.

    Examples
    --------
    >>> seen = Dynamics(np.array([0, 1]), classes=2)
    >>> seen(np.array([0, 1]), np.array([[2.0, 0.0], [3.0, 1.0]]))
    >>> seen(np.array([1]), np.array([[0.0, 1.0]]))
    >>> seen.margins.tolist()
    [2.0, -0.5]
    """

    def __init__(self, labels: Ints, classes: int) -> None:
        self.labels = labels = as_labels(labels, "Dynamics: labels", as_classes(classes, "Dynamics: classes"))
        self.times = np.zeros(len(labels), dtype=np.int64)
        self._margins = np.zeros(len(labels))
        self._probs = np.zeros((len(labels), classes))
        self._entropies = np.zeros(len(labels))

    def __call__(self, rows: Ints, logits: Floats) -> None:
        """Take in (B, K) logits of some rows; −∞ is a class that is not known."""
        rows = as_labels(rows, "Dynamics: rows", len(self.labels))
        logits = as_numbers(logits, "Dynamics: logits", ndim=2, rows=len(rows), finite=False).astype(np.float64)
        if logits.shape[1] != self._probs.shape[1]:
            cause = f"logits are {logits.shape}, and there are {self._probs.shape[1]} classes"
            raise AlignmentError(cause, place="Dynamics", remedy="give a column a class")
        if np.isnan(logits).any() or np.isposinf(logits).any() or np.isneginf(logits).all(1).any():
            raise DataError("a logit is NaN or +∞, or all are −∞", place="Dynamics", remedy="lower the learning rate")
        own = np.take_along_axis(logits, self.labels[rows, None], 1)[:, 0]
        others = logits.copy()
        np.put_along_axis(others, self.labels[rows, None], -np.inf, 1)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        self._margins[rows] += own - others.max(1)
        probs = powers / powers.sum(1, keepdims=True)
        self._probs[rows] += probs
        self._entropies[rows] += entropy(probs)
        self.times[rows] += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """The sums so far, by name, to be stored with the checkpoint of the training."""
        sums = {"margins": self._margins, "probs": self._probs, "entropies": self._entropies}
        return {"times": self.times, **sums}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state; AlignmentError where it is of other pictures or classes."""
        for name, own in self.state().items():
            if state[name].shape != own.shape:
                raise AlignmentError(f"{name} are {state[name].shape}, not {own.shape}", place="Dynamics")
            own[...] = state[name]

    @property
    def margins(self) -> Floats:
        """(N,) mean logit of the given label less the largest other; low is suspicious, 0 what was never seen."""
        return np.asarray(self._margins / np.maximum(self.times, 1))

    @property
    def probs(self) -> Floats:
        """(N, K) mean probabilities; all equal where a picture was never seen, as may happen in few epochs."""
        even = np.full(self._probs.shape, 1 / self._probs.shape[1])
        return np.asarray(np.divide(self._probs, self.times[:, None], out=even, where=self.times[:, None] > 0))

    @property
    def uncertainty(self) -> Uncertainty:
        """The epochs as draws: what all are unsure of is aleatoric, what they contradict each other on epistemic."""
        total = entropy(self.probs)
        aleatoric = np.divide(self._entropies, self.times, out=total.copy(), where=self.times > 0)
        return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0))
