"""Novelty scores as nodes of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.correctors.novelty import LEAST, NEIGHBOURS
from mien.deploy.onnx.log_odds import sum_of_exponentials
from mien.deploy.onnx.nodes import PROBABILITIES, Nodes
from mien.deploy.onnx.on_vectors import vectors


def novelty_score(nodes: Nodes, corrector: Any) -> str:
    """(N,) float64 novelty, in standard deviations above the mean of the fitted images."""
    learnt, method = corrector.learnt_, corrector.method_
    of_outputs = {"msp": _msp, "energy": _energy, "gen": _gen}
    if method in of_outputs:
        raw = of_outputs[method](nodes)
    else:
        wide = nodes.cast(vectors(nodes, corrector.embedding_), np.float64)
        raw = {"knn": _knn, "vim": _vim, "mahalanobis": _mahalanobis, "relative": _relative}[method](
            nodes, wide, learnt
        )
    centred = nodes("Sub", raw, nodes.constant(float(learnt["centre"]), np.float64))
    return nodes("Div", centred, nodes.constant(float(learnt["scale"]), np.float64))


def _msp(nodes: Nodes) -> str:
    largest = nodes("ReduceMax", PROBABILITIES, axes=[1], keepdims=0)
    least = nodes.constant(LEAST, np.float32)
    return nodes("Neg", nodes.cast(nodes("Log", nodes("Max", largest, least)), np.float64))


def _energy(nodes: Nodes) -> str:
    name, template = "logits", nodes.template.vectors
    gaussian = "means" in template and template["means"].shape[1:] == nodes.template.known.shape
    logits = nodes.vector("means" if gaussian else name)
    if gaussian:
        logits = nodes("Gather", logits, nodes.constant(np.flatnonzero(nodes.template.known), np.int64), axis=1)
    return nodes("Neg", sum_of_exponentials(nodes, nodes.cast(logits, np.float64)))


def _gen(nodes: Nodes, gamma: float = 0.1) -> str:
    chances = nodes.cast(nodes.known_columns(), np.float64)
    power, zero = nodes.constant(gamma, np.float64), nodes.constant(0.0, np.float64)
    others = nodes("Max", nodes("Sub", nodes.constant(1.0, np.float64), chances), zero)
    product = nodes("Mul", nodes("Pow", chances, power), nodes("Pow", others, power))
    return nodes("ReduceSum", product, nodes.constant([1], np.int64), keepdims=0)


def _knn(nodes: Nodes, wide: str, learnt: Any) -> str:
    usual = np.asarray(learnt["usual"], np.float64)
    length = nodes("Max", nodes("ReduceL2", wide, axes=[1], keepdims=1), nodes.constant(LEAST, np.float64))
    unit = nodes("Div", wide, length)
    both = nodes("Add", nodes("ReduceSumSquare", unit, axes=[1], keepdims=1), nodes.constant((usual**2).sum(1)))
    squared = nodes("Sub", both, nodes("MatMul", unit, nodes.constant(2 * usual.T)))
    count = min(NEIGHBOURS, len(usual))
    negative = nodes("TopK", nodes("Neg", squared), nodes.constant([count], np.int64), axis=1)
    nodes.nodes[-1].output.append(f"{negative}_places")  # an operator with two outputs
    last = nodes("Neg", nodes("Gather", negative, nodes.constant(count - 1, np.int64), axis=1))
    return nodes("Sqrt", nodes("Max", last, nodes.constant(0.0, np.float64)))


def _vim(nodes: Nodes, wide: str, learnt: Any) -> str:
    inside = np.asarray(learnt["inside"], np.float64)
    outside = nodes("Sub", wide, nodes("MatMul", wide, nodes.constant(inside @ inside.T)))
    length = nodes("ReduceL2", outside, axes=[1], keepdims=0)
    return nodes(
        "Add", nodes("Mul", length, nodes.constant(float(learnt["weight"]), np.float64)), _energy_or_zero(nodes)
    )


def _energy_or_zero(nodes: Nodes) -> str:
    """The energy; without logits, that of log p."""
    if "logits" in nodes.template.vectors:
        return _energy(nodes)
    least = nodes.constant(LEAST, np.float32)
    logs = nodes("Log", nodes("Max", nodes.known_columns(), least))
    return nodes("Neg", sum_of_exponentials(nodes, nodes.cast(logs, np.float64)))


def _mahalanobis(nodes: Nodes, wide: str, learnt: Any) -> str:
    return _squared_distance(nodes, wide, learnt["means"], learnt["precision"])


def _relative(nodes: Nodes, wide: str, learnt: Any) -> str:
    of_all = _squared_distance(nodes, wide, learnt["mean_of_all"][None], learnt["precision_of_all"])
    return nodes("Sub", _mahalanobis(nodes, wide, learnt), of_all)


def _squared_distance(nodes: Nodes, wide: str, centres: Any, precision: Any) -> str:
    """(N,) squared Mahalanobis distance from the nearest centre."""
    last = nodes.constant([2], np.int64)
    around = nodes("Sub", nodes("Unsqueeze", wide, nodes.constant([1], np.int64)), nodes.constant(centres, np.float64))
    products = nodes("Mul", nodes("MatMul", around, nodes.constant(precision, np.float64)), around)
    distances = nodes("ReduceSum", products, last, keepdims=0)
    return nodes("ReduceMin", distances, axes=[1], keepdims=0)
