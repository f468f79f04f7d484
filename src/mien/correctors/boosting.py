"""Gradient boosting on pooled layers: the paper's corrector (section 4.1), and its other two uses.

- `XGBoost`, `LightGBM`: is it the class that f misses?
- `Stack`: which class is it? Every class may be suggested: h by g alone.
- `ErrorDetector`: is f right at all? It suggests no class, so the corrected system abstains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.contract import (
    Labels,
    State,
    check_fitted,
    check_has_positives,
    check_labels,
    target_class,
    to_indices,
)
from mien.correctors.log_odds import NEVER, code_count, encode_targets, encoding_in, log_odds, with_absent_codes
from mien.errors import BrokenPackageError, DataError, MissingExtraError, RunError
from mien.features import patterns, stack, widths
from mien.features.embedding import widths_from_state, widths_state
from mien.features.vectors import no_variation_error
from mien.outside import import_optional
from mien.types import NO_LABEL, FeatureRequest, Floats, Ints, Outputs, Proposal

TAPS = ("*/1", "hidden", "logits")


class XGBoost:
    """XGBoost on the layers averaged over the picture, the hidden layer and the logits.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    layers : patterns of the features to learn on.
    rounds, depth, learning_rate : of the boosting. The paper chose its own "empirically" and does not name them.
    threads : processor threads; the trees do not depend on it.
    coding, wrong : what is told apart, and what counts for the score (see mien.correctors.log_odds).

    Raises
    ------
    MissingExtraError : without the package xgboost. BrokenPackageError : its library cannot be loaded.
    """

    name: ClassVar[str] = "xgboost"
    package: ClassVar[str] = "xgboost"

    def __init__(
        self,
        target: int | None = None,
        layers: Sequence[str] = TAPS,
        rounds: int = 300,
        depth: int = 4,
        learning_rate: float = 0.1,
        threads: int = 1,
        coding: str = "rest",
        wrong: float = 1.0,
    ) -> None:
        self.library = _library(self.package)
        self.target, self.layers, self.rounds = target, patterns(layers), rounds
        self.depth, self.learning_rate, self.threads = depth, learning_rate, threads
        self.coding, self.wrong = coding, wrong
        self._booster: Any = None
        self._seen: Ints = np.array([0, 1])
        self._widths: dict[str, int] = {}

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.layers)

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from true labels; DataError without pictures of both kinds."""
        self.target = target_class(outputs, self.target)
        check_has_positives(outputs, labels, self.target)
        return self._fit(outputs, encode_targets(self.coding, outputs, to_indices(labels), self.target))

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class (see mien.correctors.log_odds)."""
        target = target_class(outputs, self.target)
        score = log_odds(self._log_probs(outputs), self.coding, outputs, target, self.wrong)
        return Proposal(outputs.ids, score, np.full(len(outputs), target))

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            "trees": np.frombuffer(self._written(check_fitted(self._booster, self.name)), np.uint8),
            "target": np.array(NO_LABEL if self.target is None else self.target),
            "taps": np.array(self.layers),
            "seen": self._seen,
            "coding": np.array(self.coding),
            "wrong": np.array(self.wrong),
            **widths_state(self._widths),
        }

    def restore(self, state: State) -> Self:
        self._booster = self._read(state["trees"].tobytes())
        self.target = int(state["target"]) if state["target"] != NO_LABEL else None
        self.layers = tuple(str(layer) for layer in state["taps"])
        self.coding, self.wrong, self._seen = encoding_in(state)
        self._widths = widths_from_state(state)
        return self

    def _fit(self, outputs: Outputs, codes: Ints) -> Self:
        self._seen, compact = np.unique(codes, return_inverse=True)
        features, self._widths = stack(outputs, self.layers), widths(outputs, self.layers)
        if (features == features[:1]).all():
            raise no_variation_error(outputs, self.layers)
        self._booster = self._train(features, compact, len(self._seen))
        return self

    def _log_probs(self, outputs: Outputs) -> Floats:
        """(N, C) of all codes; those that were never seen are nearly impossible."""
        booster, count = check_fitted(self._booster, self.name), code_count(self.coding, outputs)
        features = stack(outputs, self.layers, self._widths)
        if not len(features):  # the libraries refuse it
            return np.empty((0, count))
        found = self._answers(booster, features)
        if found.ndim == 1:
            found = np.column_stack([1 - found, found])
        log_probs = np.log(np.maximum(found, np.exp(NEVER)))
        return with_absent_codes(log_probs, self._seen, count)

    def _train(self, features: Floats, codes: Ints, classes: int) -> Any:
        several = {"objective": "multi:softprob", "num_class": classes}
        settings = {
            **({"objective": "binary:logistic"} if classes == 2 else several),
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "subsample": 0.8,
            "colsample_bytree": 0.3,
            "nthread": self.threads,
            "seed": 0,
        }
        return self.library.train(settings, self.library.DMatrix(features, codes.astype(np.float32)), self.rounds)

    def _answers(self, booster: Any, features: Floats) -> Floats:
        """(N,) probability of the second of two codes, or (N, S) of all."""
        return np.asarray(booster.predict(self.library.DMatrix(features)), np.float64)

    def _written(self, booster: Any) -> bytes:
        return bytes(booster.save_raw("ubj"))

    def _read(self, trees: bytes) -> Any:
        booster = self.library.Booster()
        try:
            booster.load_model(bytearray(trees))
        except self.library.core.XGBoostError:
            raise _unreadable(self.name) from None
        return booster


class LightGBM(XGBoost):
    """LightGBM on the same features: leaf by leaf, many times as fast where there are many pictures."""

    name = "lightgbm"
    package = "lightgbm"

    def _train(self, features: Floats, codes: Ints, classes: int) -> Any:
        settings = {
            **({"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}),
            "num_leaves": 2**self.depth - 1,
            "learning_rate": self.learning_rate,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "feature_fraction": 0.3,
            "min_data_in_leaf": 5,
            "num_threads": self.threads,
            "seed": 0,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        return self.library.train(settings, self.library.Dataset(features, codes), self.rounds)

    def _answers(self, booster: Any, features: Floats) -> Floats:
        return np.asarray(booster.predict(features, num_threads=self.threads), np.float64)

    def _written(self, booster: Any) -> bytes:
        return str(booster.model_to_string()).encode()

    def _read(self, trees: bytes) -> Any:
        try:
            return self.library.Booster(model_str=trees.decode())
        except (self.library.basic.LightGBMError, UnicodeDecodeError):
            raise _unreadable(self.name) from None


class Stack(XGBoost):
    """Boosting on the true labels of all classes: its own answer replaces that of f where it is surer.

    The class with the largest probability is suggested; the score is how much more probable it is than f's answer.
    """

    name = "stack"

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from true labels; DataError without pictures of both kinds, where one class is to be won back."""
        if self.target is not None or not outputs.known.all():
            self.target = target_class(outputs, self.target)
            check_has_positives(outputs, labels, self.target)
        self.coding = "classes"
        return self._fit(outputs, to_indices(check_labels(outputs, labels)))

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log p of the most probable class − log p of f's answer."""
        log_probs, rows = self._log_probs(outputs), np.arange(len(outputs))
        suggested = log_probs.argmax(1)
        score = log_probs[rows, suggested] - log_probs[rows, outputs.predicted]
        return Proposal(outputs.ids, score, suggested)


class ErrorDetector(XGBoost):
    """Boosting on whether f is right: it decides only whether f is to be believed, and suggests no class."""

    name = "error_detector"
    needs_pictures = False

    def fit(self, outputs: Outputs, labels: Labels) -> Self:
        """Learn from true labels; DataError where f has all right, or all wrong."""
        wrong = to_indices(check_labels(outputs, labels)) != outputs.predicted
        if wrong.all() or not wrong.any():
            remedy = "it needs pictures that the classifier has right, and some that it has wrong"
            raise DataError(f"f has {wrong.sum()} of {len(wrong)} pictures wrong", place="corrector.fit", remedy=remedy)
        return self._fit(outputs, wrong.astype(int))

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds that f is wrong; no class is suggested (−1)."""
        score = log_odds(self._log_probs(outputs), "rest", outputs, NO_LABEL)
        return Proposal(outputs.ids, score, np.full(len(outputs), NO_LABEL))


def _library(package: str) -> Any:
    try:
        return import_optional(package, package, "boost")
    except (MissingExtraError, BrokenPackageError) as error:
        remedy = f"{error.remedy}, or take another corrector, such as logistic"
        raise type(error)(error.cause, place=error.place, remedy=remedy) from None


def _unreadable(name: str) -> RunError:
    return RunError("the trees cannot be read", place=name, remedy="fit the corrector again")
