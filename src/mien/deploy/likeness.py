"""How likely pictures are of a class that few labelled pictures show: a score from arrays alone.

It is the mean of two scores that need hardly any examples, and err differently (`benchmarks.correction.discover`):

- the log-odds of linear discriminant analysis between the examples and pictures of other classes,
- the mean cosine similarity to the examples, which needs no other pictures.

Where the classifier was trained on the class, its own log-odds are added, with a weight that the examples decide: how
far above the unlabelled pictures they lie on average, in standard deviations. So they count most where the classifier
ranks the class well, and not at all where it does not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.correctors.linear import LDA
from mien.features import Embedding
from mien.types import Bools, Floats, Outputs, as_mask, as_numbers, texts

AXES, WHITEN = 128, 0.5
"""Of the embedding; all correctors on vectors with more axes did worse with five examples."""
ENOUGH = 100
"""Labelled pictures of other classes below which the unlabelled pictures count as such, too: few are of the class."""
LEAST = 1e-7
"""Probability below which, and above 1 less which, the classifier's log-odds stay the same."""


def likeness(unlabelled: Outputs, labelled: Outputs, positive: Bools, target: int) -> Floats:
    """Score how likely unlabelled pictures are of a class.

    Parameters
    ----------
    unlabelled : outputs of a classifier for N pictures. labelled : for M others.
    positive : (M,) which of these are of the class: at least one.
    target : index of the class. It may be one that the classifier lacks, also one behind its last class.

    Returns
    -------
    (N,) score, higher is more likely, in standard deviations from the mean.

    Examples
    --------
    >>> from mien.testing import example_outputs
    >>> outputs, labels = example_outputs()
    >>> first, rest = np.arange(40), np.arange(40, 240)
    >>> score = likeness(outputs.take(rest), outputs.take(first), labels[first] == 3, 3)
    >>> best = rest[np.argsort(-score)[:20]]
    >>> bool((labels[best] == 3).mean() > 0.9)
    True
    """
    classes, count = max(len(unlabelled.known), target + 1), len(unlabelled)
    both = Outputs.concat([_numbered(lot.padded_to(classes), n) for n, lot in enumerate((unlabelled, labelled))])
    vectors = Embedding.fit(both, ("*",), AXES, WHITEN).apply(both)
    log_odds = None
    if both.known[target]:
        share = np.clip(both.probs[:, target].astype(np.float64), LEAST, 1 - LEAST)
        log_odds = np.log(share) - np.log1p(-share)
    return likeness_of_vectors(vectors[:count], vectors[count:], positive, log_odds)


def likeness_of_vectors(
    unlabelled: Floats, labelled: Floats, positive: Bools, log_odds: Floats | None = None
) -> Floats:
    """Score how likely unlabelled pictures are of a class, from embedded features.

    Parameters
    ----------
    unlabelled : (N, D) vectors. labelled : (M, D). positive : (M,) which of these are of the class.
    log_odds : (N + M,) the classifier's own log-odds of the class; None where it was not trained on it.

    Returns
    -------
    (N,) score as by `likeness`.
    """
    unlabelled, labelled = (as_numbers(part, "likeness: vectors", ndim=2) for part in (unlabelled, labelled))
    positive = as_mask(positive, "likeness: positive")
    score = _standardised(_probe(unlabelled, labelled, positive))
    score = score + _standardised(similarity(unlabelled, labelled[positive]))
    if log_odds is not None:
        odds = as_numbers(log_odds, "likeness: log_odds").astype(np.float64)
        given, of_labelled = odds[: len(unlabelled)], odds[len(unlabelled) :]
        apart = (of_labelled[positive].mean() - given.mean()) / max(given.std(), LEAST)
        score = _standardised(score) + max(apart, 0.0) * _standardised(given)
    return _standardised(score)


def similarity(vectors: Floats, examples: Floats) -> Floats:
    """(N,) mean cosine similarity of (N, D) vectors to (E, D) examples.

    >>> similarity(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    unit, other = (
        part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), LEAST) for part in (vectors, examples)
    )
    return np.asarray(unit @ other.mean(0))


def _probe(unlabelled: Floats, labelled: Floats, positive: Bools) -> Floats:
    """(N,) log-odds of the class by linear discriminant analysis."""
    vectors, is_positive = labelled, positive
    if (~positive).sum() < ENOUGH:
        vectors = np.concatenate([labelled, unlabelled])
        is_positive = np.concatenate([positive, np.zeros(len(unlabelled), bool)])
    corrector = LDA(target=1).fit(_as_outputs(vectors), is_positive.astype(np.int64))
    return corrector.propose(_as_outputs(unlabelled)).score


def _as_outputs(vectors: Floats) -> Outputs:
    """Vectors as outputs of a classifier that lacks the second of two classes."""
    probs = np.tile([1.0, 0.0], (len(vectors), 1))
    return Outputs(None, probs, np.array([True, False]), {"axes": vectors})  # type: ignore[arg-type]


def _numbered(outputs: Outputs, number: int) -> Outputs:
    """The same outputs under other ids, which differ between lots of other numbers."""
    return replace(outputs, ids=texts([f"{number}: {row}" for row in range(len(outputs))]))


def _standardised(score: Floats) -> Floats:
    """Scores with mean 0 and standard deviation 1; all 0 where they are alike."""
    score = score.astype(np.float64)
    spread = score.std()
    alike = not spread > 1e-12 * np.abs(score).max(initial=0)
    return np.zeros_like(score) if alike else np.asarray((score - score.mean()) / spread)
