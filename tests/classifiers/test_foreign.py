"""Classifiers from elsewhere: ONNX files, torch modules, functions, and what is declared of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, GREY, SIDE, bars, onnx

from mien import workers
from mien.classifiers.adopted import open_adopted, open_graph, save_adopted
from mien.classifiers.contract import Batch, ImageSpec, TableSpec
from mien.classifiers.declaration import Declaration
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.graph import grid_means
from mien.classifiers.onnx_graph import OnnxGraph
from mien.deploy.predictor import Predictor
from mien.errors import MienError, RunError, UsageError
from mien.testing import check_classifier, example_bars
from mien.types import FeatureRequest

IMAGES, LABELS = example_bars(40)
SAID = InputSettings(classes=CLASSES, scaling="0..255")


def adopted(path: Path, settings: InputSettings = SAID) -> ForeignClassifier:
    graph = OnnxGraph(path)
    return ForeignClassifier(graph, declare(graph, settings).declaration)


@pytest.mark.parametrize(
    "form",
    [
        {}, {"softmax": False}, {"shape": ("n", SIDE, SIDE, 1)}, {"shape": (1, 1, SIDE, SIDE)},
        {"shape": (1, SIDE, SIDE)}, {"dtype": onnx.TensorProto.FLOAT16}, {"dtype": onnx.TensorProto.UINT8},
        {"dtype": onnx.TensorProto.DOUBLE},
    ],
)  # fmt: skip
def test_an_onnx_file_of_any_form_keeps_the_contract(form: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    classifier = adopted(bars(path, **form))
    check_classifier(classifier, Batch(IMAGES[:6]))
    assert (classifier.outputs(Batch(IMAGES)).predicted == LABELS).all()


def test_layers_are_the_last_map_of_each_size_and_what_the_heads_read(tmp_path: Path) -> None:
    classifier = adopted(bars(tmp_path / "m.onnx"))
    shapes = {layer.name: (layer.kind, layer.shape) for layer in classifier.card.layers}
    assert shapes == {
        "stage1": ("map", (4, SIDE, SIDE)), "stage2": ("map", (6, SIDE // 2, SIDE // 2)),
        "embedding": ("vector", (SIDE * SIDE,)), "logits": ("vector", (3,)), "pixels": ("map", (1, SIDE, SIDE)),
    }  # fmt: skip
    outputs = classifier.outputs(Batch(IMAGES), FeatureRequest(maps=("stage1", "pixels")))
    first = outputs.maps["stage1"][:, 0].astype(np.float32)
    assert np.allclose(first[:, 1], 2.0 * IMAGES, rtol=1e-3)
    assert np.allclose(outputs.vectors["stage1/3"], grid_means(first, 3), rtol=2e-3)
    assert np.allclose(outputs.maps["pixels"][:, 0, 0], IMAGES / 255, atol=1e-3)


def test_several_cores_answer_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, request = bars(tmp_path / "m.onnx"), FeatureRequest(maps=("stage1", "pixels"))
    alone, shared = (adopted(path) for _ in range(2))
    monkeypatch.setattr(workers, "cores", lambda: 1)
    expected = alone.outputs(Batch(IMAGES), request)
    monkeypatch.setattr(workers, "cores", lambda: 3)
    given = shared.outputs(Batch(IMAGES), request)
    assert np.array_equal(given.probs, expected.probs)
    assert all(np.allclose(given.vectors[name], expected.vectors[name]) for name in expected.vectors)
    assert all(np.array_equal(given.maps[name], expected.maps[name]) for name in expected.maps)
    parts = list(Predictor(shared).stream([IMAGES[:20], IMAGES[20:]]))
    assert np.array_equal(np.concatenate([part.outputs.probs for part in parts]), expected.probs)


def test_layers_may_be_chosen_by_name(tmp_path: Path) -> None:
    path = bars(tmp_path / "m.onnx")
    chosen = adopted(path, InputSettings(CLASSES, scaling="0..255", use_layers=("second", "logits")))
    assert [layer.name for layer in chosen.declared.layers] == ["stage2", "logits"]
    with pytest.raises(UsageError, match="stage3"):
        adopted(path, InputSettings(CLASSES, scaling="0..255", use_layers=("stage3",)))


def test_the_identity_is_of_the_bytes_and_of_what_is_declared(tmp_path: Path) -> None:
    path = bars(tmp_path / "m.onnx")
    same, again, other = (
        adopted(path, InputSettings(CLASSES, scaling=scaling)) for scaling in ("0..255", "0..255", "0..1")
    )
    assert same.card.id == again.card.id != other.card.id
    assert adopted(bars(tmp_path / "n.onnx", softmax=False)).card.id != same.card.id


def test_the_file_itself_may_say_its_classes_and_inputs(tmp_path: Path) -> None:
    metadata = {
        "names": "{0: 'Happy', 1: 'angry', 2: 'boredom'}", "Image.NominalPixelRange": "NominalRange_0_255",
        "Image.BitmapPixelFormat": "Gray8",
    }  # fmt: skip
    path = bars(tmp_path / "m.onnx", metadata=metadata)
    found = declare(OnnxGraph(path), InputSettings())
    assert found.declaration.classes == ("happiness", "anger", "boredom")
    assert any("happiness for Happy" in note for note in found.notes)
    assert found.declaration.inputs == ImageSpec(SIDE, False, "stretch", GREY)


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        (InputSettings(CLASSES), "--scaling"), (InputSettings(scaling="0..1"), "--classes"),
        (InputSettings(CLASSES[:2], scaling="0..1"), "--classes"),
        (InputSettings(CLASSES, size=64, scaling="0..1"), "--size"),
        (InputSettings(CLASSES, scaling="0..1", output="answers"), "--output"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_asked_for_by_its_flag(settings: InputSettings, flag: str, tmp_path: Path) -> None:
    graph = OnnxGraph(bars(tmp_path / "m.onnx"))
    with pytest.raises(UsageError) as raised:
        declare(graph, settings)
    assert flag in f"{raised.value.place} {raised.value.remedy}"


def test_logits_are_no_probabilities(tmp_path: Path) -> None:
    graph = OnnxGraph(bars(tmp_path / "m.onnx", softmax=False))
    found = declare(graph, SAID)
    assert found.declaration.answers == "logits" and any("softmax" in note for note in found.notes)
    with pytest.raises(UsageError, match="--answers logits"):
        declare(graph, InputSettings(CLASSES, scaling="0..255", answers="probabilities"))


def test_a_damaged_or_strange_file_is_named(tmp_path: Path) -> None:
    whole = bars(tmp_path / "m.onnx")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole.read_bytes()[:200])
    for path, words in (
        (cut, "damaged|cannot load"), (tmp_path / "none.onnx", "no such file"),
        (bars(tmp_path / "custom.onnx", first_operator="Fold"), "cannot load it"),
    ):  # fmt: skip
        with pytest.raises(RunError, match=words) as raised:
            OnnxGraph(path)
        assert raised.value.remedy and str(path) in raised.value.place


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin"])
def test_data_beside_a_file_must_be_there_and_in_its_folder(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    model = onnx.load(str(bars(tmp_path / "m.onnx")))
    onnx.save(model, str(folder / "m.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=1000)
    assert (adopted(folder / "m.onnx").outputs(Batch(IMAGES)).predicted == LABELS).all()
    assert len(OnnxGraph(folder / "m.onnx").files) == 2
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    moved = onnx.load(str(folder / "m.onnx"), load_external_data=False)
    for tensor in moved.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place
    (folder / "m.onnx").write_bytes(moved.SerializeToString())
    with pytest.raises(RunError, match="missing" if place == "weights.bin" else "outside"):
        OnnxGraph(folder / "m.onnx")


def test_answers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    classifier = adopted(bars(tmp_path / "m.onnx"))
    broken = ForeignClassifier(_Nan(classifier.graph), classifier.declared)
    with pytest.raises(MienError, match="not finite"):
        broken.outputs(Batch(IMAGES))


class _Nan:
    """A graph whose answers are not finite."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.id, self.input, self.outputs = graph, "nan", graph.input, graph.outputs

    def run(self, data: Any, names: Any) -> list[Any]:
        return [np.full_like(values, np.nan) for values in self.graph.run(data, names)]

    def layers(self, probe: Any, rows: int) -> tuple[()]:
        return ()


def test_a_folder_keeps_the_classifier_and_refuses_another_file(tmp_path: Path) -> None:
    kind, graph = open_graph(str(bars(tmp_path / "m.onnx")))
    classifier = ForeignClassifier(graph, declare(graph, SAID).declaration)
    folder = tmp_path / "adopted"
    save_adopted(classifier, folder, {"kind_of_model": kind, "source": "m.onnx"})
    again = open_adopted(folder)
    assert again.card == classifier.card and again.folder == folder
    assert np.array_equal(again.outputs(Batch(IMAGES)).probs, classifier.outputs(Batch(IMAGES)).probs)
    bars(folder / "m.onnx", softmax=False)
    with pytest.raises(MienError):
        open_adopted(folder)


def test_no_torch_is_loaded_for_an_onnx_file(tmp_path: Path) -> None:
    path = bars(tmp_path / "m.onnx")
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from mien.classifiers.adopted import open_graph; from mien.classifiers.contract import Batch\n"
        "from mien.classifiers.declare import InputSettings, declare\n"
        "from mien.classifiers.foreign import ForeignClassifier\n"
        f"_, graph = open_graph({str(path)!r})\n"
        "said = InputSettings(classes=('a', 'b', 'c'), scaling='0..255')\n"
        "found = ForeignClassifier(graph, declare(graph, said).declaration)\n"
        f"found.outputs(Batch(np.zeros((2, {SIDE}, {SIDE}), np.uint8)))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_is_read_where_the_input_has_two_axes(tmp_path: Path) -> None:
    sklearn_linear = pytest.importorskip("sklearn.linear_model")
    convert = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed").to_onnx
    X = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "calm", "fear")
    model = sklearn_linear.LogisticRegression().fit(X, y)
    for options in ({}, {"zipmap": False}):
        path = tmp_path / f"{len(options)}.onnx"
        path.write_bytes(convert(model, X[:1], options={id(model): options} if options else None).SerializeToString())
        graph = OnnxGraph(path)
        found = declare(graph, InputSettings(("calm", "fear"))).declaration
        assert found.inputs == TableSpec(4)
        outputs = ForeignClassifier(graph, found).outputs(Batch(X.astype(np.float64)))
        assert np.allclose(outputs.probs, model.predict_proba(X), atol=1e-5)
        assert np.array_equal(outputs.vectors["inputs"], X)


def test_a_declaration_without_a_form_of_images_is_refused() -> None:
    with pytest.raises(UsageError, match="not declared"):
        Declaration(CLASSES, ImageSpec(32), "probabilities")


def test_data_in_a_folder_below_are_adopted_where_the_model_looks_for_them(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    model = onnx.load(str(bars(tmp_path / "m.onnx")))
    onnx.save(
        model, str(folder / "m.onnx"), save_as_external_data=True, location="data/weights.bin", size_threshold=1000
    )
    classifier = adopted(folder / "m.onnx")
    save_adopted(classifier, tmp_path / "f", {"kind_of_model": "onnx", "source": "m.onnx"})
    assert (tmp_path / "f" / "data" / "weights.bin").is_file()
    assert open_adopted(tmp_path / "f").card.id == classifier.card.id


def test_how_a_picture_becomes_square_is_part_of_the_identity(tmp_path: Path) -> None:
    path = bars(tmp_path / "m.onnx")
    modes = {
        adopted(path, InputSettings(CLASSES, scaling="0..255", resize_mode=mode)).card.id for mode in ("pad", "crop")
    }
    assert len(modes) == 2


def test_the_kind_of_answers_is_asked_for_where_random_pictures_do_not_tell_it(tmp_path: Path) -> None:
    graph = _Nan(OnnxGraph(bars(tmp_path / "m.onnx")))
    with pytest.raises(UsageError, match="--answers"):
        declare(graph, SAID)
    assert declare(graph, InputSettings(CLASSES, scaling="0..255", answers="logits")).declaration.answers == "logits"


def test_code_from_outside_is_asked_again_and_is_known_by_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "brightness.py").write_text(
        "import numpy as np\n"
        "def share(x):\n    s = x.mean((1, 2, 3)); return np.stack([s, 1 - s], 1)\n"
        "def other(x):\n    s = 1 - x.mean((1, 2, 3)); return np.stack([s, 1 - s], 1)\n"
    )
    said = InputSettings(("calm", "fear"), size=SIDE, order="grey", layout="nchw", scaling="0..1")
    kind, graph = open_graph("brightness:share")
    classifier = ForeignClassifier(graph, declare(graph, said).declaration)
    save_adopted(classifier, tmp_path / "f", {"kind_of_model": kind, "source": "brightness:share"})
    assert open_adopted(tmp_path / "f", "brightness:share").cache_folder is None
    with pytest.raises(UsageError, match="--base brightness:share"):
        open_adopted(tmp_path / "f")
    with pytest.raises(RunError, match="not those that were adopted"):
        open_adopted(tmp_path / "f", "brightness:other")
