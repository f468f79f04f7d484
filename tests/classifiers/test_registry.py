"""Any classifier is opened by one function."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mien.classifiers import registry
from mien.classifiers.contract import Batch, TableSpec
from mien.classifiers.function import FunctionClassifier
from mien.classifiers.network import NetworkClassifier
from mien.classifiers.registry import open_classifier
from mien.classifiers.sklearn import EstimatorClassifier
from mien.classifiers.table import TableClassifier
from mien.errors import RunError, UsageError
from mien.nets import saved
from mien.testing import example_outputs

X, Y = np.array([[0.0], [1.0]]), ["calm", "fear"]


def even(table: np.ndarray) -> np.ndarray:
    return np.full((len(table), 2), 0.5)


def open_even(source: str) -> FunctionClassifier:
    return FunctionClassifier(even, ["calm", "fear"], TableSpec(1), source)


def test_each_source_is_known_by_what_it_is(tmp_path: Path) -> None:
    known = np.array([True, True])
    card = saved.ModelCard("oneconv", ("calm", "fear"), (True, True), 16, False, "pad")
    saved.save(saved.build("oneconv", known, colour=False), card, tmp_path)
    sources: dict[type, tuple[Any, dict[str, Any]]] = {
        NetworkClassifier: (tmp_path, {}),
        EstimatorClassifier: (LogisticRegression().fit(X, Y), {}),
        TableClassifier: (example_outputs()[0], {"classes": list("abcd")}),
        FunctionClassifier: (even, {"classes": ["calm", "fear"], "inputs": TableSpec(1)}),
    }
    for kind, (source, settings) in sources.items():
        found = open_classifier(source, **settings)
        assert isinstance(found, kind) and open_classifier(found) is found
    assert isinstance(open_classifier(str(tmp_path)), NetworkClassifier)


def test_what_is_missing_or_too_much_is_named() -> None:
    with pytest.raises(UsageError, match=r"classes=…, inputs=…"):
        open_classifier(even)
    with pytest.raises(UsageError, match="'clases'"):
        open_classifier(even, clases=["calm"])
    with pytest.raises(RunError, match="no such folder"):
        open_classifier("no-such-folder")


@pytest.mark.parametrize("source", ["fer.pkl", 7, LogisticRegression])
def test_what_cannot_be_opened_is_refused_with_a_way_out(source: object) -> None:
    with pytest.raises(UsageError, match="FunctionClassifier"):
        open_classifier(source)


def test_models_from_elsewhere_are_opened_with_what_is_declared() -> None:
    with pytest.raises(UsageError, match="--layout"):
        open_classifier(torch.nn.Conv2d(1, 2, 3))
    with pytest.raises(UsageError, match="'scalings'"):
        open_classifier(torch.nn.Conv2d(1, 2, 3), scalings="0..1")
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    with pytest.raises(RunError, match="no such file"):
        open_classifier("fer.onnx")


def test_kinds_from_outside_are_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("even", "test_registry:open_even", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    monkeypatch.setattr(EntryPoint, "load", lambda self: open_even)
    assert open_classifier("v1", "even").outputs(Batch(np.zeros((1, 1)))).probs.tolist() == [[0.5, 0.5]]
    with pytest.raises(UsageError, match="even"):
        open_classifier("v1", "evne")
