"""Training dynamics: means over the epochs of a classifier's outputs for its own training pictures.

Wrong labels are learnt late, so their mean logit over the epochs stays low. A single training run thus replaces the
cross-validation that out-of-sample probabilities would take.
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
    """Accumulates logits of training pictures batch by batch; gives means over the epochs afterwards.

    Parameters
    ----------
    labels : (N,) given labels of the training pictures.
    classes : number of classes K.

    Notes
    -----
    The mean margin is the area under the margin of G. Pleiss, T. Zhang, E. Elenberg, K. Q. Weinberger, *Identifying
    mislabeled data using the area under the margin ranking*, NeurIPS 2020.

    Examples
    --------
    >>> dynamics = Dynamics(np.array([0, 1]), classes=2)
    >>> dynamics(np.array([0, 1]), np.array([[2.0, 0.0], [3.0, 1.0]]))
    >>> dynamics(np.array([1]), np.array([[0.0, 1.0]]))
    >>> dynamics.margins.tolist()
    [2.0, -0.5]
    """

    def __init__(self, labels: Ints, classes: int) -> None:
        self.labels = labels = as_labels(labels, "Dynamics: labels", as_classes(classes, "Dynamics: classes"))
        self.times = np.zeros(len(labels), dtype=np.int64)
        self._margins = np.zeros(len(labels))
        self._probs = np.zeros((len(labels), classes))
        self._entropies = np.zeros(len(labels))

    def __call__(self, rows: Ints, logits: Floats) -> None:
        """Add the (B, K) logits of some rows; −∞ marks a class that the classifier was not trained on."""
        rows = as_labels(rows, "Dynamics: rows", len(self.labels))
        logits = as_numbers(logits, "Dynamics: logits", ndim=2, rows=len(rows), finite=False).astype(np.float64)
        if logits.shape[1] != self._probs.shape[1]:
            cause = f"logits have shape {logits.shape}, but there are {self._probs.shape[1]} classes"
            raise AlignmentError(cause, place="Dynamics", remedy="give one column per class")
        if np.isnan(logits).any() or np.isposinf(logits).any() or np.isneginf(logits).all(1).any():
            cause = "a logit is NaN or +∞, or all logits of a picture are −∞"
            raise DataError(cause, place="Dynamics", remedy="lower the learning rate")
        given = np.take_along_axis(logits, self.labels[rows, None], 1)[:, 0]
        others = logits.copy()
        np.put_along_axis(others, self.labels[rows, None], -np.inf, 1)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        self._margins[rows] += given - others.max(1)
        probs = powers / powers.sum(1, keepdims=True)
        self._probs[rows] += probs
        self._entropies[rows] += entropy(probs)
        self.times[rows] += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """Sums so far as arrays by name, to be stored in the checkpoint of the training."""
        sums = {"margins": self._margins, "probs": self._probs, "entropies": self._entropies}
        return {"times": self.times, **sums}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Restore a state; raises AlignmentError where its shapes differ."""
        for name, values in self.state().items():
            if state[name].shape != values.shape:
                cause = f"{name} have shape {state[name].shape}, not {values.shape}"
                raise AlignmentError(cause, place="Dynamics", remedy="give a state of the same pictures and classes")
            values[...] = state[name]

    @property
    def margins(self) -> Floats:
        """(N,) mean of the given label's logit minus the largest other; low is suspect; 0 for pictures never drawn."""
        return np.asarray(self._margins / np.maximum(self.times, 1))

    @property
    def probs(self) -> Floats:
        """(N, K) mean probabilities; all equal for pictures that were never drawn, as can happen in few epochs."""
        even = np.full(self._probs.shape, 1 / self._probs.shape[1])
        return np.asarray(np.divide(self._probs, self.times[:, None], out=even, where=self.times[:, None] > 0))

    @property
    def uncertainty(self) -> Uncertainty:
        """Uncertainty with the epochs as samples: mean entropy is aleatoric, disagreement of epochs is epistemic."""
        total = entropy(self.probs)
        aleatoric = np.divide(self._entropies, self.times, out=total.copy(), where=self.times > 0)
        return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0))
