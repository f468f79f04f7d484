"""Several reviewers, some better than others: one label for each picture that they looked at."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from mien.data.reviews import Review
from mien.errors import MissingExtraError, UsageError
from mien.types import NO_LABEL, Dataset, Floats, Ints

FEWEST = 2
"""Reviewers of the same pictures, without whom there is nothing to weigh."""


def crowdlab(reviews: Iterable[Review], data: Dataset, belief: Floats) -> tuple[Ints, Mapping[str, float]]:
    """What the reviewers, weighed by how far they agree with others and with the classifier, say of each picture.

    Parameters
    ----------
    reviews : of pictures of `data`, see :func:`mien.data.reviews.labels_of`.
    belief : (N, K) chance of each class, of an audit that knew no review.

    Returns
    -------
    (N,) classes, −1 without a review; and reviewer → quality from 0 to 1.

    Raises
    ------
    UsageError : no picture has two reviewers. MissingExtraError : cleanlab is not installed.

    Notes
    -----
    H. W. Goh, U. Tkachenko, J. Mueller, *CROWDLAB: Supervised learning to infer consensus labels and quality scores for
    data with multiple annotators* (2022), by cleanlab. Classes that nobody named and that have no label take no part.
    """
    last: dict[tuple[str, str], str | None] = {(one.who, one.id): one.label for one in reviews}
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    people = sorted({who for (who, _), label in last.items() if label})
    said = np.full((len(data), len(people)), np.nan)
    for (who, name), label in last.items():
        if label and name in rows:
            said[rows[name], people.index(who)] = data.labelset.index(label)
    looked = np.flatnonzero((~np.isnan(said)).any(1))
    if not ((~np.isnan(said)).sum(1) >= FEWEST).any():
        cause = f"no picture was reviewed by {FEWEST} people"
        raise UsageError(cause, place="--merge crowdlab", remedy="leave it out: there is nothing to weigh")
    try:
        from cleanlab.multiannotator import get_label_quality_multiannotator
    except ImportError:
        raise MissingExtraError.for_package("cleanlab", "crowd") from None
    used = np.unique(np.concatenate([said[looked][~np.isnan(said[looked])].astype(int), np.unique(data.labels)]))
    own = np.where(np.isnan(said[looked]), np.nan, np.searchsorted(used, np.nan_to_num(said[looked])))
    probs = belief[looked][:, used] / belief[looked][:, used].sum(1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some reviewer shares no picture with another
        found = get_label_quality_multiannotator(own, probs, return_detailed_quality=False, verbose=False)
    labels = np.full(len(data), NO_LABEL)
    labels[looked] = used[found["label_quality"]["consensus_label"].to_numpy(int)]
    quality = found["annotator_stats"]["annotator_quality"]
    return labels, {people[int(number)]: float(value) for number, value in quality.items()}
