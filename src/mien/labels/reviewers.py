"""Several reviewers, some better than others: one label for each picture that they looked at."""

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

FEWEST = 2
"""Reviewers of the same pictures, without whom there is nothing to weigh."""
REMEDY = "leave it out: there is too little to weigh"


def crowdlab(reviews: Iterable[Review], data: Dataset, belief: Floats) -> tuple[Ints, Mapping[str, float]]:
    """What the reviewers, weighed by how far they agree with others and with the classifier, say of each picture.

    Parameters
    ----------
    reviews : of pictures of `data`, see :func:`mien.data.reviews.labels_of`.
    belief : (N, K) chance of each class, of an audit that knew no review.

    Returns
    -------
    (N,) classes, −1 without a review; and reviewer → quality from 0 to 1, of those who share a picture with another.

    Raises
    ------
    UsageError : the reviews cannot be weighed. MissingExtraError : cleanlab is not installed.

    Notes
    -----
    H. W. Goh, U. Tkachenko, J. Mueller, *CROWDLAB: Supervised learning to infer consensus labels and quality scores for
    data with multiple annotators* (2022), by cleanlab. Classes that nobody named and that have no label take no part.
    """
    reviews = list(reviews)
    check_reviewers(reviews)
    last = _last(reviews)
    belief = as_shares(belief, "crowdlab: belief", len(data.labelset))
    check_length(belief, len(data), "crowdlab: belief")
    rows = {name: row for row, name in enumerate(data.ids.tolist())}
    people = sorted({who for (who, _), label in last.items() if label})
    said = np.full((len(data), len(people)), np.nan)
    for (who, name), label in last.items():
        if label and name in rows:
            said[rows[name], people.index(who)] = data.labelset.index(label)
    looked = np.flatnonzero((~np.isnan(said)).any(1))
    annotate = _cleanlab()
    used = np.unique(np.concatenate([said[looked][~np.isnan(said[looked])].astype(int), np.unique(data.labels)]))
    own = np.where(np.isnan(said[looked]), np.nan, np.searchsorted(used, np.nan_to_num(said[looked])))
    probs = belief[looked][:, used] / belief[looked][:, used].sum(1, keepdims=True)
    drawn = np.random.get_state()
    np.random.seed(0)  # cleanlab breaks the last ties by it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some reviewer shares no picture with another
            found = annotate(own, probs, return_detailed_quality=False, verbose=False)
    except ValueError as error:
        raise UsageError(f"cannot be weighed: {error}", place="--merge crowdlab", remedy=REMEDY) from None
    finally:
        np.random.set_state(drawn)
    labels = np.full(len(data), NO_LABEL)
    labels[looked] = used[found["label_quality"]["consensus_label"].to_numpy(int)]
    quality = found["annotator_stats"]["annotator_quality"]
    return labels, {people[int(number)]: float(value) for number, value in quality.items() if np.isfinite(value)}


@dataclass(frozen=True)
class Reviewer:
    """One reviewer beside the others.

    Attributes
    ----------
    who : the name. pictures : given a class.
    shared : those of them that another has given one as well.
    agreement : share of the other words on these that are the same; NaN without any.
    quality : from 0 to 1 as `crowdlab` weighs, NaN where it did not.
    """

    who: str
    pictures: int
    shared: int
    agreement: float
    quality: float


def reviewers(reviews: Iterable[Review], quality: Mapping[str, float]) -> list[Reviewer]:
    """All who gave a picture a class, the busiest first.

    Examples
    --------
    >>> said = [Review("1", "fear", "a"), Review("1", "fear", "b"), Review("1", "anger", "c"), Review("2", "fear", "a")]
    >>> [(one.who, one.pictures, one.agreement) for one in reviewers(said, {})]
    [('a', 2, 0.5), ('b', 1, 0.5), ('c', 1, 0.0)]
    """
    words = {key: label for key, label in _last(reviews).items() if label}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, name), label in words.items():
        votes[name][label] += 1
    found = []
    for who in dict.fromkeys(who for who, _ in words):
        own = {name: label for (person, name), label in words.items() if person == who}
        others = {name: votes[name].total() - 1 for name in own}
        same = sum(votes[name][label] - 1 for name, label in own.items())
        agreement = same / sum(others.values()) if any(others.values()) else math.nan
        found.append(Reviewer(who, len(own), sum(map(bool, others.values())), agreement, quality.get(who, math.nan)))
    return sorted(found, key=lambda one: -one.pictures)


def check_reviewers(reviews: Iterable[Review]) -> None:
    """UsageError unless some picture has two reviewers; MissingExtraError without cleanlab."""
    people = Counter(name for (_, name), label in _last(reviews).items() if label)
    if max(people.values(), default=0) < FEWEST:
        raise UsageError(f"no picture was reviewed by {FEWEST} people", place="--merge crowdlab", remedy=REMEDY)
    _cleanlab()


def _last(reviews: Iterable[Review]) -> dict[tuple[str, str], str | None]:
    """(reviewer, picture) → the last word."""
    return {(one.who, one.id): one.label for one in reviews}


def _cleanlab() -> Callable[..., Any]:
    annotate: Callable[..., Any] = import_optional(
        "cleanlab.multiannotator", "cleanlab", "crowd"
    ).get_label_quality_multiannotator
    return annotate
