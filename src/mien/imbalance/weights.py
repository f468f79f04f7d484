"""Class weights for the loss."""

from __future__ import annotations

import numpy as np

from mien.types import Floats, Ints


def class_weights(counts: Ints, power: float = 1.0) -> Floats:
    """Weights w_i = (N / n_i)^power, scaled to a mean of 1 over the pictures; 0 for an absent class.

    Parameters
    ----------
    counts : (K,) pictures per class in the training part.
    power : 1 is the paper's N / n_i (section 3.4), 0 no weighting, 0.5 the square root between them.

    Examples
    --------
    >>> class_weights(np.array([1, 3, 0])).round(3).tolist()
    [2.0, 0.667, 0.0]
    """
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = (counts.sum() / counts[present]) ** power
    scaled: Floats = weights * counts.sum() / max((weights * counts).sum(), 1e-12)
    return scaled
