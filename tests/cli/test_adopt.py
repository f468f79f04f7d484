"""mien adopt, and the other verbs on what it took in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Mien
from onnx_models import CLASSES, bars, extended
from PIL import Image

from mien.testing import example_bars

ADOPT = ("--classes", "left,middle", "--scaling", "0..255")
CORRECT = ("--class", "right", "--corrector", "logistic", "--budget", "0.05", "--trained-on", "unknown")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of all three classes, as class folders."""
    folder = tmp_path_factory.mktemp("bars")
    images, labels = example_bars(500, seed=3)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / CLASSES[label]
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{row:03d}.png")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that knows two of the three classes."""
    return bars(tmp_path / "bars.onnx", classes=2)


def test_a_class_that_an_onnx_file_does_not_know_is_won(
    mien: Mien, model: Path, pictures: Path, tmp_path: Path
) -> None:
    done = mien("adopt", model, *ADOPT, "--out", tmp_path / "f", "--check", pictures)
    assert done.code == 0 and "grey images of 32 × 32" in done.out and "stage1" in done.out
    assert "1.00 of its answers are right" in done.out and "nothing else that was tried" in done.out
    made = mien("correct", tmp_path / "f", pictures, *CORRECT, "--out", tmp_path / "p", "--json")
    figures = json.loads(made.out)
    assert made.code == 0 and figures["classes"]["right"]["recall_after"] > 0.9
    assert figures["certificate"][0]["holds"] is True
    assert mien("patch", "apply", tmp_path / "p", tmp_path / "f").code == 0
    told = mien("predict", pictures / "right", "--run", tmp_path / "f", "--csv")
    assert told.code == 0 and told.out.count("right") > 0.9 * len(list((pictures / "right").iterdir()))
    # both go back as one graph
    graph = tmp_path / "both.onnx"
    handed = mien("export", tmp_path / "f", "--onnx", graph, "--check", pictures)
    assert handed.code == 0 and "0 decisions differ" in handed.out and "own scores" in handed.out
    shown = mien("patch", "show", graph)
    assert "grey, nchw, 0..255" in shown.out and "picture" in shown.out and "right (logistic)" in shown.out
    # a patch is for one model, as it was declared
    bars(tmp_path / "other.onnx", classes=2, softmax=False)
    assert mien("adopt", tmp_path / "other.onnx", *ADOPT, "--out", tmp_path / "g").code == 0
    mien("patch", "apply", tmp_path / "p", tmp_path / "g").refused(1, "another classifier")


def test_an_adapter_learns_on_a_layer_and_on_pixels(mien: Mien, model: Path, pictures: Path, tmp_path: Path) -> None:
    assert mien("adopt", model, *ADOPT, "--out", tmp_path / "f").code == 0
    few = tmp_path / "few"
    for name in CLASSES:
        (few / name).mkdir(parents=True)
        for image in sorted((pictures / name).iterdir())[:100]:
            (few / name / image.name).write_bytes(image.read_bytes())
    flags = ("--class", "right", "--corrector", "adapter", "--budget", "0.2", "--trained-on", "unknown")
    made = mien("correct", tmp_path / "f", few, *flags, "--out", tmp_path / "p", "--json")
    assert made.code == 0 and json.loads(made.out)["classes"]["right"]["recall_after"] >= 0.5


def test_what_is_wrong_is_said_with_figures_and_not_changed(mien: Mien, pictures: Path, tmp_path: Path) -> None:
    path = bars(tmp_path / "bars.onnx")
    done = mien("adopt", path, "--classes", "middle,left,right", "--scaling", "0..1", "--out", tmp_path / "f",
                "--check", pictures)  # fmt: skip
    assert "labels in the order left, middle, right" in done.out and "accuracy would be 1.00, not" in done.out
    stored = json.loads((tmp_path / "f" / "classifier.json").read_text())
    assert stored["classes"] == ["middle", "left", "right"] and stored["inputs"]["tensor"]["scaling"] == "0..1"


def test_layers_are_listed_without_a_folder(mien: Mien, model: Path, tmp_path: Path) -> None:
    done = mien("adopt", model, *ADOPT, "--layers")
    assert done.code == 0 and "6 × 16 × 16" in done.out and "second" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.onnx"]
    mien("adopt", model, *ADOPT).refused(2, "--out")
    told = json.loads(mien("adopt", model, *ADOPT, "--layers", "--json").out)
    assert told["folder"] is None and [layer["name"] for layer in told["layers"]][:2] == ["stage1", "stage2"]


def test_a_declaration_may_be_a_file(mien: Mien, model: Path, tmp_path: Path) -> None:
    (tmp_path / "inputs.toml").write_text('classes = ["left", "middle"]\nscaling = "0..255"\n')
    done = mien("adopt", model, "--config", tmp_path / "inputs.toml", "--out", tmp_path / "f")
    assert done.code == 0 and json.loads((tmp_path / "f" / "classifier.json").read_text())["classes"] == [
        "left",
        "middle",
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--classes", "left,middle"), "--scaling"),
        (("--classes", "left,middle,right", "--scaling", "0..1"), "--classes"),
        (("--classes", "left,middle", "--scaling", "0..3"), "0..255"),
        (("--classes", "happy,smile", "--scaling", "0..1"), "repeat"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_leaves_nothing(
    mien: Mien, model: Path, tmp_path: Path, flags: tuple[str, ...], words: str
) -> None:
    done = mien("adopt", model, *flags, "--out", tmp_path / "f")
    assert done.code in (1, 2) and words in done.err and "→" in done.err and "fault in mien" not in done.err
    assert not (tmp_path / "f").exists()


def test_files_that_may_run_code_are_never_opened(mien: Mien, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    mien("adopt", tmp_path / "model.pkl", *ADOPT, "--out", tmp_path / "f").refused(2, "pickles are never opened")
    (tmp_path / "model.skops").write_bytes(np.zeros(9).tobytes())
    mien("adopt", tmp_path / "model.skops", *ADOPT, "--out", tmp_path / "f").refused(1, "skops")
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    mien("adopt", tmp_path / "model.onnx", *ADOPT, "--out", tmp_path / "f").refused(1, "ONNX")
    assert not (tmp_path / "f").exists()


def test_a_folder_that_was_changed_is_refused(mien: Mien, model: Path, pictures: Path, tmp_path: Path) -> None:
    mien("adopt", model, *ADOPT, "--out", tmp_path / "f")
    stored = json.loads((tmp_path / "f" / "classifier.json").read_text())
    for change in ({"files": ["../bars.onnx"]}, {"classes": ["a", "b"]}, {"inputs": 3}, {"kind_of_model": "pickle"}):
        (tmp_path / "f" / "classifier.json").write_text(json.dumps({**stored, **change}))
        mien("predict", pictures / "left", "--run", tmp_path / "f").refused(
            1, "classifier.json" if "classes" not in change else "f"
        )


def test_adopting_again_never_loses_a_patch(mien: Mien, model: Path, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    mien("adopt", model, *ADOPT, "--out", folder)
    mien("correct", folder, pictures, *CORRECT, "--out", tmp_path / "p")
    mien("patch", "apply", tmp_path / "p", folder)
    assert mien("adopt", model, *ADOPT, "--out", folder).code == 0 and (folder / "patch").exists()
    mien("adopt", model, "--classes", "left,middle", "--scaling", "0..1", "--out", folder).refused(1, "patch")
    assert (folder / "patch" / "patch.json").exists()


def test_a_model_that_fails_on_some_pictures_leaves_nothing_in_any_verb(
    mien: Mien, pictures: Path, tmp_path: Path
) -> None:
    path = extended(tmp_path / "bars.onnx", "Log", after="logits", classes=2)
    flags = (*ADOPT, "--answers", "logits")
    mien("adopt", path, *flags, "--out", tmp_path / "g", "--check", pictures).refused(2, "bars.onnx", "not finite")
    assert mien("adopt", path, *flags, "--out", tmp_path / "f").code == 0
    mien("correct", tmp_path / "f", pictures, *CORRECT, "--out", tmp_path / "p").refused(1, "bars.onnx", "not finite")
    mien("predict", pictures, "--run", tmp_path / "f").refused(1, "bars.onnx", "not finite")
    graph = ("--onnx", tmp_path / "out.onnx", "--check", pictures)
    mien("export", tmp_path / "f", *graph).refused(1, "bars.onnx", "not finite")
    assert sorted(place.name for place in tmp_path.iterdir()) == ["bars.onnx", "f"]


def test_the_declared_filter_is_used_by_every_verb(mien: Mien, model: Path, pictures: Path, tmp_path: Path) -> None:
    """Pictures of 64 pixels, of which the filter "nearest" keeps one in four."""
    for name in CLASSES:
        (tmp_path / "large" / name).mkdir(parents=True)
        for image in sorted((pictures / name).iterdir())[:70]:
            fine = np.kron(np.asarray(Image.open(image)), np.array([[0, 0], [0, 1]], np.uint8))
            Image.fromarray(fine).save(tmp_path / "large" / name / image.name)
    filtered = (*ADOPT, "--resample", "nearest")
    assert mien("adopt", model, *filtered, "--out", tmp_path / "f", "--check", tmp_path / "large").code == 0
    made = mien("correct", tmp_path / "f", tmp_path / "large", *CORRECT, "--out", tmp_path / "p", "--json")
    assert json.loads(made.out)["classes"]["left"]["recall_before"] > 0.95
    graph = ("--patch", tmp_path / "p", "--folder", tmp_path / "out", "--check", tmp_path / "large")
    assert "own scores" in mien("export", tmp_path / "f", *graph).out
    assert "filter nearest" in (tmp_path / "out" / "README.md").read_text()


def test_features_of_an_encoder_win_what_a_classifier_does_not_see(mien: Mien, pictures: Path, tmp_path: Path) -> None:
    bars(tmp_path / "encoder.onnx")
    done = mien("adopt", tmp_path / "encoder.onnx", "--answers", "none", "--scaling", "0..255", "--out", tmp_path / "e")
    assert done.code == 0 and "its layers are features" in done.out and f"encoder: {tmp_path / 'e'}" in done.out
    bars(tmp_path / "f.onnx", classes=2)
    assert mien("adopt", tmp_path / "f.onnx", *ADOPT, "--use-layers", "logits", "--out", tmp_path / "f").code == 0
    made = mien("correct", tmp_path / "f", pictures, *CORRECT, "--features", tmp_path / "e", "--out", tmp_path / "p")
    assert made.code == 0 and "times as long" in made.out
    assert "features of e " in mien("patch", "show", tmp_path / "p").out
    assert "features of" in (tmp_path / "p" / "report.html").read_text()
    told = mien("predict", pictures / "right", "--run", tmp_path / "f", "--patch", tmp_path / "p", "--csv")
    assert told.code == 0 and told.out.count("right") > 0.9 * len(list((pictures / "right").iterdir()))
    graph = tmp_path / "both.onnx"
    handed = mien("export", tmp_path / "f", "--patch", tmp_path / "p", "--onnx", graph, "--check", pictures)
    assert handed.code == 0 and "0 decisions differ" in handed.out
    mien("predict", pictures / "right", "--run", tmp_path / "e").refused(2, "is an encoder")
    mien("correct", tmp_path / "f", pictures, *CORRECT, "--features", pictures).refused(2, "is no adopted network")
