"""Detect suspect labels from two estimates of each picture's class that its own label hardly influences.

The first estimate is the mean output of the classifier over the epochs of training (`Dynamics`), since wrong labels are
learnt last; the second is the label shares of the nearest pictures. Their mean is the belief; a label is suspect where
another class has a higher belief.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from mien.metrics.calibration import temperature, tempered
from mien.types import Floats, Ints, Texts, as_classes, as_groups, as_labels, as_numbers, as_shares

NEIGHBOURS = 60
EPS = 1e-9


@dataclass(frozen=True)
class Suspects:
    """Beliefs, scores and suggested labels of N labelled pictures.

    Attributes
    ----------
    labels : (N,) given labels.
    belief : (N, K) estimated probability of each class.
    neighbours : (N, k) rows of the nearest pictures, nearest first; −1 where there are fewer.
    """

    labels: Ints
    belief: Floats
    neighbours: Ints

    @property
    def score(self) -> Floats:
        """(N,) belief in the most likely other class minus belief in the given one, from −1 to 1; suspect above 0."""
        rows = np.arange(len(self.labels))
        return np.asarray(self.belief[rows, self.other] - self.belief[rows, self.labels])

    @property
    def suggested(self) -> Ints:
        """(N,) suggested labels: the most likely other class where the score is above 0, else the given label."""
        return np.where(self.score > 0, self.other, self.labels)

    @property
    def other(self) -> Ints:
        """(N,) most likely class other than the given one."""
        others = self.belief.copy()
        others[np.arange(len(others)), self.labels] = -1
        return np.asarray(others.argmax(1))


def suspects(labels: Ints, probs: Floats, vectors: Floats, groups: Texts | None = None) -> Suspects:
    """Estimate the probability of each class for every picture, and compare it with the given labels.

    Parameters
    ----------
    labels : (N,) given labels.
    probs : (N, K) mean probabilities of `Dynamics`, or of a classifier that was not trained on the picture.
    vectors : (N, D) embeddings.
    groups : (N,) group of each picture, such as its copies; pictures of a group are not neighbours of each other.

    Notes
    -----
    In-sample probabilities averaged over epochs do best in the benchmark of arXiv:2510.16211 (2025); the neighbours are
    those of Z. Zhu, Z. Dong, Y. Liu, *Detecting corrupted labels without training a model to predict*, ICML 2022. Both
    have the same weight. The temperature of their mean is fitted to the given labels; no verified labels are used.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.arange(200) % 2
    >>> labels = np.where(np.arange(200) < 10, 1 - truth, truth)
    >>> probs, vectors = np.where(np.eye(2)[truth] > 0, 0.8, 0.2), rng.normal(size=(200, 3)) + 4 * truth[:, None]
    >>> result = suspects(labels, probs, vectors)
    >>> sorted(np.argsort(-result.score)[:10].tolist()) == list(range(10))
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
    """(N, k) rows of the nearest pictures by angle, and (N, K) shares of their labels, equal without neighbours.

    Parameters
    ----------
    labels : (N,) given labels. vectors : (N, D) embeddings. classes : K.
    groups : (N,) pictures of the same group are not neighbours; None: every picture is a group.
    """
    labels = as_labels(labels, "neighbour_votes: labels", as_classes(classes, "neighbour_votes: classes"))
    vectors = as_numbers(vectors, "neighbour_votes: vectors", ndim=2, rows=len(labels))
    groups = None if groups is None else as_groups(groups, "neighbour_votes: groups", len(labels))
    if not len(labels):
        return np.full((0, k), -1), np.empty((0, classes))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.asarray(vectors / np.maximum(lengths, EPS), np.float32)
    group = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = min(len(labels), k + int(np.bincount(group).max()))
    nearest = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(unit).kneighbors(unit, return_distance=False)
    others = group[nearest] != group[:, None]
    order = np.argsort(~others, axis=1, kind="stable")[:, :k]  # pictures of other groups first, nearest first
    near, usable = np.take_along_axis(nearest, order, 1), np.take_along_axis(others, order, 1)
    near = np.pad(np.where(usable, near, -1), ((0, 0), (0, k - near.shape[1])), constant_values=-1)
    votes = np.zeros((len(labels), classes))
    np.add.at(votes, (np.nonzero(near >= 0)[0], labels[near[near >= 0]]), 1)
    totals = votes.sum(1, keepdims=True)
    return near, np.divide(votes, totals, out=np.full(votes.shape, 1 / classes), where=totals > 0)
