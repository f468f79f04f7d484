"""Does a confidence mean what it says? Kept apart: against one label a picture, and against annotators' votes.

A classifier that repeats the votes exactly is sure of .77 on average, and yet has nearly every plurality right: against
the plurality it looks badly calibrated, and is not. So say which of the two is meant.
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
LEAST = 1e-12
COLD = 0.04
"""A temperature below that which `temperature` may give."""


@dataclass(frozen=True)
class Reliability:
    """Confidence beside truth in bins of equal numbers of pictures, least sure first.

    Attributes
    ----------
    confidence : (B,) mean confidence. truth : (B,) share that is right, or of the votes. count : (B,) pictures.
    """

    confidence: Floats
    truth: Floats
    count: Ints

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the two, weighted by pictures; NaN without any."""
        if not self.count.sum():
            return float("nan")
        return float((np.abs(self.confidence - self.truth) * self.count).sum() / self.count.sum())


def reliability(confidence: Floats, truth: Floats, bins: int = BINS) -> Reliability:
    """Bins of equal numbers (Nguyen & O'Connor, EMNLP 2015): every picture counts once, also one of confidence 1.

    Parameters
    ----------
    confidence : (N,) between 0 and 1.
    truth : (N,) 1 for right and 0 for wrong, or a share of the votes.

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
    """Confidence in the answer beside how often it is the label.

    >>> found = plurality_reliability(np.array([[0.7, 0.3], [0.7, 0.3]]), np.array([0, 1]), bins=1)
    >>> round(found.error, 3)
    0.2
    """
    probs = as_shares(probs, "plurality_reliability: probs")
    labels = as_labels(labels, "plurality_reliability: labels", probs.shape[1], rows=len(probs))
    return reliability(probs.max(1), (probs.argmax(1) == labels).astype(float), bins)


def vote_reliability(probs: Floats, votes: Floats, bins: int = BINS) -> Reliability:
    """Confidence in the answer beside the share of the votes that it has.

    Parameters
    ----------
    probs : (N, K). votes : (N, K) shares, rows add up to 1.

    Examples
    --------
    >>> votes = np.array([[0.7, 0.3], [0.5, 0.5]])
    >>> vote_reliability(votes, votes).error
    0.0
    """
    probs, votes = _both(probs, votes, "vote_reliability", "votes")
    answers = probs.argmax(1)
    rows = np.arange(len(probs))
    return reliability(probs[rows, answers], votes[rows, answers], bins)


def temperature(probs: Floats, targets: Floats) -> float:
    """T with the least cross-entropy of softmax(log p / T) on pictures that were not trained on.

    Parameters
    ----------
    probs : (N, K). targets : (N, K) one-hot labels or shares of votes: what it is to be calibrated against.

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, *On calibration of modern neural networks*, ICML 2017. It never changes
    an answer.

    Examples
    --------
    >>> sure = np.array([[0.99, 0.01]] * 4)
    >>> half = np.eye(2)[[0, 1, 0, 0]]
    >>> t = temperature(sure, half)
    >>> tempered(sure, t)[0].round(2).tolist()
    [0.75, 0.25]
    """
    probs, targets = _both(probs, targets, "temperature", "targets")
    if not len(probs):
        return 1.0
    logits = np.log(np.maximum(probs, LEAST))

    def loss(log_t: float) -> float:
        return -float((targets * log_softmax(logits / np.exp(log_t), axis=1)).sum(1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def tempered(probs: Floats, t: float) -> Floats:
    """(N, K) probabilities at temperature T: above 1 less sure, below 1 surer; what has probability 0 keeps it."""
    if not (isinstance(t, int | float | np.number) and 0 < t < np.inf):
        raise UsageError(f"the temperature is {t}", place="tempered", remedy="give a number above 0; 1 changes nothing")
    shares = np.asarray(as_shares(probs, "tempered: probs"), np.float64)
    if t < COLD:  # powers of all would be 0
        shares = shares / shares.max(1, keepdims=True)
    powers = shares ** (1 / t)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _both(probs: Floats, shares: Floats, place: str, name: str) -> tuple[Floats, Floats]:
    probs, shares = as_shares(probs, f"{place}: probs"), as_shares(shares, f"{place}: {name}")
    if probs.shape != shares.shape:
        cause = f"probs are {probs.shape}, {name} {shares.shape}"
        raise AlignmentError(cause, place=place, remedy="give a row a picture and a column a class in both")
    return probs, shares
