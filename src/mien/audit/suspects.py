"""What speaks against a label: several scores, higher is more suspicious, and their mean.

A class whose labels are bad as a whole stands out in every raw score. So each is brought to one scale within its class,
and what is known of the class as a whole is added back once, in `Suspects.score`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from mien.errors import AlignmentError
from mien.types import Floats, Ints, Texts

NEIGHBOURS = 20
LEAST = 1e-9
FEW = 12
"""Pictures of a class below which no mixture is fitted to its scores."""


@dataclass(frozen=True)
class Suspects:
    """Of N labelled pictures.

    Attributes
    ----------
    signals : name → (N,) raw scores, higher is more suspicious.
    wrong : (N,) chance that the label is wrong, by the mixture of its class.
    suggested : (N,) the most probable other class.
    neighbours : (N, k) rows of the nearest pictures, nearest first; −1 where there are fewer.
    """

    signals: dict[str, Floats]
    wrong: Floats
    suggested: Ints
    neighbours: Ints


def suspects(
    labels: Ints, probs: Floats, margins: Floats, vectors: Floats, groups: Texts | None = None, k: int = NEIGHBOURS
) -> Suspects:
    """Training dynamics and neighbours, together.

    Parameters
    ----------
    labels : (N,) given labels.
    probs, margins : (N, K), (N,) of `Dynamics`, or of a classifier that did not train on the picture.
    vectors : (N, D) embeddings.
    groups : (N,) what travels together, such as copies: they are not their own neighbours.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.arange(200) % 2
    >>> labels = np.where(np.arange(200) < 10, 1 - truth, truth)
    >>> vectors = rng.normal(size=(200, 3)) + 4 * truth[:, None]
    >>> probs = np.where(np.eye(2)[truth] > 0, 0.8, 0.2)
    >>> margins = np.where(truth == labels, 1.0, -1.0) + 0.1 * rng.normal(size=200)
    >>> found = suspects(labels, probs, margins, vectors)
    >>> sorted(np.argsort(-found.wrong)[:10].tolist()) == list(range(10))
    True
    """
    if not len(labels) == len(probs) == len(margins) == len(vectors):
        raise AlignmentError("labels, probs, margins and vectors differ in length", place="suspects")
    near, votes = neighbour_votes(labels, vectors, probs.shape[1], groups, k)
    rows = np.arange(len(labels))
    signals = {
        "margin": -np.asarray(margins, np.float64),
        "self-confidence": -np.log(np.maximum(probs[rows, labels], LEAST)),
        "neighbours": 1 - votes[rows, labels],
    }
    together = np.mean([within_class(signals[name], labels) for name in ("margin", "neighbours")], axis=0)
    level = 1 - probs[rows, labels]
    rate = np.array([level[labels == label].mean() if (labels == label).any() else 0.0 for label in range(probs.shape[1])])
    wrong = expit(together + np.log(np.maximum(rate, LEAST) / np.maximum(1 - rate, LEAST))[labels])
    others = (probs + votes) / 2
    others[rows, labels] = -1
    return Suspects(signals, wrong, others.argmax(1), near)


def neighbour_votes(
    labels: Ints, vectors: Floats, classes: int, groups: Texts | None = None, k: int = NEIGHBOURS
) -> tuple[Ints, Floats]:
    """(N, k) rows of the nearest pictures by cosine, and (N, K) shares of their labels; even without neighbours."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.asarray(vectors / np.maximum(lengths, LEAST), np.float32)
    names = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    most = int(np.bincount(names).max()) if len(names) else 0
    wanted = min(len(labels), k + most)
    found = NearestNeighbors(n_neighbors=wanted, algorithm="brute").fit(unit).kneighbors(unit, return_distance=False)
    near = np.full((len(labels), k), -1)
    votes = np.zeros((len(labels), classes))
    for row, candidates in enumerate(found):
        own = candidates[names[candidates] != names[row]][:k]
        near[row, : len(own)] = own
        votes[row] = np.bincount(labels[own], minlength=classes)
    totals = votes.sum(1, keepdims=True)
    return near, np.divide(votes, totals, out=np.full(votes.shape, 1 / classes), where=totals > 0)


def within_class(score: Floats, labels: Ints) -> Floats:
    """(N,) standard deviations above the mean of the pictures with the same label.

    >>> within_class(np.array([1.0, 3.0, 10.0, 30.0]), np.array([0, 0, 1, 1])).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    found = np.zeros(len(score))
    for label in np.unique(labels):
        own = labels == label
        found[own] = (score[own] - score[own].mean()) / max(score[own].std(), LEAST)
    return found


def mixture(score: Floats, labels: Ints) -> Floats:
    """(N,) chance of the higher of two normal components, fitted to the scores of each class.

    Notes
    -----
    As two components of the loss: E. Arazo et al., *Unsupervised label noise modeling and loss correction*, ICML 2019;
    a mixture for each class: *IntraClass-divide*, IEEE TBIOM 2025.
    """
    found = np.zeros(len(score))
    for label in np.unique(labels):
        own = labels == label
        values = score[own, None]
        if len(values) < FEW or np.ptp(values) < LEAST:
            continue
        model = GaussianMixture(2, random_state=0, reg_covar=1e-4).fit(values)
        found[own] = model.predict_proba(values)[:, int(model.means_.argmax())]
    return found
