"""Every corrector decides in ONNX Runtime as it decides in mien, alone and with others."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import combine_proposals
from mien.certify.policy import Policy
from mien.classifiers.contract import Batch
from mien.classifiers.feature_store import build_corrector
from mien.classifiers.network import NetworkClassifier
from mien.correctors import NOVELTY_SCORES, Novelty
from mien.correctors.base import BaseCorrector
from mien.correctors.contract import Corrector, Target, weighed_proposal
from mien.data.prepare import DataSettings, prepare
from mien.deploy.onnx.graph import composed, corrector_graph, features_read, rounded_up
from mien.deploy.patch import Patch
from mien.deploy.watch_io import Restraint
from mien.errors import UsageError
from mien.nets.settings import AugmentSettings
from mien.testing import example_outputs
from mien.types import FeatureRequest, Outputs, Proposal

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
OUTPUTS, LABELS = example_outputs(count=400)
FIT, HELD = np.arange(200), np.arange(200, 400)
ON_VECTORS = [name for name in correctors.names() if name not in ("adapter", "adapter_blend", "cascade", "novelty")]
NEW, KNOWN = 3, 1


def run(model: Any, feeds: dict[str, Any]) -> dict[str, Any]:
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def feeds(model: Any, outputs: Outputs) -> dict[str, Any]:
    values = {"probabilities": outputs.probs}
    values |= {f"features/{name}": vectors for name, vectors in outputs.vectors.items()}
    values |= {f"maps/{name}": maps for name, maps in outputs.maps.items()}
    return {value.name: values[value.name].astype(np.float32) for value in model.graph.input}


def fitted(name: str, target: Target) -> Corrector:
    if name not in ("lightgbm", "xgboost", "stack", "error_detector"):
        return correctors.get_corrector(name)(target).fit(OUTPUTS.take(FIT), LABELS[FIT])
    pytest.importorskip("onnxmltools")
    pytest.importorskip("lightgbm" if name == "lightgbm" else "xgboost")
    return correctors.get_corrector(name)(target, rounds=30).fit(OUTPUTS.take(FIT), LABELS[FIT])


def patched(*members: Corrector, **policy: Any) -> Patch:
    held = OUTPUTS.take(HELD)
    proposals = [member.propose(held) for member in members]
    sets = [CalibrationSet.of(proposal, LABELS[HELD], held.predicted) for proposal in proposals]
    calibration = sets[0]
    for other in sets[1:]:
        calibration = calibration.with_correctors(other)
    names = tuple(member.name for member in members)
    policy = {"budget": 0.1, "aim": "gain", **policy}
    return Patch(tuple("abcd"), OUTPUTS.known, names, members, Policy(**policy), calibration, "f", "data")


def check_same(patch: Patch, outputs: Outputs = OUTPUTS, atol: float = 1e-3) -> dict[str, Any]:
    model = corrector_graph(patch, outputs.take(np.arange(1)), outputs.probs.shape[1])
    got = run(model, feeds(model, outputs))
    proposal = patch.propose(outputs)
    decision = patch.decide(outputs, proposal)
    assert np.allclose(got["score"], proposal.score, atol=atol, rtol=1e-6)
    assert np.array_equal(got["suggested"], proposal.suggested)
    near = np.abs(proposal.score - patch.certified.thresholds[decision.base]) < atol
    assert near.sum() < 20 and np.array_equal(got["overridden"][~near], decision.overridden[~near])
    assert np.array_equal(got["corrected"][~near], decision.final[~near])
    return got


@pytest.mark.parametrize("name", ON_VECTORS)
@pytest.mark.parametrize("target", [NEW, KNOWN])
def test_a_corrector_decides_alike(name: str, target: int) -> None:
    check_same(patched(fitted(name, target)))


@pytest.mark.parametrize("name", [name for name in ON_VECTORS if correctors.get_corrector(name).several_classes])
@pytest.mark.parametrize("targets", [(0, 1, 2, 3), (KNOWN, NEW)])
@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 1.0, 3.0])])
def test_a_corrector_of_several_classes_decides_alike(name: str, targets: tuple[int, ...], weights: Any) -> None:
    corrector = fitted(name, targets)
    patch = patched(corrector, budget=0.3)
    if weights is not None:
        held = OUTPUTS.take(HELD)
        proposal = weighed_proposal(corrector, held, weights)
        calibration = CalibrationSet.of(proposal, LABELS[HELD], held.predicted)
        patch = replace(patch, calibration=replace(calibration, weights=weights))
    got = check_same(patch)
    assert set(got["suggested"]) <= set(targets) and got["overridden"].any()


@pytest.mark.parametrize("method", NOVELTY_SCORES)
def test_novelty_scores_are_alike(method: str) -> None:
    """In float32, as networks answer: the score "gen" has roots of 1 − p, which lose all digits for p near 1."""
    outputs = replace(OUTPUTS, probs=OUTPUTS.probs.astype(np.float32))
    novelty = Novelty(NEW, method).fit(outputs.take(FIT))
    model = corrector_graph(patched(novelty), outputs.take(FIT[:1]), 4)
    assert np.allclose(run(model, feeds(model, outputs))["score"], novelty.propose(outputs).score, atol=1e-3)


@pytest.mark.parametrize("encoding", ["rest", "three", "classes"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_encodings_and_weights_are_alike(encoding: str, weight: float) -> None:
    made = correctors.get_corrector("logistic")(NEW, target_encoding=encoding, error_weight=weight)
    check_same(patched(made.fit(OUTPUTS.take(FIT), LABELS[FIT])))


@pytest.mark.parametrize("action", ["relabel", "abstain", "flag"])
@pytest.mark.parametrize("scope", ["pooled", "predicted"])
def test_actions_and_thresholds_by_answer_are_inside(action: str, scope: str) -> None:
    both = patched(fitted("lda", NEW), fitted("logistic", KNOWN), action=action, scope=scope, budget=0.3)
    assert check_same(both)["overridden"].any()


@pytest.mark.parametrize("action", ["flag", "silence"])
def test_what_an_alarm_put_in_force_is_inside(action: str) -> None:
    patch = replace(patched(fitted("lda", NEW)), restraint=Restraint(action, "too much harm"))
    got = check_same(patch)
    assert np.array_equal(got["corrected"], OUTPUTS.predicted)
    assert got["overridden"].any() == (action == "flag")


def test_of_equal_scores_the_lower_class_is_taken() -> None:
    twice = [fitted("lda", KNOWN), fitted("lda", KNOWN)]
    twice[1].target_ = NEW
    patch = patched(*twice)
    got = run(model := corrector_graph(patch, OUTPUTS.take(FIT[:1]), 4), feeds(model, OUTPUTS))
    base, score = OUTPUTS.predicted, twice[0].propose(OUTPUTS).score
    expected = combine_proposals([Proposal(None, score, np.full(len(base), target)) for target in (KNOWN, NEW)], base)
    assert np.array_equal(got["suggested"], expected.suggested)


def test_a_corrector_from_outside_is_refused() -> None:
    class Mine(BaseCorrector):
        name = "mine:Mine"
        target_ = NEW

        def _propose(self, outputs: Outputs) -> Proposal:
            return Proposal(outputs.ids, outputs.probs.max(1), np.full(len(outputs), NEW))

    with pytest.raises(UsageError, match="cannot be exported"):
        corrector_graph(patched(Mine()), OUTPUTS.take(FIT[:1]), 4)


def test_thresholds_are_never_rounded_down() -> None:
    values = np.random.default_rng(0).normal(size=100)
    assert (rounded_up(values) >= values).all() and rounded_up(np.array([np.inf]))[0] == np.inf


@cache
def drawn() -> tuple[NetworkClassifier, Batch, Any]:
    """A network with random weights, drawn faces, and labels that depend on the pictures."""
    torch.manual_seed(0)
    data = prepare(DataSettings("synthetic:n=60,size=24", size=24))
    from mien.nets.baselines import ThreeConv

    network = ThreeConv(len(data.labelset), 1).eval()
    network.measure(torch.from_numpy(data.pictures[:30, None] / 255).float())
    network.flip_tta = True
    return NetworkClassifier.of(network, data), Batch.of(data, np.arange(len(data))), data.labels


@pytest.mark.parametrize("name", ["adapter", "adapter_blend", "cascade"])
@pytest.mark.parametrize(("added", "several"), [(0, False), (1, False), (1, True)])
def test_adapter_and_cascade_decide_alike_in_one_graph_with_the_network(name: str, added: int, several: bool) -> None:
    """Also for a class that the network lacks: its probabilities have no column for it."""
    classifier, batch, labels = drawn()
    own = len(classifier.card.classes)
    target = own if added else 2
    labels = np.where(np.arange(len(labels)) % 5 == 0, target, labels)
    targets = tuple(range(own + added)) if several else target
    corrector = build_corrector(correctors.get_corrector(name), classifier, targets, own + added)
    {"adapter": lambda: corrector, "adapter_blend": lambda: corrector.members[0]}.get(
        name, lambda: corrector.second
    )().epochs = 1
    layer = classifier.network.adapter_layer
    outputs = classifier.outputs(batch, FeatureRequest(maps=(layer,))).padded_to(own + added)
    views = {layer: classifier.views(batch, layer, 2, AugmentSettings())}
    corrector.fit(outputs.with_features(maps=views), labels)
    if name == "cascade":  # within rounding of its gate, the score may be that of either member
        quick = np.sort(corrector.members_[0].propose(outputs).score)
        widest = np.diff(quick).argmax()
        corrector.gate_ = float(quick[widest : widest + 2].mean())
    calibration = CalibrationSet.of(corrector.propose(outputs), labels, outputs.predicted)
    classes = tuple(f"class {number}" for number in range(own + added))
    patch = Patch(classes, outputs.known, (name,), (corrector,), Policy(0.3, aim="gain"), calibration, "f", "data")
    g = corrector_graph(patch, outputs.take(np.arange(1)), own)
    whole = run(composed(classifier.as_onnx(features_read(g)), g), {"pictures": batch.data})
    alone = run(classifier.as_onnx(), {"pictures": batch.data})
    assert np.array_equal(whole["probabilities"], alone["probabilities"])
    proposal = patch.propose(outputs)
    assert np.allclose(whole["score"], proposal.score, atol=0.01)
    same = whole["suggested"] == proposal.suggested
    assert same.mean() > 0.95 if several else same.all()  # of two classes within rounding either is the most probable
