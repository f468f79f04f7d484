"""Which classes a patch corrects: named ones, all, or those that the classifier is weak in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.classifiers.contract import Batch, Classifier
from mien.errors import UsageError
from mien.metrics.intervals import wilson
from mien.types import Bools, Dataset, FeatureRequest, Floats, Ints

ALL, WEAK = WORDS = ("all", "weak")
"""In place of names: every class that there are pictures of; those whose recall is clearly below the median."""


def is_word(names: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether the names are one of WORDS, and no class has that name.

    >>> is_word(["weak"], ["anger", "fear"]), is_word(["all"], ["all", "none"])
    (True, False)
    """
    return len(names) == 1 and names[0] in WORDS and names[0] not in classes


def chosen_classes(
    names: Sequence[str], classifier: Classifier, pictures: Dataset, fit: Ints
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Indices of the target classes, and remarks on the choice.

    Classes are chosen on *fit*, so that a certificate on *calibrate* stays valid.

    Parameters
    ----------
    names : of classes, or one of WORDS. fit : rows of `pictures` to learn from.

    Raises
    ------
    UsageError : an unknown class, or no class is weak.
    """
    labelset, labels = pictures.labelset, pictures.labels[fit]
    if not is_word(names, labelset.names):
        return tuple(labelset.index(name, place="--class") for name in dict.fromkeys(names)), ()
    present = np.bincount(labels, minlength=len(labelset)) > 0
    if names[0] == ALL:
        return tuple(np.flatnonzero(present).tolist()), ()
    answers = classifier.outputs(Batch.of(pictures, fit), FeatureRequest(vectors=())).predicted
    known = np.pad(classifier.card.known_mask, (0, len(labelset) - len(classifier.card.classes)))
    weak, recall, median = weak_classes(labels, answers, known)
    if not weak.any():
        cause = f"no class has a recall that is clearly below the median of all, {median:.2f}"
        raise UsageError(cause, place="--class weak", remedy="name classes, or give --class all")
    listed = ", ".join(f"{labelset.names[c]} ({recall[c]:.2f})" for c in np.flatnonzero(weak))
    remark = f"weak classes, by their recall on the pictures to learn from: {listed}; the median of all is {median:.2f}"
    return tuple(np.flatnonzero(weak).tolist()), (remark,)


def weak_classes(labels: Ints, answers: Ints, known: Bools) -> tuple[Bools, Floats, float]:
    """Classes whose recall is below the median beyond chance.

    Parameters
    ----------
    labels, answers : (N,) class indices. known : (K,) the classes that the classifier was trained on.

    Returns
    -------
    (K,) whether the upper end of the 95 % interval of its recall (E. B. Wilson, JASA 1927) is below the median recall
    of the known classes; (K,) recalls, NaN where there are no pictures; and that median.

    Examples
    --------
    >>> labels = np.repeat([0, 1, 2], 50)
    >>> answers = np.where((labels == 2) & (np.arange(150) % 2 == 0), 0, labels)
    >>> weak_classes(labels, answers, np.ones(3, bool))[0].tolist()
    [False, False, True]
    """
    totals = np.bincount(labels, minlength=len(known))
    hits = np.bincount(labels[labels == answers], minlength=len(known))
    with np.errstate(invalid="ignore"):
        recall = np.where(totals > 0, hits / np.maximum(totals, 1), np.nan)
    counted = known & (totals > 0)
    median = float(np.median(recall[counted])) if counted.any() else float("nan")
    _, high = wilson(hits, totals)
    return (totals > 0) & (np.nan_to_num(high, nan=1.0) < median), recall, median
