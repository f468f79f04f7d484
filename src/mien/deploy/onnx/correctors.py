"""Fitted correctors as nodes of a graph: which can be exported, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mien.correctors.contract import Corrector, check_fitted, fitted_targets
from mien.correctors.log_odds import NEVER
from mien.deploy.onnx.log_odds import all_codes, class_odds, log_odds, most_probable
from mien.deploy.onnx.nodes import Nodes
from mien.deploy.onnx.novelty import novelty_score
from mien.deploy.onnx.on_vectors import fisher_score, linear_log_probs, nystroem_log_probs, projection_log_probs
from mien.errors import UsageError
from mien.types import NO_LABEL, Floats


def proposal(nodes: Nodes, corrector: Corrector, weights: Floats | None = None) -> tuple[str, str]:
    """(N,) float64 score and (N,) int64 suggestion of a fitted corrector.

    Parameters
    ----------
    weights : (K,) what a right answer of each class is worth, for a corrector of several; None for all alike.

    Raises
    ------
    UsageError : it cannot be exported. MissingExtraError : without a package that its kind needs.
    """
    if corrector.name not in EXPORTABLE:
        cause = f"the corrector {corrector.name} cannot be exported: mien has no graph of it"
        raise UsageError(cause, place="--onnx", remedy=f"make the patch with one of {', '.join(EXPORTABLE)}")
    targets = fitted_targets(corrector)
    if len(targets) > 1:
        return most_probable(nodes, _class_odds(nodes, corrector), targets, weights)
    if corrector.name == "stack":
        from mien.deploy.onnx.trees import stack_proposal

        return stack_proposal(nodes, corrector)
    suggested = NO_LABEL if corrector.name == "error_detector" or not targets else targets[0]
    return _score(nodes, corrector, suggested), constant_for_each(nodes, suggested)


def constant_for_each(nodes: Nodes, value: int) -> str:
    """(N,) int64 the same value for each picture."""
    return nodes("Add", nodes("Mul", nodes.base, nodes.constant(0, np.int64)), nodes.constant(value, np.int64))


def _score(nodes: Nodes, corrector: Any, target: int) -> str:
    """(N,) float64 score of a corrector of one class."""
    if corrector.name in _SCORES:
        return _SCORES[corrector.name](nodes, corrector)
    return log_odds(nodes, _LOG_PROBS[corrector.name](nodes, corrector), corrector.encoding_, target)


def _class_odds(nodes: Nodes, corrector: Any) -> str:
    """(N, K) float64 log-odds of each class against f's answer, of a corrector of several classes."""
    if corrector.name == "cascade":
        return _odds_of_cascade(nodes, corrector)
    if corrector.name in ("blend", "adapter_blend"):
        return _mean(nodes, [_class_odds(nodes, member) for member in check_fitted(corrector.members_, corrector.name)])
    log_probs = _LOG_PROBS[corrector.name](nodes, corrector)
    if corrector.name != "adapter":
        log_probs = all_codes(nodes, log_probs, corrector.encoding_)
    return class_odds(nodes, log_probs)


def _adapter(nodes: Nodes, corrector: Any) -> str:
    from mien.deploy.onnx.adapter import adapter_score  # loads torch

    return adapter_score(nodes, corrector)


def _adapter_log_probs(nodes: Nodes, corrector: Any) -> str:
    from mien.deploy.onnx.adapter import adapter_log_probs  # loads torch

    return adapter_log_probs(nodes, corrector)


def _trees(nodes: Nodes, corrector: Any) -> str:
    from mien.deploy.onnx.trees import trees_log_probs  # loads the libraries of boosting

    return trees_log_probs(nodes, corrector)


def _blend(nodes: Nodes, corrector: Any) -> str:
    return _mean(nodes, [proposal(nodes, member)[0] for member in check_fitted(corrector.members_, corrector.name)])


def _mean(nodes: Nodes, values: list[str]) -> str:
    return nodes("Div", nodes("Sum", *values), nodes.constant(float(len(values)), np.float64))


def _cascade(nodes: Nodes, corrector: Any) -> str:
    """The second score above the gate, below it one that is lower than all of these. Both are computed."""
    first, second = (proposal(nodes, member)[0] for member in check_fitted(corrector.members_, corrector.name))
    gate = nodes.constant(corrector.gate_, np.float64)
    lacking = nodes("Sub", first, gate)
    low = nodes("Add", nodes("Min", lacking, nodes.constant(0.0, np.float64)), nodes.constant(NEVER, np.float64))
    return nodes("Where", nodes("GreaterOrEqual", first, gate), second, low)


def _odds_of_cascade(nodes: Nodes, corrector: Any) -> str:
    """The second log-odds above the gate, below it those of the first, far lower. Both are computed."""
    first, second = check_fitted(corrector.members_, corrector.name)
    quick, slow = _class_odds(nodes, first), _class_odds(nodes, second)
    score, _ = most_probable(nodes, quick, fitted_targets(first))
    passed = nodes("GreaterOrEqual", score, nodes.constant(corrector.gate_, np.float64))
    low = nodes("Add", quick, nodes.constant(NEVER, np.float64))
    return nodes("Where", nodes("Unsqueeze", passed, nodes.constant([1], np.int64)), slow, low)


_LOG_PROBS: dict[str, Callable[[Nodes, Any], str]] = {
    "logistic": linear_log_probs,
    "lda": linear_log_probs,
    "prototypes": linear_log_probs,
    "projection": projection_log_probs,
    "nystroem": nystroem_log_probs,
    "adapter": _adapter_log_probs,
    "xgboost": _trees,
    "lightgbm": _trees,
    "stack": _trees,
    "error_detector": _trees,
}
"""Correctors that learn codes: (N, S) log-probabilities."""
_SCORES: dict[str, Callable[[Nodes, Any], str]] = {
    "fisher": fisher_score,
    "novelty": novelty_score,
    "adapter": _adapter,
    "blend": _blend,
    "adapter_blend": _blend,
    "cascade": _cascade,
}
"""Other scores of one class, (N,)."""
EXPORTABLE = tuple(dict.fromkeys([*_LOG_PROBS, *_SCORES]))
"""Names of the correctors that can be exported: all that mien brings."""
