"""Class weights for the loss."""

from __future__ import annotations

import numpy as np

from mien.errors import UsageError
from mien.types import Floats, Ints, as_numbers


def class_weights(counts: Ints | Floats, power: float = 1.0) -> Floats:
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
    counts = as_numbers(counts, "class_weights: counts", within=(0, np.inf))
    _check_number(power, -np.inf, np.inf, "class_weights: power")
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = (counts.sum() / counts[present]) ** power
    return _scaled(weights, counts)


def effective_weights(counts: Ints | Floats, beta: float = 0.999) -> Floats:
    """Weights 1 / E_i of the effective numbers E_i = (1 − β^n_i) / (1 − β), scaled as those of `class_weights`.

    The thousandth picture of a class adds less than the first one: for β → 1 the weights are N / n_i, for 0 all equal.

    Parameters
    ----------
    counts : (K,) pictures per class in the training part.
    beta : the paper's are 0.9 to 0.9999.

    Notes
    -----
    Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, *Class-balanced loss based on effective number of samples*, CVPR
    2019, equations 2 and 4.

    Examples
    --------
    >>> effective_weights(np.array([20, 2000, 4000, 0])).round(2).tolist()
    [41.08, 0.94, 0.83, 0.0]
    """
    counts = as_numbers(counts, "effective_weights: counts", within=(0, np.inf))
    _check_number(beta, 0, np.nextafter(1, 0), "effective_weights: beta")
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = (1 - beta) / (1 - beta ** counts[present])
    return _scaled(weights, counts)


def _check_number(value: float, least: float, most: float, place: str) -> None:
    if not (isinstance(value, int | float | np.number) and least <= value <= most and np.isfinite(value)):
        raise UsageError(f"is {value!r}", place=place, remedy="leave it out to use the default")


def _scaled(weights: Floats, counts: Ints | Floats) -> Floats:
    """To a mean of 1 over the pictures."""
    scaled: Floats = weights * counts.sum() / max((weights * counts).sum(), 1e-12)
    return scaled
