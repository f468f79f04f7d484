"""What reviewed pictures, or pictures with votes, teach about all others: which labels to believe, and what wrong ones
mean.

Wrong labels are mostly not random: much of FER2013's "sad" is neutral to FER+'s ten annotators. No look at the given
labels alone can see that; a few hundred reviews can.
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
FEWEST = 30
"""Reviewed pictures below which nothing is learnt from them."""
FOLDS = 5
"""Of pictures with votes: each learns from the others, so that no picture is judged by its own votes."""
STRENGTH = 0.1
LEAST = 0.01
"""Added to chances before their logarithm."""


def after_reviews(found: Suspects, vectors: Floats, reviewed: Ints) -> Suspects:
    """The same suspects, with a belief that learnt from the reviewed ones.

    Parameters
    ----------
    vectors : (N, D) embeddings.
    reviewed : (N,) the right class of reviewed pictures, −1 for all others.

    Raises
    ------
    DataError : fewer than 30 reviewed pictures, or of one class alone.

    Notes
    -----
    L2 multinomial logistic regression of the true class on the belief, the given label, their product with the score,
    and the embedding; the penalty is chosen by folds among the reviewed. Classes that no reviewer named keep the share
    of the first belief that they had.
    """
    vectors = as_numbers(vectors, "after_reviews: vectors", ndim=2, rows=len(found.labels))
    classes = found.belief.shape[1]
    reviewed = as_labels(reviewed, "after_reviews: reviewed", classes, rows=len(found.labels), least=NO_LABEL)
    check_reviews(reviewed)
    rows = np.flatnonzero(reviewed != NO_LABEL)
    _, counts = np.unique(reviewed[rows], return_counts=True)
    features = _features(found, vectors)
    folds = StratifiedKFold(max(2, min(5, int(counts.max()))), shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a rare class has fewer pictures than there are folds
        model = make_pipeline(
            StandardScaler(), LogisticRegressionCV(Cs=STRENGTHS, cv=folds, scoring=_likelihood, max_iter=400)
        ).fit(features[rows], reviewed[rows])
    belief = _taught(found.belief, model.predict_proba(features), model.classes_)
    return Suspects(found.labels, belief, found.neighbours)


def _likelihood(model: LogisticRegression, features: Floats, labels: Ints) -> float:
    """Mean log likelihood. scikit-learn's "neg_log_loss" needs every class in every fold, before 1.9."""
    return -float(log_loss(labels, model.predict_proba(features), labels=model.classes_))


def vote_folds(labels: Ints, groups: Texts) -> list[tuple[Ints, Ints]]:
    """(rows to learn from, rows to judge) of each fold; what travels together stays in one. DataError if all does."""
    labels = as_labels(labels, "vote_folds: labels")
    names = np.unique(as_groups(groups, "vote_folds: groups", len(labels)), return_inverse=True)[1]
    count = min(FOLDS, len(np.unique(names)))
    if count < 2:
        raise DataError("all pictures belong together", place="votes", remedy="give pictures of two persons or more")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a rare class has fewer pictures than there are folds
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        return list(folds.split(labels, labels, names))


def after_votes(
    found: Suspects, vectors: Floats, shares: Floats, groups: Texts, told: Floats | None = None
) -> Suspects:
    """The same suspects, with a belief in shares of votes, each picture's learnt from the votes of others.

    Parameters
    ----------
    vectors : (N, D) embeddings.
    shares : (N, K) of the votes, rows add up to 1, or to 0 where a picture has none.
    groups : (N,) what travels together, such as copies: they stay in one fold.
    told : (N, K) probabilities of classifiers tuned on the votes of the other folds of `vote_folds`.

    Raises
    ------
    DataError : too few pictures with votes outside one of the folds, or of one class. AlignmentError : other lengths.

    Notes
    -----
    The regression of `after_reviews` with votes as weights, in five folds. Its entropy is that of the votes to expect.
    With `told` it is stacked generalization (D. H. Wolpert, Neural Networks 5, 1992): what was told of the pictures
    that it learns from came from classifiers that saw votes of the pictures that it judges, never their answers.
    """
    rows, classes = found.belief.shape
    shares = as_shares(shares, "after_votes: shares", classes, empty=True)
    check_length(shares, rows, "after_votes: shares")
    vectors = as_numbers(vectors, "after_votes: vectors", ndim=2, rows=rows)
    if told is not None:
        told = as_numbers(told, "after_votes: told", ndim=2, rows=rows, within=(0, 1 + SLACK))
        if told.shape != shares.shape:
            cause = f"shares are {shares.shape}, told {told.shape}"
            raise AlignmentError(cause, place="after_votes", remedy="give a column a class")
    voted = np.flatnonzero(shares.sum(1) > 0)
    features, belief = _features(found, vectors), found.belief.copy()
    if told is not None:
        features = np.concatenate([features, np.log(told + LEAST)], axis=1)
    for _, judged in vote_folds(found.labels, groups):
        learn = np.setdiff1d(voted, judged)
        rows_of, named = np.nonzero(shares[learn])
        if len(learn) < FEWEST // 2 or len(np.unique(named)) < 2:
            cause = f"{len(learn)} pictures with votes for {len(np.unique(named))} classes stand outside one fold"
            raise DataError(cause, place="votes", remedy=f"give {FEWEST} or more pictures with votes, of two classes")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=400)).fit(
            features[learn[rows_of]], named, logisticregression__sample_weight=shares[learn][rows_of, named]
        )
        told = model.predict_proba(features[judged])
        belief[judged] = _taught(found.belief[judged], told, model.classes_)
    return Suspects(found.labels, belief, found.neighbours)


def check_reviews(reviewed: Ints) -> None:
    """DataError unless there are reviews enough to learn from."""
    reviewed = as_labels(reviewed, "reviews", least=NO_LABEL)
    named, count = np.unique(reviewed[reviewed != NO_LABEL]), int((reviewed != NO_LABEL).sum())
    if count < FEWEST or len(named) < 2:
        cause = f"{count} reviewed pictures of {len(named)} classes"
        raise DataError(cause, place="reviews", remedy=f"review {FEWEST} or more, of two classes or more")


def _taught(belief: Floats, told: Floats, named: Ints) -> Floats:
    """The belief (N, K) with what was told of the named classes; the others keep their share."""
    taught = belief.copy()
    others = 1 - belief[:, named].sum(1, keepdims=True) if len(named) < belief.shape[1] else 0.0
    taught[:, named] = told * (1 - others)
    return taught


def _features(found: Suspects, vectors: Floats) -> Floats:
    given = np.eye(found.belief.shape[1])[found.labels]
    return np.concatenate([np.log(found.belief + LEAST), given, given * found.score[:, None], vectors], axis=1)
