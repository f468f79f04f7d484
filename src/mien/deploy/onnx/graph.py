"""The graphs of a corrected classifier: f, the corrector g that reads f's layers, and both as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.certify.combine import NO_OVERRIDE
from mien.classifiers.contract import DECISIONS
from mien.classifiers.onnx_surgery import at_opset
from mien.deploy.onnx.correctors import proposal
from mien.deploy.onnx.nodes import PROBABILITIES, Nodes, onnx_library
from mien.deploy.patch import Patch
from mien.errors import UsageError
from mien.outside import words
from mien.types import NO_LABEL, FeatureRequest, Floats, Outputs

TYPES = (np.int64, np.bool_, np.float32, np.int64)
"""Of the outputs DECISIONS of a corrector, each (N,)."""

PREFIX = "corrector/"
"""Of all names of a corrector inside a graph."""


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
    weights = patch.calibration.weights
    proposals = (proposal(nodes, corrector, weights) for corrector in patch.correctors)
    scores, suggestions = zip(*proposals, strict=True)
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
    values = zip((corrected, overridden, score, suggested), TYPES, strict=True)
    return nodes.model(dict(zip(DECISIONS, values, strict=True)))


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
    largest = nodes("ReduceMax", score, axes=[1], keepdims=1)
    beyond = nodes.constant(nodes.classes, np.int64)
    candidates = nodes("Where", nodes("Equal", score, largest), suggested, beyond)
    chosen = nodes("ReduceMin", candidates, axes=[1], keepdims=0)
    least = nodes.constant(NO_OVERRIDE, np.float32)
    return nodes("Max", nodes("Squeeze", largest, axis), least), chosen


def rounded_up(thresholds: Floats) -> Floats:
    """Thresholds as float32, none of them lower than before.

    >>> bool(rounded_up(np.array([0.1]))[0] >= 0.1)
    True
    """
    rounded = np.asarray(thresholds, np.float64).astype(np.float32)
    return np.where(rounded < thresholds, np.nextafter(rounded, np.float32(np.inf)), rounded)


def features_read(g: Any) -> FeatureRequest:
    """What a corrector's graph reads of the classifier besides its probabilities."""
    names = [value.name for value in g.graph.input]
    vectors, maps = (
        tuple(name.removeprefix(kind) for name in names if name.startswith(kind)) for kind in ("features/", "maps/")
    )
    return FeatureRequest(vectors=vectors, maps=maps)


def composed(f: Any, g: Any) -> Any:
    """One ONNX model of f and g: f's input and outputs, and g's outputs.

    Parameters
    ----------
    f : an ONNX model with the output `probabilities` and every layer that g reads, see `GraphClassifier`.
    g : of `corrector_graph`. Its operators are converted to the version of f's where that is later.

    Raises
    ------
    UsageError : they cannot be one graph.
    """
    compose = onnx_library().compose
    pairs = [(value.name, f"{PREFIX}{value.name}") for value in g.graph.input]
    layers = [name for name, _ in pairs if name != PROBABILITIES]
    outputs = [value.name for value in f.graph.output if value.name not in layers]
    try:
        g = at_opset(g, max(entry.version for entry in f.opset_import if not entry.domain))
        g = compose.add_prefix(g, PREFIX, rename_outputs=False)
        _share_versions(f, g)
        return compose.merge_models(f, g, io_map=pairs, outputs=[*outputs, *DECISIONS], producer_name="mien")
    except Exception as error:  # of the converter, of compose and of the checker, without a common base
        cause = f"classifier and corrector cannot become one graph: {words(error)}"
        remedy = "export the corrector alone, and run it behind the classifier: --patch-only"
        raise UsageError(cause, place="--onnx", remedy=remedy) from None


def _share_versions(f: Any, g: Any) -> None:
    """Give both the later version of the file and of each set of operators; whether they allow it is checked later."""
    f.ir_version = g.ir_version = max(f.ir_version, g.ir_version)
    versions: dict[str, int] = {}
    for entry in (*f.opset_import, *g.opset_import):
        versions[entry.domain] = max(entry.version, versions.get(entry.domain, 0))
    for entry in (*f.opset_import, *g.opset_import):
        entry.version = versions[entry.domain]
