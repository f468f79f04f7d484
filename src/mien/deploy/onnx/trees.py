"""Boosted trees as nodes of a graph, by the converters of onnxmltools."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mien.correctors.contract import check_fitted
from mien.correctors.log_odds import NEVER
from mien.deploy.onnx.log_odds import all_codes, of_answer
from mien.deploy.onnx.nodes import Nodes, onnx_library
from mien.outside import import_optional

THRESHOLD = re.compile(r"^threshold=(.*)$", re.MULTILINE)
SIZES = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)
"""Lengths of the trees as text, which rounded thresholds change; without them LightGBM reads tree after tree."""
CONVERTERS_OPSET = 15
"""The latest operators that the converters of onnxmltools write; of their models only the trees are taken."""
LEAVES = {"class_ids": "target_ids", "class_nodeids": "target_nodeids", "class_treeids": "target_treeids",
          "class_weights": "target_weights"}  # fmt: skip


def stack_proposal(nodes: Nodes, corrector: Any) -> tuple[str, str]:
    """(N,) score and (N,) int64 suggestion: the most probable class, and how much more probable than f's answer."""
    log_probs = all_codes(nodes, trees_log_probs(nodes, corrector), corrector.encoding_)
    suggested = nodes("ArgMax", log_probs, axis=1, keepdims=0)
    largest = nodes("ReduceMax", log_probs, axes=[1], keepdims=0)
    return nodes("Sub", largest, of_answer(nodes, log_probs)), suggested


def trees_log_probs(nodes: Nodes, corrector: Any) -> str:
    """(N, S) float64 log-probabilities; XGBoost gives float32 probabilities, so its own are rounded to that."""
    codes = len(corrector.encoding_.codes)
    features = nodes.stacked(check_fitted(corrector.layers_, corrector.name))
    targets = 1 if codes == 2 else codes
    trees = _trees(_converted(corrector, sum(corrector.widths_.values()) or None), targets)
    sums = nodes.cast(nodes("TreeEnsembleRegressor", features, domain="ai.onnx.ml", **trees), np.float64)
    chances = nodes("Sigmoid", sums) if codes == 2 else nodes("Softmax", sums, axis=1)
    if corrector.package == "xgboost":
        chances = nodes.cast(nodes.cast(chances, np.float32), np.float64)
    if codes == 2:
        chances = nodes("Concat", nodes("Sub", nodes.constant(1.0, np.float64), chances), chances, axis=1)
    return nodes("Log", nodes("Max", chances, nodes.constant(np.exp(NEVER), np.float64)))


def _trees(model: Any, targets: int) -> dict[str, Any]:
    """The attributes of a converted classifier as those of a regression on the sums of its leaves.

    ONNX Runtime's own probabilities of two classes lose digits: for a negative sum they are one minus a large number.
    """
    value_of = onnx_library().helper.get_attribute_value
    classifier = next(node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")
    attributes = {attribute.name: value_of(attribute) for attribute in classifier.attribute}
    trees = {name: value for name, value in attributes.items() if name.startswith("nodes_")}
    trees |= {leaf: attributes[name] for name, leaf in LEAVES.items()}
    if targets == 1:
        trees["target_ids"] = [0] * len(trees["target_ids"])
    base = attributes.get("base_values") or []
    return {**trees, "n_targets": targets, **({"base_values": base} if len(base) == targets else {})}


def _converted(corrector: Any, width: int | None) -> Any:
    """The trees as an ONNX model with a `TreeEnsembleClassifier`."""
    library = import_optional("onnxmltools", "onnxmltools", "onnx")
    types = import_optional("onnxmltools.convert.common.data_types", "onnxmltools", "onnx")
    kinds = [("features", types.FloatTensorType([None, width]))]
    booster = corrector.booster_
    if corrector.package == "xgboost":
        return library.convert_xgboost(booster, initial_types=kinds, target_opset=CONVERTERS_OPSET)
    trees = THRESHOLD.sub(_float32_thresholds, SIZES.sub("", booster.model_to_string()))
    rounded = corrector.library.Booster(model_str=trees)
    return library.convert_lightgbm(rounded, initial_types=kinds, target_opset=CONVERTERS_OPSET, zipmap=False)


def _float32_thresholds(line: re.Match[str]) -> str:
    """Thresholds rounded down to float32: they divide float32 features as the float64 ones do (feature ≤ threshold)."""
    values = np.array(line[1].split(), np.float64)
    rounded = values.astype(np.float32)
    rounded = np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return "threshold=" + " ".join(repr(float(value)) for value in rounded)
