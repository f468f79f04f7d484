"""Merge the labels of several reviewers, weighted by estimates of their quality, and compare reviewers."""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.data.reviews import Review
from mien.errors import UsageError
from mien.outside import import_optional
from mien.types import NO_LABEL, Dataset, Floats, Ints, as_shares
from mien.types.containers import check_length

MIN_REVIEWERS = 2
"""Fewest reviewers of a picture from which weights can be estimated."""
REMEDY = "leave out --merge crowdlab: there are too few reviews to weight reviewers"


def crowdlab(reviews: Iterable[Review], data: Dataset, belief: Floats) -> tuple[Ints, Mapping[str, float]]:
    """Merge reviews by weighting reviewers by their agreement with each other and with the classifier.

    Parameters
    ----------
    reviews : reviews of pictures of `data`, see :func:`mien.data.reviewed.labels_of`.
    data : N pictures.
    belief : (N, K) estimated probability of each class, from an audit without reviews.

    Returns
    -------
    labels : (N,) classes, −1 without a review.
    quality : reviewer → quality from 0 to 1, for reviewers who share a picture with another.

    Raises
    ------
    UsageError : weights cannot be estimated from these reviews. MissingExtraError : cleanlab is not installed.

    Notes
    -----
    H. W. Goh, U. Tkachenko, J. Mueller, *CROWDLAB: Supervised learning to infer consensus labels and quality scores for
    data with multiple annotators* (2022), by cleanlab. Classes without a label or a review are left out.
    """
    reviews = list(reviews)
    check_reviewers(reviews)
    last = _last_labels(reviews)
    belief = as_shares(belief, "crowdlab: belief", len(data.labelset))
    check_length(belief, len(data), "crowdlab: belief")
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    people = sorted({who for (who, _), label in last.items() if label})
    given = np.full((len(data), len(people)), np.nan)
    for (who, name), label in last.items():
        if label and name in rows:
            given[rows[name], people.index(who)] = data.labelset.index(label)
    reviewed = np.flatnonzero((~np.isnan(given)).any(1))
    given = given[reviewed]
    merge = _cleanlab()
    classes = np.unique(np.concatenate([given[~np.isnan(given)].astype(int), np.unique(data.labels)]))
    given = np.where(np.isnan(given), np.nan, np.searchsorted(classes, np.nan_to_num(given)))
    probs = belief[reviewed][:, classes] / belief[reviewed][:, classes].sum(1, keepdims=True)
    state = np.random.get_state()
    np.random.seed(0)  # cleanlab breaks ties with NumPy's global generator
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some reviewers may share no picture with another
            merged = merge(given, probs, return_detailed_quality=False, verbose=False)
    except ValueError as error:
        cause = f"cannot estimate weights of reviewers: {error}"
        raise UsageError(cause, place="--merge crowdlab", remedy=REMEDY) from None
    finally:
        np.random.set_state(state)
    labels = np.full(len(data), NO_LABEL)
    labels[reviewed] = classes[merged["label_quality"]["consensus_label"].to_numpy(int)]
    quality = merged["annotator_stats"]["annotator_quality"]
    return labels, {people[int(number)]: float(value) for number, value in quality.items() if np.isfinite(value)}


@dataclass(frozen=True)
class Reviewer:
    """Counts, agreement and quality of a reviewer.

    Attributes
    ----------
    who : name of the reviewer.
    pictures : number of pictures that the reviewer gave a class.
    shared : number of those that another reviewer gave a class too.
    agreement : share of the other reviewers' labels of these pictures that are the same; NaN without any.
    quality : weight from 0 to 1 by `crowdlab`; NaN where it was not used.
    """

    who: str
    pictures: int
    shared: int
    agreement: float
    quality: float


def reviewers(reviews: Iterable[Review], quality: Mapping[str, float]) -> list[Reviewer]:
    """List all reviewers who gave a picture a class, by descending number of pictures.

    Examples
    --------
    >>> log = [Review("1", "fear", "a"), Review("1", "fear", "b"), Review("1", "anger", "c"), Review("2", "fear", "a")]
    >>> [(reviewer.who, reviewer.pictures, reviewer.agreement) for reviewer in reviewers(log, {})]
    [('a', 2, 0.5), ('b', 1, 0.5), ('c', 1, 0.0)]
    """
    labels = {key: label for key, label in _last_labels(reviews).items() if label}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, name), label in labels.items():
        votes[name][label] += 1
    rows = []
    for who in dict.fromkeys(who for who, _ in labels):
        given = {name: label for (person, name), label in labels.items() if person == who}
        others = {name: votes[name].total() - 1 for name in given}
        same = sum(votes[name][label] - 1 for name, label in given.items())
        agreement = same / sum(others.values()) if any(others.values()) else math.nan
        rows.append(Reviewer(who, len(given), sum(map(bool, others.values())), agreement, quality.get(who, math.nan)))
    return sorted(rows, key=lambda reviewer: -reviewer.pictures)


def check_reviewers(reviews: Iterable[Review]) -> None:
    """Raise UsageError unless a picture has two reviewers, and MissingExtraError if cleanlab is not installed."""
    people = Counter(name for (_, name), label in _last_labels(reviews).items() if label)
    if max(people.values(), default=0) < MIN_REVIEWERS:
        raise UsageError(f"no picture was reviewed by {MIN_REVIEWERS} people", place="--merge crowdlab", remedy=REMEDY)
    _cleanlab()


def _last_labels(reviews: Iterable[Review]) -> dict[tuple[str, str], str | None]:
    """(reviewer, picture) → label of the last review."""
    return {(review.who, review.id): review.label for review in reviews}


def _cleanlab() -> Callable[..., Any]:
    module = import_optional("cleanlab.multiannotator", "cleanlab", "crowd")
    merge: Callable[..., Any] = module.get_label_quality_multiannotator
    return merge
