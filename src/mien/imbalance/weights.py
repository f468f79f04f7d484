"""Class weights for the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.errors import UsageError
from mien.types import Floats, Ints, as_numbers


def class_weights(counts: Ints | Floats, power: float = 1.0) -> Floats:
    """(K,) class weights w_i = (N / n_i)^power, scaled to a mean of 1 over the pictures; 0 for an absent class.

    Parameters
    ----------
    counts : (K,) pictures per class in the training part.
    power : 1 for N / n_i, 0 for equal weights, 0.5 for the square root of N / n_i.

    Examples
    --------
    >>> class_weights(np.array([1, 3, 0])).round(3).tolist()
    [2.0, 0.667, 0.0]
    """
    counts = as_numbers(counts, "class_weights: counts", within=(0, np.inf))
    _check_number(power, -np.inf, np.inf, "class_weights: power")
    return _scaled(counts, lambda present: (counts.sum() / present) ** power)


def effective_weights(counts: Ints | Floats, beta: float = 0.999) -> Floats:
    """(K,) class weights 1 / E_i by effective numbers E_i = (1 − β^n_i) / (1 − β), scaled as in `class_weights`.

    Each further picture of a class adds less to E_i. The weights tend to N / n_i for β → 1 and are equal for β = 0.

    Parameters
    ----------
    counts : (K,) pictures per class in the training part.
    beta : β, from 0 to below 1; the paper uses 0.9 to 0.9999.

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
    return _scaled(counts, lambda present: (1 - beta) / (1 - beta**present))


def _check_number(value: float, low: float, high: float, place: str) -> None:
    if not (isinstance(value, int | float | np.number) and low <= value <= high and np.isfinite(value)):
        raise UsageError(f"is {value!r}, out of range", place=place, remedy="leave it out to use the default")


def _scaled(counts: Ints | Floats, weigh: Callable[[Ints | Floats], Floats]) -> Floats:
    """Weights of the classes with pictures, computed from their counts and scaled to a mean of 1 over the pictures."""
    weights = np.zeros(len(counts))
    weights[counts > 0] = weigh(counts[counts > 0])
    scaled: Floats = weights * counts.sum() / max((weights * counts).sum(), 1e-12)
    return scaled
