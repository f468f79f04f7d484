"""Adapters as nodes of a graph: torch traces their layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.correctors.log_odds import LEAST, Encoding
from mien.deploy.onnx.log_odds import column, log_odds, log_softmax, of_answer
from mien.deploy.onnx.nodes import PROBABILITIES, Nodes


def adapter_log_probs(nodes: Nodes, corrector: Any) -> str:
    """(N, K) log-probabilities of an adapter."""
    maps, shape = nodes.map(corrector.layer_)
    prefix = f"adapter_{len(nodes.nodes)}/"
    return log_softmax(nodes, nodes.insert(corrector.graph(shape), prefix, {"maps": maps})["logits"])


def adapter_score(nodes: Nodes, corrector: Any) -> str:
    """(N,) score of an adapter of one class; for one that f knows, averaged with f's own log-odds."""
    target, share = corrector.target_, corrector.own_share_
    score = log_odds(nodes, adapter_log_probs(nodes, corrector), Encoding("classes", 1.0), target)
    if not (nodes.template.known[target] and share):
        return score
    chances = nodes.cast(nodes("Max", PROBABILITIES, nodes.constant(LEAST, np.float32)), np.float64)
    of_f = nodes("Log", nodes("Div", column(nodes, chances, target), of_answer(nodes, chances)))
    weighted = [
        nodes("Mul", part, nodes.constant(weight, np.float64)) for part, weight in ((score, 1 - share), (of_f, share))
    ]
    return nodes("Add", *weighted)
