"""Exported graphs: what they hold, what they are compared on, and how they are written."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien.certify.policy import Policy
from mien.classifiers.network import NetworkClassifier
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import Provenance
from mien.deploy.calibration_data import CalibrationData
from mien.deploy.fitting import fit_patch
from mien.deploy.onnx import parity
from mien.deploy.onnx.exporting import Exported, export_graph
from mien.deploy.onnx.metadata import read_metadata, with_metadata
from mien.deploy.patch import Patch
from mien.deploy.predictor import Predictor
from mien.deploy.settings import CorrectSettings
from mien.errors import RunError, StorageError, UsageError
from mien.nets.baselines import ThreeConv
from mien.testing import example_outputs
from mien.types import Outputs, Split

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
DATA = DataSettings("synthetic:n=240,size=24", size=24)


@pytest.fixture(scope="module")
def made() -> tuple[NetworkClassifier, Patch]:
    """A network with random weights, and a patch for the class of every fourth face."""
    torch.manual_seed(0)
    data = prepare(DATA)
    network = ThreeConv(len(data.labelset), 1).eval()
    network.measure(torch.from_numpy(data.pictures[:, None] / 255).float())
    network.flip_tta = True
    classifier = NetworkClassifier.of(network, data)
    rows = np.arange(len(data))
    parts = Split(data.ids, np.where(rows % 2 == 0, 2, 3), 0)  # fit and calibrate in turn
    material = CalibrationData(data, parts, (1,), Provenance("known"))
    settings = CorrectSettings(classes=(data.labelset.names[1],), corrector="logistic")
    patch, _ = fit_patch(classifier, material, settings, Policy(0.3, aim="gain"), about={"data": asdict(DATA)})
    return classifier, patch


@pytest.fixture(scope="module")
def exported(made: tuple[NetworkClassifier, Patch]) -> Exported:
    return export_graph(Predictor(*made))


def test_the_metadata_have_what_a_reader_needs(
    made: tuple[NetworkClassifier, Patch], exported: Exported, tmp_path: Path
) -> None:
    classifier, patch = made
    exported.write(tmp_path / "both.onnx")
    facts = read_metadata(tmp_path / "both.onnx")
    assert facts["kind"] == "corrected classifier" and facts["opset"] == 18
    assert (facts["classifier"], facts["patch"]) == (classifier.card.id, patch.id)
    assert facts["classes"] == list(patch.classes) and facts["inputs"]["size"] == 24
    assert facts["parity"]["pictures"] > 200 and facts["parity"]["decisions"] <= facts["parity"]["near"]
    assert facts["certificate"].startswith("certified with 95 % confidence")
    assert set(facts["thresholds"]) == set(patch.classes)


def test_thresholds_are_certified_on_the_scores_of_the_graph(
    made: tuple[NetworkClassifier, Patch], exported: Exported
) -> None:
    """The threshold of a certificate is a calibration score: one of the graph's, to the last bit."""
    _, patch = made
    assert exported.calibration.startswith("thresholds certified on the graph's own scores")
    session = onnxruntime.InferenceSession(exported.model.SerializeToString())
    data = prepare(DATA)
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(None, {"pictures": data.pictures}), strict=True))
    limit = np.float32(next(value for value in exported.facts["thresholds"].values() if value is not None))
    assert limit in answers["score"]
    rows = np.array([data.ids.tolist().index(key) for key in patch.calibration.row_keys.tolist()])
    right = answers["probabilities"].argmax(1)[rows] == patch.calibration.truth
    assert (answers["overridden"][rows] & right).sum() <= patch.certified.guarantees[0].k


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"about": {}}, "does not name its pictures"),
        ({"about": {"data": {"source": "/nowhere"}}}, "cannot be read"),
        ({"about": {"data": {"source": "synthetic:n=30,size=24"}}}, "are others now"),
        ({"approximate": True}, "cross-fitted"),
    ],
)
def test_thresholds_of_the_patch_are_kept_where_its_pictures_cannot_be_read(
    made: tuple[NetworkClassifier, Patch], change: dict[str, Any], reason: str
) -> None:
    classifier, patch = made
    kept = export_graph(Predictor(classifier, replace(patch, **change)))
    assert "not certified again" in kept.calibration and reason in kept.calibration
    for before, after in zip(patch.certified.thresholds, kept.facts["thresholds"].values(), strict=True):
        assert (after is None and np.isinf(before)) or before <= after < before + 1e-5


def test_a_classifier_alone_and_a_corrector_alone(made: tuple[NetworkClassifier, Patch], exported: Exported) -> None:
    classifier, patch = made
    alone, g = export_graph(Predictor(classifier)), export_graph(Predictor(classifier, patch), patch_only=True)
    assert [output.name for output in alone.model.graph.output] == ["probabilities"]
    assert alone.facts["kind"] == "classifier" and g.facts["kind"] == "corrector"
    assert g.facts["thresholds"] == pytest.approx(exported.facts["thresholds"], abs=1e-4)
    assert {"probabilities", "features/hidden"} <= {value.name for value in g.model.graph.input}
    with pytest.raises(UsageError, match="no patch"):
        export_graph(Predictor(classifier), patch_only=True)


def test_large_weights_lie_beside_the_graph(exported: Exported, tmp_path: Path) -> None:
    graph, weights = exported.write(tmp_path / "both.onnx", largest=1000)
    assert (graph.name, weights.name) == ("both.onnx", "both.onnx.data")
    assert weights.stat().st_size > 100 * graph.stat().st_size / 10
    session = onnxruntime.InferenceSession(str(graph))
    assert session.run(None, {"pictures": prepare(DATA).pictures[:3]})[0].shape[0] == 3
    assert read_metadata(graph)["kind"] == "corrected classifier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.onnx", "both.onnx.data"]


def test_nothing_is_replaced_and_nothing_half_written(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "there.onnx.data").touch()
    with pytest.raises(UsageError, match="exists already"):
        exported.write(tmp_path / "there.onnx")
    with pytest.raises(StorageError):
        exported.write(tmp_path / "missing" / "there.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx.data"]


def test_a_graph_that_decides_otherwise_is_refused(made: tuple[NetworkClassifier, Patch], exported: Exported) -> None:
    classifier, patch = made
    batch = prepare(DATA)
    outputs, decision = parity.answers_in_full_precision(
        Predictor(classifier, patch), parity.Batch(batch.pictures, batch.ids)
    )
    answers = {"score": decision.score, "corrected": decision.final.copy(), "overridden": decision.overridden}
    assert parity.compare(patch, outputs, decision, answers, "").decisions == 0
    far = int(np.abs(decision.score - decision.threshold).argmax())
    answers["corrected"][far] = (decision.final[far] + 1) % len(patch.classes)
    with pytest.raises(RunError, match="1 decisions"):
        parity.compare(patch, outputs, decision, answers, "")
    with pytest.raises(RunError, match="probabilities differ"):
        parity.compare_probabilities(outputs, {"probabilities": outputs.probs[:, ::-1]}, "")


def test_files_that_are_no_exported_graph_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.onnx"
    for content in (b"", b"\x00\xff" * 50, b"no graph"):
        path.write_bytes(content)
        with pytest.raises(RunError):
            read_metadata(path)
    with pytest.raises(RunError, match="no such file"):
        read_metadata(tmp_path / "missing.onnx")
    graph = onnx.helper.make_graph([], "g", [], [])
    onnx.save(onnx.helper.make_model(graph), path)
    with pytest.raises(RunError, match="not exported by mien"):
        read_metadata(path)


def test_values_of_the_metadata_may_be_anything(tmp_path: Path) -> None:
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    values = {"kind": "corrector", "classes": "[" * 5000, "parity": json.dumps([1]), "thresholds": "x" * 300_000}
    onnx.save(with_metadata(model, values), tmp_path / "odd.onnx")
    facts = read_metadata(tmp_path / "odd.onnx")
    assert facts["kind"] == "corrector" and "thresholds" not in facts and facts["parity"] == [1]


def test_only_networks_become_graphs() -> None:
    outputs, _ = example_outputs(count=20)

    class Table:
        card = None

        def outputs(self, batch: Any, request: Any = None) -> Outputs:
            return outputs

    with pytest.raises(UsageError, match="cannot become an ONNX graph"):
        export_graph(Predictor(Table()))
