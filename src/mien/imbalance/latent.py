"""Treatments after training: corrected priors, a last layer retrained on balanced latents, nearest neighbours."""

from __future__ import annotations

import warnings

import numpy as np

from mien.errors import DataError
from mien.imbalance.neighbours import knn_predict
from mien.imbalance.resampling import oversampled
from mien.imbalance.treatment import FittedTrainPart, Latents
from mien.imbalance.weights import class_weights
from mien.outside import import_optional
from mien.types import Floats, Ints

NEIGHBOURS = 5
"""Neighbours of SMOTE, as in its paper."""
EPS = 1e-12


def logit_adjusted(fitted: FittedTrainPart, new: Latents) -> Floats:
    """Divide (N, K) probabilities by their mean over the training part, which corrects them to equal class priors.

    A. K. Menon et al., *Long-tail learning via logit adjustment*, ICLR 2021, equation 9, τ = 1. The paper divides by
    the class frequencies; the mean probability also holds for a classifier trained on smoothed labels or on votes.

    Examples
    --------
    >>> from mien.imbalance import TrainPart
    >>> part = TrainPart(np.array([0, 0, 0, 1]), classes=2)
    >>> fitted = FittedTrainPart(part, Latents(np.zeros((4, 1)), np.tile([0.75, 0.25], (4, 1))))
    >>> logit_adjusted(fitted, Latents(np.zeros((1, 1)), np.array([[0.6, 0.4]]))).round(3).tolist()
    [[0.333, 0.667]]
    """
    fitted.check(new)
    moved = new.probs / np.maximum(fitted.latents.probs.mean(0), EPS) * (fitted.part.counts > 0)
    return np.asarray(moved / np.maximum(moved.sum(1, keepdims=True), EPS))


def retrained_head(fitted: FittedTrainPart, new: Latents) -> Floats:
    """Retrain the last layer on latents in which every class is as frequent as the largest, and return its answers.

    B. Kang et al., *Decoupling representation and classifier for long-tailed recognition*, ICLR 2020, section 4.1
    (classifier re-training, cRT): unbalanced data bias the last layer more than the representation.
    """
    fitted.check(new)
    part = fitted.part
    rows = oversampled(part, int(part.counts.max()))
    return _head(fitted.latents.vectors[rows], part.labels[rows], fitted, new)


def smote_head(fitted: FittedTrainPart, new: Latents) -> Floats:
    """Retrain the last layer on latents balanced by SMOTE, which interpolates between neighbours of a class.

    N. V. Chawla et al., *SMOTE: synthetic minority over-sampling technique*, JAIR 2002, by imbalanced-learn. It
    interpolates latents, since a mean of two faces is a blurred face. A class with too few pictures is repeated first.

    Raises
    ------
    MissingExtraError : imbalanced-learn is not installed.
    """
    fitted.check(new)
    SMOTE = import_optional("imblearn.over_sampling", "imbalanced-learn", "imbalance").SMOTE
    rows = oversampled(fitted.part, NEIGHBOURS + 1)
    sampler = SMOTE(k_neighbors=NEIGHBOURS, random_state=fitted.part.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors, labels = sampler.fit_resample(fitted.latents.vectors[rows], fitted.part.labels[rows])
    return _head(np.asarray(vectors), np.asarray(labels), fitted, new)


def latent_neighbours(fitted: FittedTrainPart, new: Latents, k: int, power: float = 0.0) -> Floats:
    """(M, K) shares of the votes of the k training pictures with the nearest latents; a vote has weight (N/n)^power.

    Examples
    --------
    >>> from mien.imbalance import TrainPart
    >>> part = TrainPart(np.array([0, 0, 1]), classes=2)
    >>> vectors = np.array([[0.0, 1.0], [0.1, 1.1], [1.0, 0.0]])
    >>> fitted = FittedTrainPart(part, Latents(vectors, np.full((3, 2), 0.5)))
    >>> latent_neighbours(fitted, Latents(np.array([[0.9, 0.1]]), np.full((1, 2), 0.5)), k=1).tolist()
    [[0.0, 1.0]]
    """
    fitted.check(new)
    weights = class_weights(fitted.part.counts, power)
    return knn_predict(fitted.part, fitted.latents.vectors, new.vectors, k, weights)


def _head(vectors: Floats, labels: Ints, fitted: FittedTrainPart, new: Latents) -> Floats:
    from sklearn.linear_model import LogisticRegression  # slow to import and not needed for training
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels)) < 2:
        cause = f"the training part has pictures of {len(np.unique(labels))} class(es)"
        raise DataError(cause, place="TrainPart.labels", remedy="give pictures of two classes or more")
    if not len(new.vectors):
        return np.empty((0, fitted.part.classes))
    scaler = StandardScaler().fit(fitted.latents.vectors)
    head = LogisticRegression(C=0.01, max_iter=300).fit(scaler.transform(vectors), labels)
    probs = np.zeros((len(new.vectors), fitted.part.classes))
    probs[:, head.classes_] = head.predict_proba(scaler.transform(new.vectors))
    return probs
