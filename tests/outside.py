"""Public functions on arrays, valid arguments of each kind, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from mien import uncertainty
from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import combine_proposals
from mien.certify.policy import Policy, decide
from mien.certify.thresholds import balanced_accuracy_threshold, cost_ratio_threshold, order_statistic_threshold
from mien.features import Whitening
from mien.imbalance import Latents, TrainPart, class_weights, effective_weights
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import learn_from_reviews, learn_from_votes, vote_folds
from mien.labels.suspects import Suspects, neighbour_votes, suspects
from mien.labels.verdicts import verdicts
from mien.metrics import calibration, classification, correction, intervals, ranking
from mien.types import Decision, LabelSet, Outputs, Proposal, Rates

K, N = 3, 40
IDS = np.arange(N).astype(str)
LABELS = LabelSet(("anger", "fear", "sadness"))


def drawn(kind: str, rng: np.random.Generator) -> Any:
    """A valid array of this kind."""
    labels = np.concatenate([np.arange(K), rng.integers(0, K, N - K)])
    return {
        "labels": lambda: labels,
        "answers": lambda: np.where(rng.random(N) < 0.1, -1, labels),
        "probs": lambda: rng.dirichlet(np.ones(K), N),
        "draws": lambda: rng.dirichlet(np.ones(K), (4, N)),
        "shares": lambda: rng.dirichlet(np.ones(K), N),
        "unit": lambda: rng.random(N),
        "mask": lambda: np.concatenate([[True, False], rng.random(N - 2) < 0.5]),
        "score": lambda: rng.normal(size=N),
        "vectors": lambda: rng.normal(size=(N, 5)),
        "groups": lambda: np.array([f"person {number}" for number in rng.integers(0, 20, N)]),
        "counts": lambda: rng.integers(0, 50, K),
        "variances": lambda: rng.random((N, K)),
        "means": lambda: rng.normal(size=(N, K)),
        "rows": lambda: rng.random((2, N)) < 0.5,
        "ids": lambda: IDS,
        "known": lambda: np.ones(K, bool),
    }[kind]()


def proposal(score: Any, suggested: Any) -> Proposal:
    return Proposal(IDS, score, suggested)


def some_suspects(labels: Any, probs: Any) -> Suspects:
    return Suspects(np.asarray(labels), np.asarray(probs), np.full((N, 3), -1))


PROPOSED = proposal(np.linspace(-1, 1, N), np.full(N, 2))
FOUND = some_suspects(np.arange(N) % K, np.random.default_rng(0).dirichlet(np.ones(K), N))

Case = tuple[Callable[..., Any], dict[str, str]]
CASES: dict[str, Case] = {
    "Outputs": (
        lambda ids, probs, known, one: Outputs(ids, probs, known, {"one": one}),
        {"ids": "ids", "probs": "probs", "known": "known", "one": "vectors"},
    ),
    "Proposal": (proposal, {"score": "score", "suggested": "answers"}),
    "Decision": (
        lambda ids, base, overridden: Decision(ids, base, base, overridden),
        {"ids": "ids", "base": "answers", "overridden": "mask"},
    ),
    "Rates": (lambda hits: Rates(hits, [100] * K).values, {"hits": "counts"}),
    "certify": (
        lambda truth, base, groups, known: CalibrationSet.of(PROPOSED, truth, base, groups).certify(
            Policy(0.1), LABELS, known
        ),
        {"truth": "labels", "base": "labels", "groups": "groups", "known": "known"},
    ),
    "decide": (partial(decide, PROPOSED), {"base": "labels", "thresholds": "threshold"}),
    "together": (partial(combine_proposals, [PROPOSED, PROPOSED]), {"base": "labels"}),
    "order_statistic_threshold": (
        lambda scores, groups: order_statistic_threshold(scores, groups, 0.1, 0.1),
        {"scores": "any score", "groups": "groups"},
    ),
    "balanced_accuracy_threshold": (balanced_accuracy_threshold, {"scores": "any score", "is_new": "mask"}),
    "cost_ratio_threshold": (partial(cost_ratio_threshold, cost=2.0), {"scores": "any score", "is_new": "mask"}),
    "confusion_matrix": (partial(classification.confusion_matrix, K=K), {"truth": "labels", "answer": "answers"}),
    "recall": (partial(classification.recall, K=K), {"truth": "labels", "answer": "answers"}),
    "precision": (partial(classification.precision, K=K), {"truth": "labels", "answer": "answers"}),
    "f1": (partial(classification.f1, K=K), {"truth": "labels", "answer": "answers"}),
    "macro_recall": (partial(classification.macro_recall, K=K), {"truth": "labels", "answer": "answers"}),
    "common_classes": (classification.common_classes, {"counts": "counts"}),
    "accuracy": (classification.accuracy, {"truth": "any label", "answer": "any label"}),
    "macro_auroc": (classification.macro_auroc, {"truth": "labels", "probs": "vectors of K"}),
    "scores": (partial(correction.scores, K=K), {"truth": "labels", "base": "labels", "final": "answers"}),
    "retention_matrix": (
        lambda truth, base, final: correction.retention_matrix(truth, {0: (base, final)}, K),
        {"truth": "labels", "base": "labels", "final": "answers"},
    ),
    "reliability": (calibration.reliability, {"confidence": "unit", "truth": "unit"}),
    "plurality_reliability": (calibration.plurality_reliability, {"probs": "probs", "labels": "labels"}),
    "vote_reliability": (calibration.vote_reliability, {"probs": "probs", "votes": "shares"}),
    "temperature": (calibration.temperature, {"probs": "probs", "targets": "shares"}),
    "tempered": (partial(calibration.tempered, t=0.5), {"probs": "probs"}),
    "wilson": (lambda hits: intervals.wilson(hits, [100] * K), {"hits": "counts"}),
    "bootstrap_ratio": (
        partial(intervals.bootstrap_ratio, draws=50),
        {"top": "mask", "bottom": "mask", "groups": "groups"},
    ),
    "macro_difference": (
        partial(intervals.macro_difference, draws=50),
        {"before": "rows", "after": "rows", "truth": "any label", "groups": "groups"},
    ),
    "holm": (intervals.holm, {"p_values": "p"}),
    "auroc": (ranking.auroc, {"score": "score", "positive": "mask"}),
    "partial_auroc": (ranking.partial_auroc, {"score": "score", "positive": "mask"}),
    "gain_curve": (
        partial(ranking.gain_curve, harms=[0.0, 0.5]),
        {"score": "score", "is_new": "mask", "counts_for_harm": "mask"},
    ),
    "overridden_at_harm": (
        partial(ranking.overridden_at_harm, harm=0.1),
        {"score": "score", "counts_for_harm": "mask"},
    ),
    "restored_at_equal_harm": (
        partial(ranking.restored_at_equal_harm, harm=0.2),
        {"score": "score", "score_network": "score", "is_new": "mask", "counts_for_harm": "mask"},
    ),
    "override_score": (partial(ranking.override_score, i=1), {"probs": "probs"}),
    "entropy": (uncertainty.entropy, {"probs": "probs"}),
    "entropy_split": (uncertainty.entropy_split, {"draws": "draws"}),
    "sampling_softmax": (
        partial(uncertainty.sampling_softmax, samples=5),
        {"means": "means", "variances": "variances"},
    ),
    "class_weights": (class_weights, {"counts": "any counts"}),
    "effective_weights": (effective_weights, {"counts": "any counts"}),
    "TrainPart": (lambda labels: TrainPart(labels, K).counts, {"labels": "labels"}),
    "Latents": (Latents, {"vectors": "vectors", "probs": "probs"}),
    "Whitening": (lambda features: Whitening.fit(features, 4).apply(features), {"features": "alone"}),
    "suspects": (suspects, {"labels": "labels", "probs": "probs", "vectors": "vectors", "groups": "groups"}),
    "neighbour_votes": (
        partial(neighbour_votes, classes=K, k=3),
        {"labels": "labels", "vectors": "vectors", "groups": "groups"},
    ),
    "Dynamics": (lambda labels: Dynamics(labels, K).margins, {"labels": "labels"}),
    "learn_from_reviews": (partial(learn_from_reviews, FOUND), {"vectors": "vectors", "reviewed": "labels or none"}),
    "vote_folds": (vote_folds, {"labels": "any label", "groups": "groups"}),
    "learn_from_votes": (
        partial(learn_from_votes, FOUND),
        {"vectors": "vectors", "shares": "shares", "groups": "groups"},
    ),
    "verdicts": (lambda novelty: verdicts(FOUND, novelty, LABELS.names), {"novelty": "score"}),
}
ALIKE = {
    "any score": "score",
    "any label": "labels",
    "labels or none": "labels",
    "any counts": "counts",
    "vectors of K": "means",
    "alone": "vectors",
}


def valid(kind: str, rng: np.random.Generator) -> Any:
    if kind == "threshold":
        return rng.normal(size=K)
    return rng.random(7) if kind == "p" else drawn(ALIKE.get(kind, kind), rng)


def at(array: np.ndarray, value: Any) -> np.ndarray:
    """A copy with one value changed, in the middle."""
    changed = array.astype(float) if array.dtype.kind in "ib" else array.copy()
    changed[len(changed) // 2] = value
    return changed


COMMON: dict[str, Callable[[np.ndarray], Any]] = {
    "None": lambda array: None,
    "one number": lambda array: 0.3,
    "text": lambda array: "anger",
    "generator": lambda array: (value for value in array),
    "set": lambda array: {1, 2},
    "ragged": lambda array: [[1, 2], [3]],
    "dictionary": lambda array: {"a": array},
    "complex": lambda array: np.zeros(array.shape) + 1j,
    "dates": lambda array: np.zeros(array.shape, "datetime64[s]"),
    "too many dimensions": lambda array: np.zeros((*array.shape, 1, 1)),
    "names": lambda array: np.full(array.shape, "anger"),
}
NUMBERS = {
    "NaN": lambda array: at(array, np.nan),
    "missing": lambda array: [None, *array.tolist()[1:]],
    "infinite": lambda array: at(array, np.inf),
    "masked": lambda array: np.ma.masked_array(array.astype(float), np.arange(array.size).reshape(array.shape) == 1),
}
SHORT = {"short": lambda array: array[:-1], "long": lambda array: np.concatenate([array, array[:1]])}
WHOLE = {"fraction": lambda array: at(array, 0.5)}
SHARES = {
    "logits": lambda array: 5 * np.log(array + 0.01),
    "percentages": lambda array: 100 * array,
    "negative": lambda array: at(array, np.array([1.2, -0.2, 0.0])),
    "sum": lambda array: at(array, 0.1),
    "zeros": lambda array: at(array, 0.0),
    "counts": lambda array: np.round(10 * array) + 1,
    "logarithms": lambda array: np.log(array),
    "one row": lambda array: array.reshape(-1, K)[0] if array.ndim == 2 else array[0],
}
LABELLED = {
    **NUMBERS,
    **SHORT,
    **WHOLE,
    "−2": lambda array: at(array, -2),
    "two columns": lambda array: np.stack([array, array], 1),
}
TOO_HIGH = {"too high": lambda array: array + 1}
NO_CLASS = {"−1": lambda array: at(array, -1)}
WRONG: dict[str, dict[str, Callable[[np.ndarray], Any]]] = {
    "labels": {**LABELLED, **TOO_HIGH, **NO_CLASS, "mask": lambda array: array == 1},
    "labels or none": {**LABELLED, **TOO_HIGH},
    "answers": {**LABELLED},
    "any label": {**LABELLED, **NO_CLASS},
    "probs": {**NUMBERS, **SHORT, **SHARES},
    "shares": {**NUMBERS, **SHORT, **SHARES},
    "draws": {**NUMBERS, **SHARES},
    "unit": {**NUMBERS, **SHORT, "high": lambda array: 2 + array, "low": lambda array: array - 1},
    "p": {"high": lambda array: 2 + array, "low": lambda array: array - 1},
    "mask": {**NUMBERS, **SHORT, **WHOLE, "two": lambda array: 2 * array.astype(int)},
    "known": {**NUMBERS, **SHORT, "indices": lambda array: np.array([0, 2, 5]), "none": lambda array: ~array},
    "score": {**NUMBERS, **SHORT},
    "any score": {"NaN": NUMBERS["NaN"], "missing": NUMBERS["missing"]},
    "vectors": {**NUMBERS, **SHORT},
    "vectors of K": {**NUMBERS, **SHORT},
    "alone": NUMBERS,
    "means": {"NaN": NUMBERS["NaN"], **SHORT},
    "variances": {**NUMBERS, **SHORT, "negative": lambda array: -1 - array},
    "threshold": {"NaN": NUMBERS["NaN"]},
    "rows": {**NUMBERS, "three": lambda array: array * 3, "narrow": lambda array: array[:, :-1]},
    "groups": {**SHORT, "missing": NUMBERS["missing"], "NaN": lambda array: [np.nan, *array.tolist()[1:]]},
    "counts": {**NUMBERS, **WHOLE, "negative": lambda array: array - 100},
    "any counts": {**NUMBERS, "negative": lambda array: array - 100},
    "ids": {**SHORT, "repeated": lambda array: at(array, array[0]), "missing": NUMBERS["missing"]},
}
TAKEN = {
    ("ids", "names"), ("ids", "dates"), ("ids", "complex"),
    ("groups", "names"), ("groups", "dates"), ("groups", "complex"),
    ("known", "text"), ("threshold", "one number"), ("counts", "one number"),
}  # fmt: skip
"""Common corruptions that are none for the kind, or are refused for another reason."""
SKIPPED = {
    # one number is a rate, a share or a threshold for all
    ("wilson", "hits", "one number"),
    ("Rates", "hits", "one number"),
    # what may be any length or class stands alone, or has no other array to be compared with
    ("Proposal", "score", "one number"),
    ("entropy", "probs", "short"), ("entropy", "probs", "long"), ("entropy", "probs", "one row"),
    ("tempered", "probs", "short"), ("tempered", "probs", "long"),
    ("override_score", "probs", "short"), ("override_score", "probs", "long"),
    ("TrainPart", "labels", "short"), ("TrainPart", "labels", "long"),
    ("Dynamics", "labels", "short"), ("Dynamics", "labels", "long"),
    ("Outputs", "one", "NaN"), ("Outputs", "one", "missing"), ("Outputs", "one", "infinite"),
    ("Outputs", "one", "masked"),
    ("Outputs", "one", "complex"),
    ("Decision", "ids", "repeated"), ("wilson", "hits", "fraction"),
    ("together", "base", "too high"), ("together", "base", "mask"),
    ("accuracy", "answer", "−1"), ("learn_from_votes", "shares", "zeros"),
}  # fmt: skip
