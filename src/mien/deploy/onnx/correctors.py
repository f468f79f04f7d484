"""Fitted correctors as nodes of a graph: which can be exported, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mien.correctors.contract import Corrector, check_fitted
from mien.correctors.log_odds import NEVER
from mien.deploy.onnx.nodes import Nodes
from mien.deploy.onnx.novelty import novelty_score
from mien.deploy.onnx.on_vectors import fisher_score, linear_score, nystroem_score, projection_score
from mien.errors import UsageError
from mien.types import NO_LABEL


def proposal(nodes: Nodes, corrector: Corrector) -> tuple[str, str]:
    """(N,) float64 score and (N,) int64 suggestion of a fitted corrector.

    Raises
    ------
    UsageError : it cannot be exported. MissingExtraError : without a package that its kind needs.
    """
    if corrector.name == "stack":
        from mien.deploy.onnx.trees import stack_proposal

        return stack_proposal(nodes, corrector)
    suggested = NO_LABEL if corrector.name == "error_detector" else getattr(corrector, "target_", None)
    score = _score(nodes, corrector)
    return score, constant_for_each(nodes, NO_LABEL if suggested is None else suggested)


def constant_for_each(nodes: Nodes, value: int) -> str:
    """(N,) int64 the same value for each picture."""
    return nodes("Add", nodes("Mul", nodes.base, nodes.constant(0, np.int64)), nodes.constant(value, np.int64))


def _score(nodes: Nodes, corrector: Corrector) -> str:
    """(N,) float64 score of a corrector of one class."""
    if corrector.name not in _KINDS:
        cause = f"the corrector {corrector.name} cannot be exported: mien has no graph of it"
        raise UsageError(cause, place="--onnx", remedy=f"make the patch with one of {', '.join(EXPORTABLE)}")
    return _KINDS[corrector.name](nodes, corrector)


def _adapter(nodes: Nodes, corrector: Any) -> str:
    from mien.deploy.onnx.adapter import adapter_score  # loads torch

    return adapter_score(nodes, corrector)


def _trees(nodes: Nodes, corrector: Any) -> str:
    from mien.deploy.onnx.trees import trees_score  # loads the libraries of boosting

    return trees_score(nodes, corrector)


def _blend(nodes: Nodes, corrector: Any) -> str:
    scores = [proposal(nodes, member)[0] for member in check_fitted(corrector.members_, corrector.name)]
    total = nodes("Sum", *scores)
    return nodes("Div", total, nodes.constant(float(len(scores)), np.float64))


def _cascade(nodes: Nodes, corrector: Any) -> str:
    """The second score above the gate, below it one that is lower than all of these. Both are computed."""
    first, second = (proposal(nodes, member)[0] for member in check_fitted(corrector.members_, corrector.name))
    gate = nodes.constant(corrector.gate_, np.float64)
    lacking = nodes("Sub", first, gate)
    low = nodes("Add", nodes("Min", lacking, nodes.constant(0.0, np.float64)), nodes.constant(NEVER, np.float64))
    return nodes("Where", nodes("GreaterOrEqual", first, gate), second, low)


_KINDS: dict[str, Callable[[Nodes, Any], str]] = {
    "logistic": linear_score,
    "lda": linear_score,
    "projection": projection_score,
    "nystroem": nystroem_score,
    "fisher": fisher_score,
    "novelty": novelty_score,
    "adapter": _adapter,
    "blend": _blend,
    "cascade": _cascade,
    "xgboost": _trees,
    "lightgbm": _trees,
    "error_detector": _trees,
}
EXPORTABLE = (*_KINDS, "stack")
"""Names of the correctors that can be exported: all that mien brings."""
