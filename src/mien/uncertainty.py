"""Decompositions of predictive uncertainty into an aleatoric and an epistemic part, in nats.

*Aleatoric* uncertainty is that of ambiguous pictures, which more data do not reduce; *epistemic* uncertainty is that of
pictures unlike the training data, on which several predictions disagree. No known method separates the two completely
(Mucsányi, Kirchhof & Oh, *Benchmarking uncertainty disentanglement*, 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr, softmax

from mien.errors import AlignmentError, DataError, UsageError
from mien.types import Floats, as_array, as_classes, as_numbers, as_shares, without_nan

SAMPLES = 200
"""Samples of Gaussian logits; Valdenegro-Toro & Mori (2022) advise more than 100."""
BLOCK = 4096
"""Pictures sampled at a time, which bounds the memory."""


@dataclass(frozen=True)
class Uncertainty:
    """Total, aleatoric and epistemic uncertainty of N pictures.

    Attributes
    ----------
    total, aleatoric, epistemic : (N,) entropies in nats.
    """

    total: Floats
    aleatoric: Floats
    epistemic: Floats


def entropy(probs: Floats) -> Floats:
    """Entropy −Σ p log p over the last axis, in nats; 0 log 0 is 0.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3).tolist()
    [0.693, 0.0]
    """
    array = as_array(probs, "entropy: probs")
    shares = as_shares(array, "entropy: probs", ndim=max(1, array.ndim))
    return np.asarray(entr(np.asarray(shares, np.float64)).sum(-1))


def entropy_split(draws: Floats) -> Uncertainty:
    """Split the entropy of the mean prediction, H(mean p), into mean H(p) (aleatoric) and the rest (epistemic).

    Parameters
    ----------
    draws : (E, N, K) probabilities of E passes or ensemble members.

    Notes
    -----
    The epistemic part is the mutual information of answer and draw (Depeweg et al., *Decomposition of uncertainty*,
    ICML 2018).

    Examples
    --------
    >>> ambiguous = entropy_split(np.array([[[0.5, 0.5]], [[0.5, 0.5]]]))
    >>> disagreeing = entropy_split(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    >>> ambiguous.epistemic.round(3).tolist(), disagreeing.epistemic.round(3).tolist()
    ([0.0], [0.693])
    """
    draws = np.asarray(as_shares(draws, "entropy_split: draws", ndim=3), np.float64)
    _check_draws(draws, "entropy_split")
    total, aleatoric = entropy(draws.mean(0)), entropy(draws).mean(0)
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0))  # rounding may leave −1e-17


def sampling_softmax(means: Floats, variances: Floats, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """Compute probabilities of Gaussian logits as the mean of softmax(μ + σ·ε) over samples of ε ~ N(0, 1).

    Parameters
    ----------
    means, variances : (N, K) means and variances of the logits; a mean of −∞ has probability 0.
    samples : number of samples. seed : seed of the samples, which are the same for every picture.

    Returns
    -------
    (N, K) probabilities.

    Notes
    -----
    A. Kendall & Y. Gal, *What uncertainties do we need in Bayesian deep learning for computer vision?* (2017), eq. 12.

    Examples
    --------
    >>> sampling_softmax(np.array([[2.0, 0.0]]), np.zeros((1, 2))).round(3).tolist()
    [[0.881, 0.119]]
    """
    means, variances = _gaussian(means, variances, 2, "sampling_softmax")
    samples = as_classes(samples, "sampling_softmax: samples")
    noise = np.random.default_rng(seed).normal(size=(samples, 1, means.shape[1]))
    probs = np.empty(means.shape)
    for start in range(0, len(means), BLOCK):
        rows = slice(start, start + BLOCK)
        probs[rows] = softmax(means[rows] + np.sqrt(variances[rows]) * noise, axis=2).mean(0)
    return probs


def gaussian_split(means: Floats, variances: Floats, samples: int = SAMPLES, seed: int = 0) -> Uncertainty:
    """Split the uncertainty of Gaussian logits into predicted variance (aleatoric) and variance of means (epistemic).

    Parameters
    ----------
    means, variances : (E, N, K) means and variances of the logits of E passes or ensemble members.
    samples, seed : see `sampling_softmax`.

    Notes
    -----
    M. Valdenegro-Toro & D. Saromo Mori, *A deeper look into aleatoric and epistemic uncertainty disentanglement*, CVPR
    Workshops 2022: σ²_ale = mean σ², σ²_epi = var μ; each part is the entropy of the sampling softmax with that
    variance alone. They do not add up, and even with σ²_epi = 0 the epistemic part is the entropy of softmax(μ), not 0.

    Examples
    --------
    >>> means = np.array([[[3.0, 0.0]], [[0.0, 3.0]]])
    >>> disagreeing = gaussian_split(means, np.zeros((2, 1, 2)))
    >>> single = gaussian_split(means[:1], np.zeros((1, 1, 2)))
    >>> bool(disagreeing.epistemic[0] > single.epistemic[0])
    True
    """
    means, variances = _gaussian(means, variances, 3, "gaussian_split")
    _check_draws(means, "gaussian_split")
    with np.errstate(invalid="ignore"):  # −∞ − (−∞) for means of −∞
        mean, aleatoric, epistemic = means.mean(0), variances.mean(0), np.nan_to_num(means.var(0))
    parts = (aleatoric + epistemic, aleatoric, epistemic)
    return Uncertainty(*(entropy(sampling_softmax(mean, variance, samples, seed)) for variance in parts))


def _check_draws(draws: Floats, place: str) -> None:
    if not len(draws):
        raise AlignmentError("there are no predictions", place=place, remedy="give one pass or more: (E, N, K)")


def _gaussian(means: Floats, variances: Floats, ndim: int, place: str) -> tuple[Floats, Floats]:
    """Check means, of which some but not all of a row may be −∞, and variances of the same shape."""
    means = without_nan(as_numbers(means, f"{place}: means", ndim=ndim, finite=False), f"{place}: means")
    variances = as_numbers(variances, f"{place}: variances", ndim=ndim)
    if means.shape != variances.shape:
        cause = f"means have shape {means.shape}, variances {variances.shape}"
        raise AlignmentError(cause, place=place, remedy="give a variance for each mean")
    if (variances < 0).any():
        raise UsageError("a variance is negative", place=place, remedy="give σ², not a logarithm of it")
    if means.size and (np.isposinf(means).any() or np.isneginf(means.max(-1)).any()):
        cause = "a mean is +∞, or all means of a picture are −∞"
        raise DataError(cause, place=place, remedy="give finite means for the classes with training data")
    return means, variances
