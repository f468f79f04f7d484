"""How unsure, and why: many draws of a classifier's answer taken apart. Entropies are in nats.

*Aleatoric*: people would not agree on this picture; more data do not help. *Epistemic*: the classifier has seen nothing
like it; the draws contradict each other. No known method keeps the two wholly apart (Mucsányi, Kirchhof & Oh,
*Benchmarking uncertainty disentanglement*, 2024), so both decompositions say what they measure, not what is true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr, softmax

from mien.errors import AlignmentError, DataError, UsageError
from mien.types import Floats, as_array, as_classes, as_numbers, as_shares, without_nan

SAMPLES = 200
"""Draws of Gaussian logits; Valdenegro-Toro & Mori (2022) advise more than 100."""
BLOCK = 4096
"""Pictures sampled together, so that memory does not grow with their number."""


@dataclass(frozen=True)
class Uncertainty:
    """Of N pictures.

    Attributes
    ----------
    total, aleatoric, epistemic : (N,) nats.
    """

    total: Floats
    aleatoric: Floats
    epistemic: Floats


def entropy(probs: Floats) -> Floats:
    """−Σ p log p over the last axis, in nats; 0 log 0 is 0.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3).tolist()
    [0.693, 0.0]
    """
    array = as_array(probs, "entropy: probs")
    shares = as_shares(array, "entropy: probs", ndim=max(1, array.ndim))
    return np.asarray(entr(np.asarray(shares, np.float64)).sum(-1))


def entropy_split(draws: Floats) -> Uncertainty:
    """H(mean p) = mean H(p) + mutual information: total, aleatoric and epistemic add up.

    Parameters
    ----------
    draws : (E, N, K) probabilities of E passes or members.

    Notes
    -----
    The mutual information between answer and draw (Depeweg et al., *Decomposition of uncertainty*, ICML 2018).

    Examples
    --------
    >>> agreed = entropy_split(np.array([[[0.5, 0.5]], [[0.5, 0.5]]]))
    >>> contradicted = entropy_split(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    >>> agreed.epistemic.round(3).tolist(), contradicted.epistemic.round(3).tolist()
    ([0.0], [0.693])
    """
    draws = np.asarray(as_shares(draws, "entropy_split: draws", ndim=3), np.float64)
    _check_draws(draws, "entropy_split")
    total, aleatoric = entropy(draws.mean(0)), entropy(draws).mean(0)
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0))  # rounding may leave −1e-17


def sampling_softmax(means: Floats, variances: Floats, samples: int = SAMPLES, seed: int = 0) -> Floats:
    """Mean of softmax(μ + σ·ε) over draws of ε ~ N(0, 1): what Gaussian logits answer.

    Parameters
    ----------
    means, variances : (N, K) of the logits; a mean of −∞ is a class that is not known.
    samples, seed : the same seed gives the same draws for every picture.

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
    found = [
        softmax(mean + np.sqrt(variance) * noise, axis=2).mean(0)
        for mean, variance in (
            (means[start : start + BLOCK], variances[start : start + BLOCK]) for start in range(0, len(means), BLOCK)
        )
    ]
    return np.concatenate(found) if found else np.empty(means.shape)


def gaussian_split(means: Floats, variances: Floats, samples: int = SAMPLES, seed: int = 0) -> Uncertainty:
    """The split of Gaussian logits: the variance that the classifier states, and that of its means over the draws.

    Parameters
    ----------
    means, variances : (E, N, K) of the logits, of E passes or members.

    Notes
    -----
    M. Valdenegro-Toro & D. Saromo Mori, *A deeper look into aleatoric and epistemic uncertainty disentanglement*, CVPR
    Workshops 2022: σ²_ale = mean σ², σ²_epi = var μ; each part is the entropy of the sampling softmax with that
    variance alone. They do not add up, and even with σ²_epi = 0 the epistemic part is the entropy of softmax(μ), not 0.

    Examples
    --------
    >>> means = np.array([[[3.0, 0.0]], [[0.0, 3.0]]])
    >>> unsure = gaussian_split(means, np.zeros((2, 1, 2)))
    >>> sure = gaussian_split(means[:1], np.zeros((1, 1, 2)))
    >>> bool(unsure.epistemic[0] > sure.epistemic[0])
    True
    """
    means, variances = _gaussian(means, variances, 3, "gaussian_split")
    _check_draws(means, "gaussian_split")
    with np.errstate(invalid="ignore"):  # −∞ − (−∞) of a class that is not known
        mean, stated, apart = means.mean(0), variances.mean(0), np.nan_to_num(means.var(0))
    found = (entropy(sampling_softmax(mean, spread, samples, seed)) for spread in (stated + apart, stated, apart))
    return Uncertainty(*found)


def _check_draws(draws: Floats, place: str) -> None:
    if not len(draws):
        raise AlignmentError("there is no draw", place=place, remedy="give one pass or more: (E, N, K)")


def _gaussian(means: Floats, variances: Floats, ndim: int, place: str) -> tuple[Floats, Floats]:
    """Means, of which some may be −∞ but not all of a row, and variances of the same shape."""
    means = without_nan(as_numbers(means, f"{place}: means", ndim=ndim, finite=False), f"{place}: means")
    variances = as_numbers(variances, f"{place}: variances", ndim=ndim)
    if means.shape != variances.shape:
        cause = f"means are {means.shape}, variances {variances.shape}"
        raise AlignmentError(cause, place=place, remedy="give a variance for each mean")
    if (variances < 0).any():
        raise UsageError("a variance is negative", place=place, remedy="give σ², not a logarithm of it")
    if means.size and (np.isposinf(means).any() or np.isneginf(means.max(-1)).any()):
        cause = "a mean is +∞, or all of a picture are −∞"
        raise DataError(cause, place=place, remedy="give finite means for the classes that are known")
    return means, variances
