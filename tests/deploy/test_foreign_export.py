"""A classifier from elsewhere and its patch as one ONNX graph."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, SIDE, bars, onnx
from PIL import Image

import mien
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.classifiers.foreign import ForeignClassifier
from mien.deploy.onnx.exporting import Exported, export_graph
from mien.deploy.onnx.publish import publish
from mien.deploy.onnx.session import Session
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.testing import example_bars
from mien.types import FeatureRequest

onnxruntime = pytest.importorskip("onnxruntime")
IMAGES, LABELS = example_bars(60)
NAMES = np.array(CLASSES)[LABELS]


def opened(path: Path, **declared: Any) -> ForeignClassifier:
    return open_model(str(path), **{"classes": CLASSES, "scaling": "0..255", **declared})


def patched(classifier: ForeignClassifier, corrector: str = "logistic") -> Predictor:
    """A patch for the third class."""
    corrected = mien.CorrectedClassifier(
        classifier, classes=["right"], corrector=corrector, budget=0.3, aim="gain", assume_unseen=True
    )
    corrected.fit(IMAGES, NAMES)
    return Predictor(classifier, corrected.patch_)


def run(model: Any, data: Any) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model if isinstance(model, str) else model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: data}), strict=True))


FORMS = [
    ({}, {}), ({"softmax": False}, {"scaling": "-1..1"}), ({"shape": ("n", SIDE, SIDE, 1)}, {"scaling": "0..1"}),
    ({"shape": (1, 1, SIDE, SIDE)}, {}), ({"dtype": onnx.TensorProto.FLOAT16}, {"scaling": "-1..1"}),
    ({"dtype": onnx.TensorProto.UINT8}, {}), ({"dtype": onnx.TensorProto.DOUBLE}, {"scaling": "mean=0.5;std=0.25"}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "declared"), FORMS)
def test_a_model_of_any_form_shows_what_correctors_read(
    form: dict[str, Any], declared: dict[str, Any], tmp_path: Path
) -> None:
    classifier = opened(bars(tmp_path / "m.onnx", **form), **declared)
    request = FeatureRequest(maps=("pixels", "stage1"))
    answers = Session(classifier.as_onnx(request)).answer(classifier, Batch(IMAGES))
    outputs = classifier.outputs(Batch(IMAGES), request)
    assert np.allclose(answers["probabilities"], outputs.probs, atol=1e-6)
    assert len(outputs.vectors) == 6 - (form.get("softmax") is False)
    for name, values in outputs.vectors.items():
        assert np.allclose(answers[f"features/{name}"], values, rtol=1e-5, atol=1e-5), name
    assert np.array_equal(answers["maps/pixels"][:, 0, 0], IMAGES / np.float32(255))
    assert np.allclose(answers["maps/stage1"], outputs.maps["stage1"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("opset", "corrector"), [(9, "logistic"), (13, "blend"), (17, "logistic"), (21, "blend")])
def test_models_of_any_age_keep_their_outputs_bit_by_bit(corrector: str, opset: int, tmp_path: Path) -> None:
    model = onnx.load(str(bars(tmp_path / "m.onnx", softmax=False)))
    model.opset_import[0].version = opset
    path = tmp_path / "old.onnx"
    onnx.save(model, str(path))
    predictor = patched(opened(path), corrector)
    exported = export_graph(predictor, check=IMAGES)
    data = predictor.classifier.graph_input(Batch(IMAGES))  # type: ignore[attr-defined]
    before, after = run(str(path), data), run(exported.model, data)
    assert np.array_equal(before["logits"], after["logits"])
    decision = predictor.answer(Batch(IMAGES)).decision
    assert decision.score is not None and decision.threshold is not None
    clear = np.abs(decision.score - decision.threshold) > exported.parity.rounding  # a threshold is itself a score
    assert clear.sum() > 10 and np.array_equal(after["corrected"][clear], decision.final[clear])
    assert exported.facts["opset"] == max(opset, 13) and exported.parity.decisions <= exported.parity.near
    assert [value.name for value in exported.model.graph.input] == ["picture"]


def test_outputs_that_are_named_as_those_of_the_patch_get_another_name(tmp_path: Path) -> None:
    """The model answers with logits under the name `probabilities`, beside an array `score`."""
    model = onnx.load(str(bars(tmp_path / "m.onnx", softmax=False)))
    helper = onnx.helper
    for old, new in (("logits", "probabilities"), ("rows", "score"), ("first", "corrector/first")):
        for node in model.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]
    model.graph.output[0].name = "probabilities"
    model.graph.output.append(helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ("n", SIDE * SIDE)))
    onnx.save(model, str(tmp_path / "odd.onnx"))
    predictor = patched(opened(tmp_path / "odd.onnx", output="probabilities"))
    exported = export_graph(predictor, check=IMAGES)
    data = predictor.classifier.graph_input(Batch(IMAGES))  # type: ignore[attr-defined]
    before, after = run(str(tmp_path / "odd.onnx"), data), run(exported.model, data)
    assert np.array_equal(after["f/probabilities"], before["probabilities"])
    assert np.array_equal(after["f/score"], before["score"]) and after["score"].shape == (len(IMAGES),)
    assert np.allclose(after["probabilities"].sum(1), 1) and "f/score" in exported.facts["outputs"]


def test_independent_answers_are_divided(tmp_path: Path) -> None:
    model = onnx.load(str(bars(tmp_path / "m.onnx", softmax=False)))
    model.graph.node.append(onnx.helper.make_node("Sigmoid", ["logits"], ["chances"]))
    model.graph.output[0].name = "chances"
    onnx.save(model, str(tmp_path / "m.onnx"))
    classifier = opened(tmp_path / "m.onnx", answers="independent")
    answers = Session(classifier.as_onnx()).answer(classifier, Batch(IMAGES))
    assert np.allclose(answers["probabilities"], classifier.outputs(Batch(IMAGES)).probs, atol=1e-6)


def test_what_cannot_be_one_graph_is_refused_with_a_way_out(tmp_path: Path) -> None:
    bare = opened(bars(tmp_path / "bare.onnx", shape=(1, SIDE, SIDE)))
    with pytest.raises(UsageError, match="first axis of free length"):
        bare.as_onnx()
    standardised = opened(bars(tmp_path / "m.onnx"), scaling="standardised")
    with pytest.raises(UsageError, match="standardised one by one"):
        standardised.as_onnx(FeatureRequest(vectors=(), maps=("pixels",)))
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(SIDE * SIDE, 3))
    made = mien.open(module, classes=CLASSES, scaling="0..1", size=SIDE, order="grey", layout="nchw").classifier
    predictor = patched(made)
    with pytest.raises(UsageError, match=r"torch\.onnx\.export"):
        export_graph(predictor, check=IMAGES)
    alone = export_graph(predictor, patch_only=True, check=IMAGES)
    assert alone.facts["kind"] == "corrector" and alone.parity.decisions == 0


@pytest.mark.parametrize(("layers", "read"), [(("second",), "maps/stage2"), (("logits",), "maps/pixels")])
def test_adapters_learn_on_a_stage_and_on_pixels(layers: tuple[str, ...], read: str, tmp_path: Path) -> None:
    predictor = patched(opened(bars(tmp_path / "m.onnx"), scaling="-1..1", use_layers=layers), "adapter")
    exported = export_graph(predictor, check=IMAGES)
    assert exported.parity.decisions == 0 and exported.parity.score < 0.01
    alone = export_graph(predictor, check=IMAGES, patch_only=True)
    assert [value.name for value in alone.model.graph.input if value.name != "probabilities"] == [read]


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_table_of_scikit_learn(zipmap: bool, tmp_path: Path) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    convert = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed").to_onnx
    X = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
    y = np.where(X[:, 0] > 0.3, "low", np.where(X[:, 1] > 1, "rare", "high"))
    known = y != "rare"
    model = linear.LogisticRegression().fit(X[known], y[known])
    options = None if zipmap else {id(model): {"zipmap": False}}
    (tmp_path / "m.onnx").write_bytes(convert(model, X[:1], options=options).SerializeToString())
    classifier = open_model(str(tmp_path / "m.onnx"), classes=("high", "low"))
    corrected = mien.CorrectedClassifier(
        classifier, classes=["rare"], corrector="nystroem", budget=0.1, assume_unseen=True
    ).fit(X, y)
    predictor = Predictor(classifier, corrected.patch_)
    exported = export_graph(predictor, check=X)
    answers = Session(exported.model).answer(classifier, Batch(X.astype(np.float64)))
    assert np.array_equal(answers["corrected"], predictor.answer(Batch(X.astype(np.float64))).decision.final)
    assert exported.parity.decisions == 0 and (answers["corrected"] == 2).sum() > 20
    assert exported.facts["inputs"]["width"] == 4 and exported.facts["inputs"]["name"] == "X"
    assert export_graph(predictor).parity.source == "random numbers"
    with pytest.raises(UsageError, match="of a classifier of pictures"):
        publish(exported, tmp_path / "out", None)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Exported]:
    """A model without a scaling that anybody would guess, with its patch."""
    path = bars(tmp_path_factory.mktemp("model") / "m.onnx", shape=("n", SIDE, SIDE, 1))
    predictor = patched(opened(path, scaling="mean=0.4;std=0.2", resize_mode="pad", resample="bilinear"))
    return predictor, export_graph(predictor, check=IMAGES)


def test_the_published_script_prepares_pictures_as_declared(
    coloured: tuple[Predictor, Exported], tmp_path: Path
) -> None:
    predictor, exported = coloured
    publish(exported, tmp_path / "out", None, "none are named")
    rng = np.random.default_rng(1)
    for number, shape in enumerate([(32, 32), (60, 40), (31, 57, 3)]):
        Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.glob("*.png"))
    blocked = "import sys; sys.modules['mien'] = sys.modules['torch'] = None; import runpy;"
    program = f"{blocked} sys.argv = ['predict.py', *sys.argv[1:]]; runpy.run_path('predict.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)], cwd=tmp_path / "out", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    outputs, decision = predictor.all(paths)
    got = [[row["probabilities"][name] for name in CLASSES] for row in rows]
    assert np.allclose(got, outputs.probs, atol=1e-5)
    assert [row["corrected"] for row in rows] == [predictor.classes[index] for index in decision.final]


def test_a_deployed_network_is_handed_back(real_data: Path, tmp_path: Path) -> None:
    """The network of the package fer, with a patch for "neutral" from some hundred of FER+'s faces."""
    path = real_data.parent / "models" / "fer-mini-xception.onnx"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} beside the real data")
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    with (real_data / "ferplus" / "fer2013new.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["Usage"] == "PublicTest"]
    counts = dict.fromkeys(names, 0)
    for row in rows:
        votes = {name: int(row[name]) for name in names}
        label, image = (
            max(votes, key=lambda name: votes[name]),
            real_data / "ferplus" / "FER2013Valid" / row["Image name"],
        )
        if votes[label] > 5 and counts[label] < 50 and row["Image name"] and image.is_file():
            counts[label] += 1
            (tmp_path / "faces" / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / "faces" / label / image.name).write_bytes(image.read_bytes())
    classifier = open_model(str(path), classes=names, scaling="-1..1")
    faces = str(tmp_path / "faces")
    made = mien.correct(classifier, faces, ["neutral"], corrector="nystroem", budget=0.2, trained_on=("unknown",))
    exported = export_graph(made.predictor_, check=faces)
    assert exported.parity.answers == 0 and exported.parity.decisions <= exported.parity.near
    assert exported.parity.score < 1e-3 and "own scores" in exported.calibration
    data = classifier.graph_input(Batch(np.zeros((5, 64, 64), np.uint8)))
    assert np.array_equal(run(exported.model, data)["probabilities"], run(str(path), data)["probabilities"])
