"""Gradient boosting on pooled taps: the paper's corrector (section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.correctors.contract import State, fitted, positives, target_class
from mien.errors import MissingExtraError, RunError
from mien.features import stack
from mien.types import Ints, Outputs, Proposal


class XGBoost:
    """XGBoost, class against the rest, on the taps averaged over the picture, the hidden layer and the logits.

    Parameters
    ----------
    target : the class to win back; by default the one that the classifier does not know.
    taps : patterns of the features to learn on.
    rounds, depth, learning_rate : of the boosting. The paper chose its own "empirically" and does not name them.
    threads : processor threads; the trees do not depend on it.

    Raises
    ------
    MissingExtraError : without the package xgboost.
    """

    name = "xgboost"

    def __init__(
        self,
        target: int | None = None,
        taps: Sequence[str] = ("*/1", "hidden", "logits"),
        rounds: int = 300,
        depth: int = 4,
        learning_rate: float = 0.1,
        threads: int = 1,
    ) -> None:
        _library()
        self.target, self.taps, self.rounds = target, tuple(taps), rounds
        self.settings = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": depth,
            "eta": learning_rate,
            "subsample": 0.8,
            "colsample_bytree": 0.3,
            "nthread": threads,
            "seed": 0,
        }
        self._booster: Any = None

    def fit(self, outputs: Outputs, labels: Ints) -> Self:
        """Learn from (N,) true labels; DataError without pictures of both kinds."""
        self.target = target_class(outputs, self.target)
        wanted = positives(outputs, labels, self.target)
        xgboost = _library()
        table = xgboost.DMatrix(stack(outputs, self.taps), wanted.astype(np.float32))
        self._booster = xgboost.train(self.settings, table, self.rounds)
        return self

    def propose(self, outputs: Outputs) -> Proposal:
        """Score: log-odds of the class against the rest."""
        booster = fitted(self._booster, self.name)
        score = booster.predict(_library().DMatrix(stack(outputs, self.taps)), output_margin=True)
        return Proposal(outputs.ids, score.astype(np.float64), np.full(len(outputs), self.target))

    def state(self) -> dict[str, NDArray[Any]]:
        trees = fitted(self._booster, self.name).save_raw("ubj")
        return {
            "trees": np.frombuffer(bytes(trees), np.uint8),
            "target": np.array(self.target),
            "taps": np.array(self.taps),
        }

    def restore(self, state: State) -> Self:
        xgboost = _library()
        self._booster = xgboost.Booster()
        try:
            self._booster.load_model(bytearray(state["trees"].tobytes()))
        except xgboost.core.XGBoostError:
            raise RunError("the trees cannot be read", place=self.name, remedy="fit the corrector again") from None
        self.target = int(state["target"])
        self.taps = tuple(str(tap) for tap in state["taps"])
        return self


def _library() -> Any:
    try:
        return import_module("xgboost")
    except ImportError:
        raise MissingExtraError.for_package("xgboost", "boost") from None
