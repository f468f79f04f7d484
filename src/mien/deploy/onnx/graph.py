"""The graphs of a corrected classifier: f, the corrector g that reads f's layers, and both as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.certify.combine import NO_OVERRIDE
from mien.deploy.onnx.correctors import proposal
from mien.deploy.onnx.nodes import PROBABILITIES, Nodes, onnx_library
from mien.deploy.patch import Patch
from mien.types import NO_LABEL, Floats, Outputs

DECISIONS = {"corrected": np.int64, "overridden": np.bool_, "score": np.float32, "suggested": np.int64}
"""Outputs of the corrector, each (N,), with their types."""


def corrector_graph(patch: Patch, template: Outputs, answered: int, thresholds: Floats | None = None) -> Any:
    """The corrector g as an ONNX model: it reads f's probabilities and layers, and gives the outputs DECISIONS.

    Parameters
    ----------
    template : outputs of f for any pictures, with the features that the patch needs, in the classes of the patch.
    answered : number of f's own classes.
    thresholds : (K,) by f's answer, float32; by default those of the patch, rounded up.

    Raises
    ------
    UsageError : a corrector cannot be exported.
    """
    nodes = Nodes(template, answered)
    scores, suggestions = zip(*(proposal(nodes, corrector) for corrector in patch.correctors), strict=True)
    score, suggested = _combined(nodes, scores, suggestions)
    limits, action = rounded_up(patch.certified.thresholds) if thresholds is None else thresholds, patch.policy.action
    if patch.restraint:
        limits, action = patch.restraint.applied(limits, action)
    limit = nodes("Gather", nodes.constant(limits, np.float32), nodes.base, axis=0)
    differs = nodes("Not", nodes("Equal", suggested, nodes.base))
    overridden = nodes("And", nodes("Greater", score, limit), differs)
    if action == "flag":
        corrected = nodes.base
    else:
        answer = suggested if action == "relabel" else nodes.constant(NO_LABEL, np.int64)
        corrected = nodes("Where", overridden, answer, nodes.base)
    values = dict(zip(DECISIONS, (corrected, overridden, score, suggested), strict=True))
    return nodes.model({name: (values[name], kind) for name, kind in DECISIONS.items()})


def _combined(nodes: Nodes, scores: Sequence[str], suggestions: Sequence[str]) -> tuple[str, str]:
    """Score (float32) and suggestion of all correctors as one, as `mien.certify.combine` combines them."""
    axis = nodes.constant([1], np.int64)
    stacked = [
        nodes("Concat", *(nodes("Unsqueeze", value, axis) for value in values), axis=1)
        for values in (scores, suggestions)
    ]
    score, suggested = nodes.cast(stacked[0], np.float32), stacked[1]
    silent = nodes("Equal", suggested, nodes("Unsqueeze", nodes.base, axis))
    score = nodes("Where", silent, nodes.constant(-np.inf, np.float32), score)
    largest = nodes("ReduceMax", score, axis, keepdims=1)
    beyond = nodes.constant(nodes.classes, np.int64)
    candidates = nodes("Where", nodes("Equal", score, largest), suggested, beyond)
    chosen = nodes("ReduceMin", candidates, axis, keepdims=0)
    least = nodes.constant(NO_OVERRIDE, np.float32)
    return nodes("Max", nodes("Squeeze", largest, axis), least), chosen


def rounded_up(thresholds: Floats) -> Floats:
    """Thresholds as float32, none of them lower than before.

    >>> bool(rounded_up(np.array([0.1]))[0] >= 0.1)
    True
    """
    rounded = np.asarray(thresholds, np.float64).astype(np.float32)
    return np.where(rounded < thresholds, np.nextafter(rounded, np.float32(np.inf)), rounded)


def composed(f: Any, g: Any) -> Any:
    """One ONNX model of f and g: f's inputs and probabilities, and g's outputs.

    Parameters
    ----------
    f : an ONNX model with the output `probabilities` and every layer that g reads, under the name that g reads it by.
    g : of `corrector_graph`.
    """
    compose = onnx_library().compose
    g = compose.add_prefix(g, "corrector/", rename_inputs=False, rename_outputs=False)
    pairs = [(value.name, value.name) for value in g.graph.input]
    outputs = [PROBABILITIES, *DECISIONS]
    return compose.merge_models(f, g, io_map=pairs, outputs=outputs, producer_name="mien")
