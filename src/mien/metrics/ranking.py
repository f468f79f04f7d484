"""Measures of a score over all thresholds (ROC AUC, Gain at a given Harm). They evaluate and select no threshold.

A picture is overridden when its score is greater than the threshold, so tied pictures are all overridden or all kept.
`is_new` marks the pictures of the left-out class, `counts_for_harm` the pictures of other classes that f has right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import UsageError
from mien.types import Bools, Floats, as_labels, as_mask, as_numbers, as_shares

MIN_PICTURES = 5
"""Fewest pictures in the denominator of a ratio; with fewer it is NaN."""


def auroc(score: Floats, positive: Bools) -> float:
    """Area under the ROC curve, the probability that a positive outranks a negative, ties counted half.

    NaN where there are no positives or no negatives.

    >>> auroc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    return partial_auroc(score, positive, 1.0)


def partial_auroc(score: Floats, positive: Bools, max_fpr: float = 0.05) -> float:
    """Area under the ROC curve up to `max_fpr`, standardised: 0.5 for chance, 1 for a perfect ranking.

    D. K. McClish, *Analyzing a portion of the ROC curve*, Medical Decision Making 1989. NaN where there are no
    positives or no negatives.
    """
    score, positive = _scored(score, positive, "auroc", "positive")
    if not (isinstance(max_fpr, int | float | np.number) and 0 < max_fpr <= 1):
        raise UsageError(f"max_fpr is {max_fpr}", place="partial_auroc", remedy="give a share above 0, e.g. 0.05")
    if positive.all() or not positive.any():
        return float("nan")
    from sklearn.metrics import roc_auc_score  # takes a second to load, which training need not wait for

    return float(roc_auc_score(positive, score, max_fpr=max_fpr))


def gain_curve(score: Floats, is_new: Bools, counts_for_harm: Bools, harms: ArrayLike) -> Floats:
    """Gain at each allowed Harm: the share of new pictures that is overridden.

    The threshold for Harm h is the lowest at which at most a share h of the pictures in `counts_for_harm` is
    overridden; scores equal to the threshold are not overridden, so Harm is never above h.

    Parameters
    ----------
    score : (N,) score of the left-out class.
    is_new : (N,) bool, pictures of the left-out class.
    counts_for_harm : (N,) bool, pictures of other classes that f has right.
    harms : allowed Harm over all classes together, between 0 and 1.

    Returns
    -------
    (len(harms),) Gain; NaN where `is_new` or `counts_for_harm` marks no picture.

    Examples
    --------
    >>> score = np.array([5.0, 3.0, 1.0, 4.0, 2.0, 0.0])
    >>> new = np.array([True, True, True, False, False, False])
    >>> gain_curve(score, new, ~new, [0, 1 / 3, 1])
    array([0.33333333, 0.66666667, 1.        ])
    """
    score, counts_for_harm = _scored(score, counts_for_harm, "gain_curve", "counts_for_harm")
    is_new = as_mask(is_new, "gain_curve: is_new", len(score))
    shares = np.atleast_1d(as_numbers(harms, "gain_curve: harms", ndim=None, within=(0, 1)).astype(float))
    new, known = np.sort(score[is_new]), np.sort(score[counts_for_harm])
    if not len(new) or not len(known):
        return np.full(shares.shape, np.nan)
    return np.asarray(1 - np.searchsorted(new, _thresholds(known, shares), side="right") / len(new))


def overridden_at_harm(score: Floats, counts_for_harm: Bools, harm: float) -> Bools:
    """(N,) mask of the pictures that are overridden at an allowed Harm; see `gain_curve`.

    No picture is overridden where `counts_for_harm` marks none.

    >>> overridden_at_harm(np.array([3.0, 2.0, 1.0]), np.array([False, True, True]), 0.5)
    array([ True,  True, False])
    """
    score, counts_for_harm = _scored(score, counts_for_harm, "overridden_at_harm", "counts_for_harm")
    harm = float(as_numbers(harm, "overridden_at_harm: harm", ndim=0, within=(0, 1)))
    threshold = _thresholds(np.sort(score[counts_for_harm]), np.array([harm]))[0]
    above: Bools = score > (threshold if counts_for_harm.any() else np.inf)
    return above


def _thresholds(known: Floats, shares: Floats) -> Floats:
    """Lowest threshold that keeps each share of Harm; `known` are the sorted scores that count for Harm."""
    allowed = np.floor(shares * len(known) + 1e-9).astype(int)  # 0.02 · 50 must be 1 despite rounding
    thresholds: Floats = np.concatenate([[-np.inf], known])[len(known) - np.clip(allowed, 0, len(known))]
    return thresholds


def gain_at_harm(score: Floats, is_new: Bools, counts_for_harm: Bools, harm: float) -> float:
    """Gain at one allowed Harm; see `gain_curve`."""
    return float(gain_curve(score, is_new, counts_for_harm, [harm])[0])


def restored_at_equal_harm(
    score: Floats, score_network: Floats, is_new: Bools, counts_for_harm: Bools, harm: float
) -> float:
    """P at equal Harm: Gain of a corrector over Gain of a network trained on all classes, both overriding the same f.

    Both have the same allowed Harm; 1 means that correction is as good as retraining. The network's score is
    `override_score`. NaN where the network recovers fewer than five pictures.
    """
    network = gain_at_harm(score_network, is_new, counts_for_harm, harm)
    if not network * as_mask(is_new, "restored_at_equal_harm: is_new").sum() > MIN_PICTURES - 0.5:
        return float("nan")
    return gain_at_harm(score, is_new, counts_for_harm, harm) / network


def override_score(probs: Floats, i: int) -> Floats:
    """(N,) log-odds of class i, log p_i − log(1 − p_i), from (N, K) probabilities of a network.

    1 − p_i is summed from the other classes, so that confident answers do not tie at p_i = 1.

    >>> override_score(np.array([[0.5, 0.5], [0.0, 1.0]]), 1)
    array([  0.        , 708.39641853])
    """
    tiny = np.finfo(np.float64).tiny
    p = np.asarray(as_shares(probs, "override_score: probs"), dtype=np.float64)
    as_labels([i], "override_score: i", p.shape[1])
    others = np.delete(p, i, axis=1).sum(1)
    return np.asarray(np.log(np.maximum(p[:, i], tiny)) - np.log(np.maximum(others, tiny)))


def _scored(score: Floats, mask: Bools, place: str, name: str) -> tuple[Floats, Bools]:
    """Check that scores are finite, and that a mask has their length."""
    score = as_numbers(score, f"{place}: score")
    return score, as_mask(mask, f"{place}: {name}", len(score))
