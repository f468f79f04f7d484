"""Learn from reviewed pictures or annotators' votes how far given labels can be trusted, for all other pictures.

Label noise is mostly not random: many of FER2013's "sad" pictures are neutral to the ten annotators of FER+. The given
labels alone cannot reveal such noise; a few hundred reviews can.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mien.errors import AlignmentError, DataError
from mien.labels.suspects import Suspects
from mien.types import NO_LABEL, Floats, Ints, Texts, as_groups, as_labels, as_numbers, as_shares
from mien.types.containers import check_length
from mien.types.inputs import SLACK

STRENGTHS = (0.003, 0.01, 0.03, 0.1)
MIN_REVIEWED = 30
"""Fewest reviewed pictures to learn from."""
FOLDS = 5
"""Folds of pictures with votes; the belief of a fold is learnt from the other folds."""
STRENGTH = 0.1
EPS = 0.01
"""Added to probabilities before their logarithm."""


def learn_from_reviews(suspects: Suspects, vectors: Floats, reviewed: Ints) -> Suspects:
    """Update the belief in each class by what the reviewed pictures show about given labels.

    Parameters
    ----------
    suspects : beliefs without reviews.
    vectors : (N, D) embeddings.
    reviewed : (N,) class that a reviewer gave, −1 for pictures without a review.

    Raises
    ------
    DataError : fewer than 30 reviewed pictures, or pictures of a single class.

    Notes
    -----
    L2 multinomial logistic regression of the reviewed class on the belief, the given label, its product with the score,
    and the embedding; the penalty is chosen by cross-validation. Classes without a review keep their former share.
    """
    vectors = as_numbers(vectors, "learn_from_reviews: vectors", ndim=2, rows=len(suspects.labels))
    classes = suspects.belief.shape[1]
    reviewed = as_labels(reviewed, "learn_from_reviews: reviewed", classes, rows=len(suspects.labels), least=NO_LABEL)
    check_reviews(reviewed)
    rows = np.flatnonzero(reviewed != NO_LABEL)
    _, counts = np.unique(reviewed[rows], return_counts=True)
    features = _features(suspects, vectors)
    folds = StratifiedKFold(max(2, min(5, int(counts.max()))), shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare classes may have fewer pictures than folds
        model = make_pipeline(
            StandardScaler(), LogisticRegressionCV(Cs=STRENGTHS, cv=folds, scoring=_likelihood, max_iter=400)
        ).fit(features[rows], reviewed[rows])
    belief = _updated(suspects.belief, model.predict_proba(features), model.classes_)
    return Suspects(suspects.labels, belief, suspects.neighbours)


def _likelihood(model: LogisticRegression, features: Floats, labels: Ints) -> float:
    """Mean log likelihood; scikit-learn's "neg_log_loss" requires every class in every fold before version 1.9."""
    return -float(log_loss(labels, model.predict_proba(features), labels=model.classes_))


def vote_folds(labels: Ints, groups: Texts) -> list[tuple[Ints, Ints]]:
    """Return (training rows, held-out rows) of each fold, with every group whole in one fold.

    Raises
    ------
    DataError : there is only one group.
    """
    labels = as_labels(labels, "vote_folds: labels")
    group = np.unique(as_groups(groups, "vote_folds: groups", len(labels)), return_inverse=True)[1]
    count = min(FOLDS, len(np.unique(group)))
    if count < 2:
        cause = "all pictures belong to one group"
        raise DataError(cause, place="votes", remedy="give pictures of two persons or more")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare classes may have fewer pictures than folds
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        return list(folds.split(labels, labels, group))


def learn_from_votes(
    suspects: Suspects, vectors: Floats, shares: Floats, groups: Texts, oof_probs: Floats | None = None
) -> Suspects:
    """Replace the belief by expected shares of votes, predicted for each picture from the votes of other pictures.

    Parameters
    ----------
    suspects : beliefs without votes.
    vectors : (N, D) embeddings.
    shares : (N, K) shares of votes; rows add up to 1, or to 0 for a picture without votes.
    groups : (N,) group of each picture, such as its copies; a group is whole in one fold.
    oof_probs : (N, K) out-of-fold probabilities of classifiers tuned on the votes, with the folds of `vote_folds`.

    Raises
    ------
    DataError : too few pictures with votes outside one of the folds, or votes for a single class.
    AlignmentError : the arrays differ in length.

    Notes
    -----
    The regression of `learn_from_reviews` with votes as weights, in five folds. With `oof_probs` it is stacked
    generalization (D. H. Wolpert, Neural Networks 5, 1992): the classifiers behind the probabilities of its training
    pictures used votes of the held-out pictures, but never their outputs.
    """
    rows, classes = suspects.belief.shape
    shares = as_shares(shares, "learn_from_votes: shares", classes, empty=True)
    check_length(shares, rows, "learn_from_votes: shares")
    vectors = as_numbers(vectors, "learn_from_votes: vectors", ndim=2, rows=rows)
    features, belief = _features(suspects, vectors), suspects.belief.copy()
    if oof_probs is not None:
        oof_probs = as_numbers(oof_probs, "learn_from_votes: oof_probs", ndim=2, rows=rows, within=(0, 1 + SLACK))
        if oof_probs.shape != shares.shape:
            cause = f"shares have shape {shares.shape}, oof_probs {oof_probs.shape}"
            raise AlignmentError(cause, place="learn_from_votes", remedy="give one column per class")
        features = np.concatenate([features, np.log(oof_probs + EPS)], axis=1)
    voted = np.flatnonzero(shares.sum(1) > 0)
    for _, held_out in vote_folds(suspects.labels, groups):
        train = np.setdiff1d(voted, held_out)
        picture, target = np.nonzero(shares[train])
        if len(train) < MIN_REVIEWED // 2 or len(np.unique(target)) < 2:
            cause = f"{len(train)} pictures with votes for {len(np.unique(target))} classes are outside one fold"
            remedy = f"give {MIN_REVIEWED} or more pictures with votes, of two classes"
            raise DataError(cause, place="votes", remedy=remedy)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=400)).fit(
            features[train[picture]], target, logisticregression__sample_weight=shares[train][picture, target]
        )
        belief[held_out] = _updated(suspects.belief[held_out], model.predict_proba(features[held_out]), model.classes_)
    return Suspects(suspects.labels, belief, suspects.neighbours)


def check_reviews(reviewed: Ints) -> None:
    """Raise DataError unless there are enough reviews to learn from."""
    reviewed = as_labels(reviewed, "reviews", least=NO_LABEL)
    classes, count = np.unique(reviewed[reviewed != NO_LABEL]), int((reviewed != NO_LABEL).sum())
    if count < MIN_REVIEWED or len(classes) < 2:
        cause = f"there are only {count} reviewed pictures of {len(classes)} classes"
        raise DataError(cause, place="reviews", remedy=f"review {MIN_REVIEWED} or more, of two classes or more")


def _updated(belief: Floats, probs: Floats, classes: Ints) -> Floats:
    """Belief (N, K) with new probabilities for some classes; the other classes keep their share."""
    updated = belief.copy()
    others = 1 - belief[:, classes].sum(1, keepdims=True) if len(classes) < belief.shape[1] else 0.0
    updated[:, classes] = probs * (1 - others)
    return updated


def _features(suspects: Suspects, vectors: Floats) -> Floats:
    given = np.eye(suspects.belief.shape[1])[suspects.labels]
    return np.concatenate([np.log(suspects.belief + EPS), given, given * suspects.score[:, None], vectors], axis=1)
