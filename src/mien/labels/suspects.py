"""What speaks against a label: two opinions of each picture that its own label hardly sways, and their mean.

One is what the classifier said of it over the epochs of training (`Dynamics`): a wrong label is learnt last. The other
are the labels of its nearest pictures. Both are chances of each class, so they are averaged, and a label is as
suspicious as another class is more likely than it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from mien.metrics.calibration import temperature, tempered
from mien.types import Floats, Ints, Texts, as_classes, as_groups, as_labels, as_numbers, as_shares

NEIGHBOURS = 60
LEAST = 1e-9


@dataclass(frozen=True)
class Suspects:
    """Of N labelled pictures.

    Attributes
    ----------
    labels : (N,) as given.
    belief : (N, K) chance of each class, by both opinions.
    neighbours : (N, k) rows of the nearest pictures, nearest first; −1 where there are fewer.
    """

    labels: Ints
    belief: Floats
    neighbours: Ints

    @property
    def score(self) -> Floats:
        """(N,) chance of the most likely other class less that of the given one: above 0 another is more likely."""
        rows = np.arange(len(self.labels))
        return np.asarray(self.belief[rows, self.other] - self.belief[rows, self.labels])

    @property
    def suggested(self) -> Ints:
        """(N,) the label to write: the given one, unless another class is more likely."""
        return np.where(self.score > 0, self.other, self.labels)

    @property
    def other(self) -> Ints:
        """(N,) the most likely other class."""
        others = self.belief.copy()
        others[np.arange(len(others)), self.labels] = -1
        found: Ints = others.argmax(1)
        return found


def suspects(labels: Ints, probs: Floats, vectors: Floats, groups: Texts | None = None) -> Suspects:
    """Both opinions of every picture.

    Parameters
    ----------
    labels : (N,) as given.
    probs : (N, K) of `Dynamics`, or of a classifier that was not trained on the picture.
    vectors : (N, D) embeddings.
    groups : (N,) what travels together, such as copies: they have no say on each other.

    Notes
    -----
    In-sample answers averaged over the epochs do best in the benchmark of arXiv:2510.16211 (2025); the neighbours are
    those of Z. Zhu, Z. Dong, Y. Liu, *Detecting corrupted labels without training a model to predict*, ICML 2022. Both
    have the same weight; the mean is made as sure as it agrees with the labels as given (temperature). Nothing here is
    fitted to labels that are known to be right.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.arange(200) % 2
    >>> labels = np.where(np.arange(200) < 10, 1 - truth, truth)
    >>> probs, vectors = np.where(np.eye(2)[truth] > 0, 0.8, 0.2), rng.normal(size=(200, 3)) + 4 * truth[:, None]
    >>> found = suspects(labels, probs, vectors)
    >>> sorted(np.argsort(-found.score)[:10].tolist()) == list(range(10))
    True
    """
    probs = as_shares(probs, "suspects: probs")
    labels = as_labels(labels, "suspects: labels", probs.shape[1], rows=len(probs))
    near, votes = neighbour_votes(labels, vectors, probs.shape[1], groups)
    belief = (np.asarray(probs, np.float64) + votes) / 2
    return Suspects(labels, tempered(belief, temperature(belief, np.eye(probs.shape[1])[labels])), near)


def neighbour_votes(
    labels: Ints, vectors: Floats, classes: int, groups: Texts | None = None, k: int = NEIGHBOURS
) -> tuple[Ints, Floats]:
    """Rows (N, k) of the nearest pictures by angle, and (N, K) shares of their labels, all equal without neighbours.

    Parameters
    ----------
    vectors : (N, D). groups : (N,), those with the same one are no neighbours.
    """
    labels = as_labels(labels, "neighbour_votes: labels", as_classes(classes, "neighbour_votes: classes"))
    vectors = as_numbers(vectors, "neighbour_votes: vectors", ndim=2, rows=len(labels))
    groups = None if groups is None else as_groups(groups, "neighbour_votes: groups", len(labels))
    if not len(labels):
        return np.full((0, k), -1), np.empty((0, classes))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.asarray(vectors / np.maximum(lengths, LEAST), np.float32)
    names = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    largest = int(np.bincount(names).max()) if len(names) else 0
    count = min(len(labels), k + largest)
    found = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(unit).kneighbors(unit, return_distance=False)
    others = names[found] != names[:, None]
    order = np.argsort(~others, axis=1, kind="stable")[:, :k]  # those of other groups first, nearest first
    near, usable = np.take_along_axis(found, order, 1), np.take_along_axis(others, order, 1)
    near = np.pad(np.where(usable, near, -1), ((0, 0), (0, k - near.shape[1])), constant_values=-1)
    votes = np.zeros((len(labels), classes))
    np.add.at(votes, (np.nonzero(near >= 0)[0], labels[near[near >= 0]]), 1)
    totals = votes.sum(1, keepdims=True)
    return near, np.divide(votes, totals, out=np.full(votes.shape, 1 / classes), where=totals > 0)
