"""What some reviewed pictures teach about all the others: which labels to believe, and what the wrong ones mean.

Wrong labels are mostly not random: much of FER2013's "sad" is neutral to FER+'s ten annotators. No look at the given
labels alone can see that; a few hundred reviews can.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mien.audit.suspects import Suspects
from mien.errors import DataError
from mien.types import NO_LABEL, Floats, Ints

STRENGTHS = (0.003, 0.01, 0.03, 0.1)
FEWEST = 30
"""Reviewed pictures below which nothing is learnt from them."""


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
    check_reviews(reviewed)
    rows = np.flatnonzero(reviewed != NO_LABEL)
    named, counts = np.unique(reviewed[rows], return_counts=True)
    features = _features(found, vectors)
    folds = StratifiedKFold(max(2, min(5, int(counts.max()))), shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a rare class has fewer pictures than there are folds
        model = make_pipeline(
            StandardScaler(), LogisticRegressionCV(Cs=STRENGTHS, cv=folds, scoring="neg_log_loss", max_iter=400)
        ).fit(features[rows], reviewed[rows])
    belief = found.belief.copy()
    kept = 1 - belief[:, named].sum(1, keepdims=True) if len(named) < belief.shape[1] else np.zeros((len(belief), 1))
    belief[:, named] = model.predict_proba(features) * (1 - kept)
    return Suspects(found.labels, belief, found.neighbours)


def check_reviews(reviewed: Ints) -> None:
    """DataError unless there are reviews enough to learn from."""
    named, count = np.unique(reviewed[reviewed != NO_LABEL]), int((reviewed != NO_LABEL).sum())
    if count < FEWEST or len(named) < 2:
        cause = f"{count} reviewed pictures of {len(named)} classes"
        raise DataError(cause, place="reviews", remedy=f"review {FEWEST} or more, of two classes or more")


def _features(found: Suspects, vectors: Floats) -> Floats:
    given = np.eye(found.belief.shape[1])[found.labels]
    return np.concatenate([np.log(found.belief + 0.01), given, given * found.score[:, None], vectors], axis=1)
