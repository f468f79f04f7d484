"""Gradient boosting on pooled layers: the paper's corrector (section 4.1), and two other uses.

- `XGBoost`, `LightGBM` learn whether a picture is of the target class.
- `Stack` learns the class, and may suggest every class.
- `ErrorDetector` learns whether f is wrong. It suggests no class, so the corrected system abstains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.base import EncodedCorrector
from mien.correctors.contract import (
    State,
    Target,
    check_fitted,
    check_has_positives,
    restored_target,
    several,
    target_class,
)
from mien.correctors.log_odds import NEVER, Encoding
from mien.errors import BrokenPackageError, DataError, MissingExtraError, RunError
from mien.features import matching, patterns, stack, widths
from mien.features.embedding import widths_from_state, widths_state
from mien.features.vectors import no_variation_error
from mien.outside import import_optional
from mien.types import NO_LABEL, FeatureRequest, Floats, Ints, Outputs, Proposal, SoftLabels, digest

PREFERRED = ("*/1", "hidden", "logits")
"""The paper's features: layers averaged over the image, the hidden layer, the logits."""


class XGBoost(EncodedCorrector):
    """XGBoost on the layers averaged over the image, the hidden layer and the logits.

    Parameters
    ----------
    target : the target class, or several; by default the one that the classifier was not trained on.
    layers : patterns of the features to learn on; by default PREFERRED where there are such, else all.
    rounds, depth, learning_rate : settings of the boosting; the paper does not name its own.
    threads : processor threads; the trees do not depend on it.
    target_encoding, error_weight : the codes that are learnt, and λ of the score (see mien.correctors.log_odds).
    random_state : seed of the sampling of rows and features.

    Raises
    ------
    MissingExtraError : without the package xgboost. BrokenPackageError : its library cannot be loaded.
    """

    name: ClassVar[str] = "xgboost"
    package: ClassVar[str] = "xgboost"
    end: ClassVar[bytes] = b"}"
    """Last bytes of complete trees."""
    booster_: Any = None
    layers_: tuple[str, ...] | None = None
    widths_: Mapping[str, int] = MappingProxyType({})

    def __init__(
        self,
        target: Target = None,
        layers: Sequence[str] | None = None,
        *,
        rounds: int = 300,
        depth: int = 4,
        learning_rate: float = 0.1,
        threads: int = 1,
        target_encoding: str = "rest",
        error_weight: float = 1.0,
        random_state: int = 0,
    ) -> None:
        _ = self.library  # a missing package is reported before hours of training
        self.target, self.layers, self.rounds = target, layers, rounds
        self.depth, self.learning_rate, self.threads = depth, learning_rate, threads
        self.target_encoding, self.error_weight = target_encoding, error_weight
        self.random_state = random_state

    @property
    def library(self) -> Any:
        """The module of the boosting package."""
        return _library(self.package)

    @property
    def required_features(self) -> FeatureRequest:
        return FeatureRequest(vectors=self.layers_ or patterns(self.layers or PREFERRED))

    def state(self) -> dict[str, NDArray[Any]]:
        trees = self._written(check_fitted(self.booster_, self.name))
        return {
            "trees": np.frombuffer(trees, np.uint8),
            "trees_digest": np.array(digest(trees)),
            "target": np.array(NO_LABEL if self.target_ is None else self.target_),
            "taps": np.array(self.layers_),
            **self._encoding().state(),
            **widths_state(self.widths_),
        }

    def restore(self, state: State) -> Self:
        trees = state["trees"].tobytes()
        # both libraries end the process where trees break off; states of earlier versions have no digest
        if not trees.endswith(self.end) or digest(trees) != str(state.get("trees_digest", digest(trees))):
            raise _unreadable(self.name)
        self.booster_ = self._read(trees)
        target = restored_target(state["target"])
        self.target_ = None if target == NO_LABEL else target
        self.layers_ = tuple(str(layer) for layer in state["taps"])
        self.encoding_, self.widths_ = Encoding.of_state(state), widths_from_state(state)
        return self

    def _learn(self, outputs: Outputs, codes: Ints, count: int) -> None:
        chosen = patterns(self.layers or PREFERRED)
        self.layers_ = chosen if self.layers or matching(outputs, chosen) else ("*",)
        features, self.widths_ = stack(outputs, self.layers_), widths(outputs, self.layers_)
        if (features == features[:1]).all():
            raise no_variation_error(outputs, self.layers_)
        self.booster_ = self._train(features, codes, count)

    def _log_probs(self, outputs: Outputs) -> Floats:
        booster, codes = check_fitted(self.booster_, self.name), np.asarray(self._encoding().codes)
        features = stack(outputs, check_fitted(self.layers_, self.name), self.widths_)
        if not len(features):  # the libraries refuse it
            return np.empty((0, len(codes)))
        probs = self._answers(booster, features)
        if probs.ndim == 1:
            probs = np.column_stack([1 - probs, probs])
        return np.asarray(np.log(np.maximum(probs, np.exp(NEVER))))

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
            "seed": self.random_state,
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
    end = b"pandas_categorical:null\n"

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
            "seed": self.random_state,
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
    """Boosting on the labels of all classes, which suggests the most probable class.

    The score is how much more probable this class is than f's answer. Without several target classes each may be
    suggested, f's answer included.
    """

    name = "stack"

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        if several(self.target):
            return super()._fit(outputs, labels)
        labels = check_fitted(labels, self.name)
        self.target_ = None
        if self.target is not None or not outputs.known.all():
            self.target_ = target_class(outputs, self.target)
            check_has_positives(labels, self.target_)
        return self._fit_codes(outputs, labels.indices, Encoding("classes", self.error_weight))

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score: log p of the most probable class − log p of f's answer."""
        if isinstance(self.target_, tuple):
            return super()._propose(outputs)
        log_probs, rows = self._all_log_probs(outputs), np.arange(len(outputs))
        suggested = log_probs.argmax(1)
        score = log_probs[rows, suggested] - log_probs[rows, outputs.predicted]
        return Proposal(outputs.ids, score, suggested)


class ErrorDetector(XGBoost):
    """Boosting on whether f is wrong, which suggests no class."""

    name = "error_detector"
    needs_pictures = False
    several_classes = False

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Self:
        wrong = check_fitted(labels, self.name).indices != outputs.predicted
        if wrong.all() or not wrong.any():
            remedy = "it needs pictures that the classifier has right, and some that it has wrong"
            raise DataError(f"f has {wrong.sum()} of {len(wrong)} pictures wrong", place="corrector.fit", remedy=remedy)
        self.target_ = None if self.target is None else target_class(outputs, self.target)
        self._learn(outputs, wrong.astype(int), 2)
        self.encoding_ = Encoding("rest", self.error_weight, np.array([0, 1]))
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds that f is wrong; no class is suggested (−1)."""
        score = self._encoding().log_odds(self._all_log_probs(outputs), outputs, NO_LABEL)
        return Proposal(outputs.ids, score, np.full(len(outputs), NO_LABEL))


def _library(package: str) -> Any:
    try:
        return import_optional(package, package, "boost")
    except (MissingExtraError, BrokenPackageError) as error:
        remedy = f"{error.remedy}, or take another corrector, such as logistic"
        raise type(error)(error.cause, place=error.place, remedy=remedy) from None


def _unreadable(name: str) -> RunError:
    return RunError("the trees cannot be read", place=name, remedy="fit the corrector again")
