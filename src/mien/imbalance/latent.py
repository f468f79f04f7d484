"""Answers made anew from what a trained classifier sees: a moved prior, a head retrained on balanced latents."""

from __future__ import annotations

import warnings

import numpy as np

from mien.errors import DataError
from mien.imbalance.neighbours import nearest
from mien.imbalance.resampling import oversampled
from mien.imbalance.treatment import FittedTrainPart, Latents
from mien.imbalance.weights import class_weights
from mien.outside import import_optional
from mien.types import Floats, Ints

NEIGHBOURS = 5
"""Of SMOTE, as in its paper."""
LEAST = 1e-12


def adjusted(learnt: FittedTrainPart, new: Latents) -> Floats:
    """Answers divided by the mean answers to the training part: those of classes that are equally frequent.

    A. K. Menon et al., *Long-tail learning via logit adjustment*, ICLR 2021, equation 9, τ = 1. Its shares of the
    classes are for who learnt labels as they are; the mean answer is what they became by smoothing, or by votes.

    Examples
    --------
    >>> from mien.imbalance import TrainPart
    >>> part = TrainPart(np.array([0, 0, 0, 1]), classes=2)
    >>> learnt = FittedTrainPart(part, Latents(np.zeros((4, 1)), np.tile([0.75, 0.25], (4, 1))))
    >>> adjusted(learnt, Latents(np.zeros((1, 1)), np.array([[0.6, 0.4]]))).round(3).tolist()
    [[0.333, 0.667]]
    """
    learnt.check(new)
    moved = new.probs / np.maximum(learnt.latents.probs.mean(0), LEAST) * (learnt.part.counts > 0)
    return np.asarray(moved / np.maximum(moved.sum(1, keepdims=True), LEAST))


def new_head(learnt: FittedTrainPart, new: Latents) -> Floats:
    """Answers of a linear head, learnt anew on the hidden layer with every class as frequent as the largest.

    B. Kang et al., *Decoupling representation and classifier for long-tailed recognition*, ICLR 2020, section 4.1: the
    latents of common classes are good for rare ones too; it is the last layer that unbalanced data spoil.
    """
    learnt.check(new)
    part = learnt.part
    rows = oversampled(part, int(part.counts.max()))
    return _head(learnt.latents.vectors[rows], part.labels[rows], learnt, new)


def smote(learnt: FittedTrainPart, new: Latents) -> Floats:
    """The same, with new latents between those of neighbours of a class in place of repeated ones.

    N. V. Chawla et al., *SMOTE: synthetic minority over-sampling technique*, JAIR 2002, by imbalanced-learn; between
    latents, since a mean of two faces is a blurred face. A class with fewer pictures than neighbours is repeated.

    Raises
    ------
    MissingExtraError : imbalanced-learn is not installed.
    """
    learnt.check(new)
    make = import_optional("imblearn.over_sampling", "imbalanced-learn", "imbalance").SMOTE
    part, vectors = learnt.part, learnt.latents.vectors
    rows = oversampled(part, NEIGHBOURS + 1)
    labels, vectors = part.labels[rows], vectors[rows]
    maker = make(k_neighbors=NEIGHBOURS, random_state=part.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made, given = maker.fit_resample(vectors, labels)
    return _head(np.asarray(made), np.asarray(given), learnt, new)


def of_neighbours(learnt: FittedTrainPart, new: Latents, k: int, power: float = 0.0) -> Floats:
    """Shares of the votes of the k nearest pictures of the training part, by their latents; each weighs (N/n)^power.

    Examples
    --------
    >>> from mien.imbalance import TrainPart
    >>> part = TrainPart(np.array([0, 0, 1]), classes=2)
    >>> latents = Latents(np.array([[0.0, 1.0], [0.1, 1.1], [1.0, 0.0]]), np.full((3, 2), 0.5))
    >>> learnt = FittedTrainPart(part, latents)
    >>> of_neighbours(learnt, Latents(np.array([[0.9, 0.1]]), np.full((1, 2), 0.5)), k=1).tolist()
    [[0.0, 1.0]]
    """
    learnt.check(new)
    weights = class_weights(learnt.part.counts, power)
    return nearest(learnt.part, learnt.latents.vectors, new.vectors, k, weights)


def _head(vectors: Floats, labels: Ints, learnt: FittedTrainPart, new: Latents) -> Floats:
    from sklearn.linear_model import LogisticRegression  # here: training, which needs none, must not wait for it
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels)) < 2:
        cause = f"the training part has pictures of {len(np.unique(labels))} class(es)"
        raise DataError(cause, place="TrainPart.labels", remedy="give pictures of two classes or more")
    if not len(new.vectors):
        return np.empty((0, learnt.part.classes))
    scaler = StandardScaler().fit(learnt.latents.vectors)
    head = LogisticRegression(C=0.01, max_iter=300).fit(scaler.transform(vectors), labels)
    probs = np.zeros((len(new.vectors), learnt.part.classes))
    probs[:, head.classes_] = head.predict_proba(scaler.transform(new.vectors))
    return probs
