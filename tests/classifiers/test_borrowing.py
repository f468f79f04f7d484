"""Features that a classifier borrows from another network."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, SIDE, bars, onnx

import mien
from mien.certify.policy import Policy
from mien.classifiers.adopted import open_model
from mien.classifiers.borrowing import Borrowing, Encoder, borrowing, open_encoder, open_encoders, without_borrowed
from mien.classifiers.cell import open_run
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, TableSpec, is_identity
from mien.classifiers.declare import InputSettings
from mien.classifiers.function import FunctionClassifier
from mien.data.provenance import KNOWN, STATED, UNKNOWN, Provenance
from mien.deploy.adoption import adopt
from mien.deploy.calibration_data import CalibrationData
from mien.deploy.fitting import fit_patch
from mien.deploy.labelled_rows import FITTED, calibration_rows, divided, rows_of, with_labels
from mien.deploy.opening import load_patch
from mien.deploy.predictor import Predictor
from mien.deploy.settings import CorrectSettings
from mien.errors import RunError, UsageError
from mien.testing import check_classifier, example_bars
from mien.types import FeatureRequest

IMAGES, LABELS = example_bars(90)
NAMES = np.array(CLASSES)[LABELS]


def encoder(folder: Path, name: str = "bars", **declared: Any) -> Path:
    """An adopted network without answers."""
    (folder / "models").mkdir(exist_ok=True)
    model = bars(folder / "models" / f"{name}.onnx", softmax=declared.pop("softmax", True))
    settings = InputSettings(answers="none", scaling="0..255", **declared)
    adopt(str(model), settings).save(folder / name)
    return folder / name


def dull() -> FunctionClassifier:
    """It tells dark from bright pictures, and has no layers."""

    def answer(images: Any) -> Any:
        share = np.clip(images.mean((1, 2)) / 255, 0.05, 0.95)
        return np.stack([share, 1 - share, np.zeros(len(images))], 1)

    return FunctionClassifier(answer, CLASSES, ImageSpec(SIDE))


def corrected(classifier: Any, features: list[Path], corrector: str = "logistic") -> mien.CorrectedClassifier:
    made = mien.CorrectedClassifier(
        classifier, corrector, ["right"], budget=0.3, aim="gain", assume_unseen=True, features=features
    )
    return made.fit(IMAGES, NAMES)


def test_an_encoder_has_its_outputs_and_its_stages_as_features(tmp_path: Path) -> None:
    found = open_encoder(encoder(tmp_path))
    vectors = found.vectors(Batch(IMAGES), FeatureRequest())
    assert vectors and all(name.startswith("bars/") for name in vectors)
    assert {layer.name for layer in found.network.vector_layers} == {name.removeprefix("bars/") for name in vectors}
    for layer in found.network.vector_layers:
        assert vectors[f"bars/{layer.name}"].shape == (len(IMAGES), *layer.shape)


def test_pictures_of_another_size_and_colour_are_made_fit(tmp_path: Path) -> None:
    found = open_encoder(encoder(tmp_path))
    for shape in ((5, 20, 20), (5, 50, 50, 3)):
        batch = Batch(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        together, alone = found.vectors(batch, FeatureRequest()), found.vectors(batch.take([3]), FeatureRequest())
        assert all(np.allclose(together[name][3:4], alone[name], rtol=1e-5, atol=1e-4) for name in together)
    assert found.vectors(batch, FeatureRequest(vectors=("stage1/1",))) == {}  # the classifier's own, of that name


def test_a_borrowing_classifier_is_a_classifier_with_the_answers_of_its_own(tmp_path: Path) -> None:
    f = open_model(str(bars(tmp_path / "f.onnx")), classes=CLASSES, scaling="0..255")
    both = borrowing(f, open_encoders([str(encoder(tmp_path))], f))
    check_classifier(both, Batch(IMAGES[:6]))
    assert isinstance(both, Borrowing) and without_borrowed(both) is f and borrowing(both, ()) is f
    assert both.card.id != f.card.id and is_identity(both, f.card.id)
    assert np.array_equal(both.outputs(Batch(IMAGES)).probs, f.outputs(Batch(IMAGES)).probs)
    asked = both.outputs(Batch(IMAGES), FeatureRequest(vectors=("bars/stage1/*",))).vectors
    assert set(asked) == {"bars/stage1/1", "bars/stage1/3"}


def test_a_corrector_learns_from_what_is_borrowed(tmp_path: Path) -> None:
    poor, rich = corrected(dull(), []), corrected(dull(), [encoder(tmp_path)])
    truth = NAMES == "right"
    assert (rich.predict(IMAGES)[truth] == "right").mean() > (poor.predict(IMAGES)[truth] == "right").mean() + 0.3


def test_a_patch_names_what_it_borrows_and_finds_it_again(tmp_path: Path) -> None:
    place = encoder(tmp_path)
    made = corrected(dull(), [place])
    made.save(tmp_path / "patches" / "right.patch")
    expected = made.predict(IMAGES)
    assert (mien.open(dull(), tmp_path / "patches" / "right.patch").predict(IMAGES) == expected).all()
    stored = json.loads((tmp_path / "patches" / "right.patch" / "patch.json").read_text())["features"]
    assert [each["name"] for each in stored] == ["bars"] and stored[0]["place"] == str(place.resolve())
    shutil.move(place, tmp_path / "patches" / "bars")  # beside the patch
    assert (mien.open(dull(), tmp_path / "patches" / "right.patch").predict(IMAGES) == expected).all()
    shutil.rmtree(tmp_path / "patches" / "bars")
    with pytest.raises(RunError, match="'bars', which is not there"):
        load_patch(tmp_path / "patches" / "right.patch", dull())
    encoder(tmp_path, softmax=False, size=SIDE, use_layers=("stage1",))  # another one in its place
    with pytest.raises(RunError, match="'bars', which is not there"):
        load_patch(tmp_path / "patches" / "right.patch", dull())


def test_patches_are_joined_where_they_borrow_the_same(tmp_path: Path) -> None:
    rich, poor = corrected(dull(), [encoder(tmp_path)]).patch_, corrected(dull(), []).patch_
    with pytest.raises(UsageError, match="borrow different features"):
        rich.merged_with(poor)


@pytest.mark.parametrize("corrector", ["logistic", "adapter_blend"])
def test_it_is_one_graph_with_the_classifier(corrector: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from mien.deploy.onnx.exporting import export_graph

    f = open_model(str(bars(tmp_path / "f.onnx")), classes=CLASSES, scaling="-1..1")
    patch = corrected(f, [encoder(tmp_path)], corrector).patch_
    exported = export_graph(Predictor(f, patch), check=IMAGES)
    assert exported.facts["classifier"] == f.card.id
    assert exported.parity.decisions == 0 and exported.parity.score < 1e-2
    names = [value.name for value in exported.model.graph.input]
    assert len(names) == 1 and not any(value.name.startswith("features/") for value in exported.model.graph.output)


FORMS = {
    "uint8": ({"dtype": onnx.TensorProto.UINT8}, None), "colours last": ({"shape": ("n", SIDE, SIDE, 1)}, "0..1"),
    "half precision": ({"dtype": onnx.TensorProto.FLOAT16}, "-1..1"),
    "one row": ({"shape": (1, 1, SIDE, SIDE)}, "0..1"),
}  # fmt: skip


def test_encoders_of_any_form_are_in_the_graph(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from mien.deploy.onnx.exporting import export_graph

    f = open_model(str(bars(tmp_path / "f.onnx")), classes=CLASSES, scaling="-1..1")
    places = []
    for name, (form, scaling) in FORMS.items():
        model = bars(tmp_path / f"{name}.onnx", **form)
        adopt(str(model), InputSettings(answers="none", scaling=scaling)).save(tmp_path / name)
        places.append(tmp_path / name)
    exported = export_graph(Predictor(f, corrected(f, places).patch_), check=IMAGES)
    assert exported.parity.decisions == 0 and exported.parity.score < 1e-3


@pytest.mark.parametrize("colour", [False, True])
def test_a_network_of_mien_borrows_and_is_exported(colour: bool, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from mien.classifiers.network import NetworkClassifier
    from mien.deploy.onnx.exporting import export_graph
    from mien.nets import ThreeConv

    images = np.repeat(IMAGES[..., None], 3, axis=3) if colour else IMAGES
    card = ClassifierCard("drawn", CLASSES, inputs=ImageSpec(SIDE, colour))
    data = with_labels(rows_of(card, images, None), NAMES, CLASSES)
    network = ThreeConv(3, 3 if colour else 1).eval()
    f = NetworkClassifier.of(network, data)
    made = mien.CorrectedClassifier(
        f, classes=["right"], budget=0.3, aim="gain", assume_unseen=True, features=[encoder(tmp_path)]
    ).fit(images, NAMES)
    exported = export_graph(Predictor(f, made.patch_), check=images)
    assert exported.parity.decisions == 0 and exported.parity.score < 1e-2


def test_what_cannot_be_borrowed_is_refused_in_words(tmp_path: Path) -> None:
    place, f = encoder(tmp_path), dull()
    with pytest.raises(UsageError, match="is no adopted network"):
        open_encoders([str(tmp_path)], f)
    with pytest.raises(UsageError, match="two have the name bars"):
        open_encoders([str(place), str(place)], f)
    with pytest.raises(UsageError, match="is an encoder"):
        open_run(place)
    table = FunctionClassifier(lambda rows: np.full((len(rows), 2), 0.5), ["a", "b"], TableSpec(3))
    with pytest.raises(UsageError, match="features are of pictures"):
        open_encoders([str(place)], table)
    assert isinstance(open_encoder(place), Encoder)


def test_features_that_no_corrector_reads_are_refused(tmp_path: Path) -> None:
    f = open_model(str(bars(tmp_path / "f.onnx")), classes=CLASSES, scaling="0..255")
    with pytest.raises(UsageError, match="adapter reads none of the features of bars"):
        corrected(f, [encoder(tmp_path)], "adapter")


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (KNOWN, (), UNKNOWN), (KNOWN, ("unknown",), UNKNOWN), (KNOWN, ("path/to/faces",), STATED),
        (STATED, (), STATED), (UNKNOWN, ("path/to/faces",), UNKNOWN),
    ],
)  # fmt: skip
def test_what_an_encoder_was_trained_on_is_known_where_its_user_states_it(
    kind: str, given: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    material = replace(_material(), provenance=Provenance(kind))
    settings = CorrectSettings("logistic", keep_features=False, trained_on=given, features=(str(encoder(tmp_path)),))
    patch, _ = fit_patch(dull(), material, settings, Policy(0.3))
    assert patch.provenance.kind == expected and patch.certificate.holds <= (expected != UNKNOWN)
    alone, _ = fit_patch(dull(), material, replace(settings, features=()), Policy(0.3))
    assert alone.provenance.kind == kind


def _material() -> CalibrationData:
    f = dull()
    data = with_labels(rows_of(f.card, IMAGES, None), NAMES, f.card.classes)
    return calibration_rows(f, data, divided(data, 0, FITTED), ["right"], Provenance())
