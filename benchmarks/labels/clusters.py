"""The unsupervised idea: put pictures that look alike into clusters, and let each cluster agree on a class."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from mien.types import Floats, Ints, Texts, as_classes, as_groups, as_labels, as_numbers

SIZE = 40
"""Pictures a cluster, in the mean."""


def cluster_beliefs(labels: Ints, vectors: Floats, classes: int, groups: Texts, seed: int = 0) -> Floats:
    """(N, K) shares of the classes in each picture's cluster, without its own label and those of its copies.

    Parameters
    ----------
    labels : (N,) as given. vectors : (N, D), any embedding. groups : (N,) what travels together.

    Notes
    -----
    Mini-batch k-means (D. Sculley, WWW 2010) with 40 pictures a cluster in the mean; a picture that is alone in its
    cluster has all classes alike. Weaker than `mien.labels.suspects` on real faces:
    benchmarks/labels/run.py shows by how much.

    Examples
    --------
    >>> vectors = np.repeat([[0.0, 0.0], [9.0, 9.0]], 40, axis=0)
    >>> labels = np.repeat([0, 1], 40)
    >>> labels[0] = 1
    >>> cluster_beliefs(labels, vectors, 2, np.arange(80).astype(str))[0].tolist()
    [1.0, 0.0]
    """
    labels = as_labels(labels, "cluster_beliefs: labels", as_classes(classes, "cluster_beliefs: classes"))
    vectors = as_numbers(vectors, "cluster_beliefs: vectors", ndim=2, rows=len(labels))
    groups = as_groups(groups, "cluster_beliefs: groups", len(labels))
    count = min(len(labels), max(2, len(labels) // SIZE))
    if not count:
        return np.empty((0, classes))
    cluster = MiniBatchKMeans(count, n_init=3, random_state=seed).fit_predict(np.asarray(vectors, np.float32))
    given = np.eye(classes)[labels]
    votes = np.zeros((count, classes))
    np.add.at(votes, cluster, given)
    # what a picture's own group adds to its own cluster
    pairs, at = np.unique(np.stack([cluster, np.unique(groups, return_inverse=True)[1]]), axis=1, return_inverse=True)
    own = np.zeros((pairs.shape[1], classes))
    np.add.at(own, at.ravel(), given)
    others = votes[cluster] - own[at.ravel()]
    totals = others.sum(1, keepdims=True)
    return np.asarray(np.divide(others, totals, out=np.full(others.shape, 1 / classes), where=totals > 0))
