"""Calibration of probabilities, measured against one label per picture or against the shares of annotators' votes.

The two references differ. A classifier that reproduces the vote shares exactly has a mean confidence of .77 and nearly
every plurality label right: it is calibrated against the votes and underconfident against the labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mien.errors import AlignmentError, UsageError
from mien.types import Floats, Ints, as_classes, as_labels, as_numbers, as_shares
from mien.types.inputs import SLACK

BINS = 15
EPS = 1e-12
LOW_TEMPERATURE = 0.04
"""Below it, powers of probabilities may underflow; `temperature` never returns a value as low."""


@dataclass(frozen=True)
class Reliability:
    """Reliability diagram: mean confidence and accuracy per bin of equal numbers of pictures, lowest confidence first.

    Attributes
    ----------
    confidence : (B,) mean confidence. truth : (B,) share of right answers, or mean share of the votes.
    count : (B,) pictures.
    """

    confidence: Floats
    truth: Floats
    count: Ints

    @property
    def error(self) -> float:
        """Expected calibration error: mean of |confidence − truth|, weighted by pictures; NaN without pictures."""
        if not self.count.sum():
            return float("nan")
        return float((np.abs(self.confidence - self.truth) * self.count).sum() / self.count.sum())


def reliability(confidence: Floats, truth: Floats, bins: int = BINS) -> Reliability:
    """Compute a reliability diagram with adaptive bins, each of which has the same number of pictures.

    K. Nguyen, B. O'Connor, *Posterior calibration and exploratory analysis for natural language processing models*,
    EMNLP 2015. Every picture counts once, also with a confidence of exactly 1.

    Parameters
    ----------
    confidence : (N,) between 0 and 1.
    truth : (N,) 1 for a right and 0 for a wrong answer, or a share of the votes.

    Examples
    --------
    >>> reliability(np.array([0.2, 0.4, 0.6, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]), bins=2).truth.tolist()
    [0.5, 1.0]
    """
    confidence = as_numbers(confidence, "reliability: confidence", within=(0, 1 + SLACK))
    truth = as_numbers(truth, "reliability: truth", rows=len(confidence), within=(0, 1 + SLACK))
    bins = as_classes(bins, "reliability: bins")
    parts = [part for part in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(part)]
    means = [np.array([values[part].mean() for part in parts]) for values in (confidence, truth)]
    return Reliability(means[0], means[1], np.array([len(part) for part in parts], dtype=np.int64))


def plurality_reliability(probs: Floats, labels: Ints, bins: int = BINS) -> Reliability:
    """Compute the reliability diagram of (N, K) probabilities against (N,) labels: confidence and accuracy per bin.

    >>> diagram = plurality_reliability(np.array([[0.7, 0.3], [0.7, 0.3]]), np.array([0, 1]), bins=1)
    >>> round(diagram.error, 3)
    0.2
    """
    probs = as_shares(probs, "plurality_reliability: probs")
    labels = as_labels(labels, "plurality_reliability: labels", probs.shape[1], rows=len(probs))
    return reliability(probs.max(1), (probs.argmax(1) == labels).astype(float), bins)


def vote_reliability(probs: Floats, votes: Floats, bins: int = BINS) -> Reliability:
    """Compute the reliability diagram against votes: confidence and mean share of votes for the answer per bin.

    Parameters
    ----------
    probs : (N, K) probabilities. votes : (N, K) shares; rows add up to 1.

    Examples
    --------
    >>> votes = np.array([[0.7, 0.3], [0.5, 0.5]])
    >>> vote_reliability(votes, votes).error
    0.0
    """
    probs, votes = _checked(probs, votes, "vote_reliability", "votes")
    answers = probs.argmax(1)
    rows = np.arange(len(probs))
    return reliability(probs[rows, answers], votes[rows, answers], bins)


def temperature(probs: Floats, targets: Floats) -> float:
    """Fit the temperature T that minimises the cross-entropy of softmax(log p / T); see `tempered`.

    Parameters
    ----------
    probs : (N, K) probabilities of pictures that were not trained on.
    targets : (N, K) one-hot labels, or shares of votes, to calibrate against.

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, *On calibration of modern neural networks*, ICML 2017. The answer
    (argmax) never changes.

    Examples
    --------
    >>> sure = np.array([[0.99, 0.01]] * 4)
    >>> half = np.eye(2)[[0, 1, 0, 0]]
    >>> t = temperature(sure, half)
    >>> tempered(sure, t)[0].round(2).tolist()
    [0.75, 0.25]
    """
    probs, targets = _checked(probs, targets, "temperature", "targets")
    if not len(probs):
        return 1.0
    logits = np.log(np.maximum(probs, EPS))

    def loss(log_t: float) -> float:
        return -float((targets * log_softmax(logits / np.exp(log_t), axis=1)).sum(1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def tempered(probs: Floats, t: float) -> Floats:
    """Rescale (N, K) probabilities to p^(1/T), normalised: T > 1 lowers confidence, T < 1 raises it; zeros stay."""
    if not (isinstance(t, int | float | np.number) and 0 < t < np.inf):
        raise UsageError(f"temperature is {t}", place="tempered", remedy="give a number above 0; 1 changes nothing")
    shares = np.asarray(as_shares(probs, "tempered: probs"), np.float64)
    if t < LOW_TEMPERATURE:  # otherwise all powers of a row could underflow to 0
        shares = shares / shares.max(1, keepdims=True)
    powers = shares ** (1 / t)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _checked(probs: Floats, shares: Floats, place: str, name: str) -> tuple[Floats, Floats]:
    probs, shares = as_shares(probs, f"{place}: probs"), as_shares(shares, f"{place}: {name}")
    if probs.shape != shares.shape:
        cause = f"probs have shape {probs.shape}, {name} have shape {shares.shape}"
        raise AlignmentError(cause, place=place, remedy="give both one row per picture and one column per class")
    return probs, shares
