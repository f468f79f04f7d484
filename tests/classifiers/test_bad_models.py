"""Models from elsewhere that are damaged, odd or wrong: they work, or one error names cause, place and remedy."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, SIDE, bars, extended, onnx

import mien
from mien.classifiers.adopted import open_model, save_adopted
from mien.classifiers.contract import Batch, ImageSpec
from mien.classifiers.declare import InputSettings, declare
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.onnx_graph import OnnxGraph
from mien.deploy.onnx.exporting import export_graph
from mien.deploy.predictor import Predictor
from mien.errors import DataError, MienError, RunError, UsageError
from mien.testing import check_classifier, example_bars

IMAGES, LABELS = example_bars(40)
helper, numbers, FLOAT, TEXT = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT, onnx.TensorProto.STRING


def opened(path: Path, **declared: Any) -> ForeignClassifier:
    return open_model(str(path), **{"classes": CLASSES, "scaling": "0..255", **declared})


def refused(error: MienError, *words: str) -> None:
    text = str(error)
    assert error.remedy and error.place and all(word in text for word in words), text
    assert text.isprintable() or "\n  → " in text


def test_flipped_bits_end_in_an_answer_or_in_an_error(tmp_path: Path) -> None:
    whole = bars(tmp_path / "m.onnx").read_bytes()
    rng = random.Random(0)
    for _ in range(60):
        damaged, place = bytearray(whole), rng.choice([rng.randrange(700), -1 - rng.randrange(500)])
        damaged[place] ^= 1 << rng.randrange(8)
        (tmp_path / "d.onnx").write_bytes(damaged)
        try:
            opened(tmp_path / "d.onnx").outputs(Batch(IMAGES[:3]))
        except MienError as error:
            refused(error)


@pytest.mark.parametrize("content", [b"", b"\x08", b"ONNX", b"\0" * 999])
def test_a_file_without_a_graph_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        OnnxGraph(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"offset": "99999999"}, "does not fit"), ({"offset": "-5"}, "does not fit"),
        ({"offset": "first"}, "does not fit"), ({"location": "a\0b"}, "impossible name"),
        ({"location": "."}, "missing"), ({"location": "/etc/passwd"}, "outside"),
        ({"location": "m.onnx"}, "does not fit"),
    ],
)  # fmt: skip
def test_numbers_beside_a_model_that_do_not_fit_it(edit: dict[str, str], words: str, tmp_path: Path) -> None:
    path = with_numbers_beside(tmp_path)
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = edit.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(RunError, match=words) as raised:
        OnnxGraph(path)
    refused(raised.value, "m.onnx")


def test_a_link_that_leads_out_and_a_short_file_are_refused(tmp_path: Path) -> None:
    path = with_numbers_beside(tmp_path / "model")
    beside = path.with_name("numbers.bin")
    beside.write_bytes(beside.read_bytes()[:50])
    with pytest.raises(RunError, match="does not fit"):
        OnnxGraph(path)
    beside.rename(tmp_path / "numbers.bin")
    beside.symlink_to(tmp_path / "numbers.bin")
    with pytest.raises(RunError, match="outside"):
        OnnxGraph(path)


def test_numbers_in_a_file_that_mien_writes_itself(tmp_path: Path) -> None:
    classifier = opened(with_numbers_beside(tmp_path / "model", "classifier.json"))
    with pytest.raises(UsageError, match="another name"):
        save_adopted(classifier, tmp_path / "f", {"kind_of_model": "onnx", "source": "m.onnx"})
    assert not (tmp_path / "f").exists()


def with_numbers_beside(folder: Path, name: str = "numbers.bin") -> Path:
    folder.mkdir(exist_ok=True)
    model = onnx.load(str(bars(folder / "whole.onnx")))
    onnx.save(model, str(folder / "m.onnx"), save_as_external_data=True, location=name, size_threshold=100)
    return folder / "m.onnx"


def test_a_model_too_large_for_one_file_shows_its_layers_and_is_exported(tmp_path: Path) -> None:
    graph = OnnxGraph(with_numbers_beside(tmp_path), largest=1000)
    classifier = ForeignClassifier(graph, declare(graph, InputSettings(CLASSES, scaling="0..255")).declaration)
    check_classifier(classifier, Batch(IMAGES[:5]))
    assert [layer.name for layer in classifier.declared.layers] == ["stage1", "stage2", "embedding", "logits"]
    files = export_graph(Predictor(classifier), check=IMAGES).write(tmp_path / "out.onnx", largest=1000)
    assert len(files) == 2
    again = opened(tmp_path / "out.onnx", output="probabilities")
    assert np.array_equal(again.outputs(Batch(IMAGES)).probs, classifier.outputs(Batch(IMAGES)).probs)


@pytest.mark.parametrize(
    ("build", "declared", "words"),
    [
        (lambda path: extended(path, "Add", np.float32(np.nan)), {}, "--answers"),
        (lambda path: extended(path, "Cast", to=TEXT, kind=TEXT), {}, "<U|object"),
        (lambda path: extended(path, "ReduceMean", axes=[0], shape=(1, 3)), {}, "each of 8 rows"),
        (lambda path: extended(path, "Add", np.float32(-5)), {"answers": "independent"}, "--answers logits"),
        (lambda path: extended(path, "Mul", np.float32(0.8)), {"answers": "probabilities"}, "--answers independent"),
        (lambda path: extended(path, "Cast", after="logits", to=2, kind=2), {}, "scale is not known"),
        (lambda path: extended(path, "ArgMax", axis=1, kind=7, shape=("n", 1)), {}, "int64"),
        (lambda path: bars(path, dtype=onnx.TensorProto.INT64), {}, r"tensor\(int64\)"),
        (lambda path: bars(path, dtype=onnx.TensorProto.BFLOAT16), {}, r"tensor\(bfloat16\)"),
    ],
)  # fmt: skip
def test_what_gives_no_answers_is_refused_when_it_is_declared(
    build: Callable[[Path], Path], declared: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        opened(build(tmp_path / "m.onnx"), **declared)
    refused(raised.value)


@pytest.mark.parametrize(
    ("operator", "constant", "after", "answers", "words"),
    [
        ("Log", None, "logits", "logits", "not finite"),
        ("Mul", np.float32(0), "probabilities", "independent", "0, 0, 0"),
        ("Relu", None, "logits", "independent", "not independent"),
    ],
)  # fmt: skip
def test_answers_that_are_wrong_for_some_pictures_name_the_model(
    operator: str, constant: Any, after: str, answers: str, words: str, tmp_path: Path
) -> None:
    classifier = opened(extended(tmp_path / "m.onnx", operator, constant, after=after), answers=answers)
    with pytest.raises(DataError, match=words) as raised:
        classifier.outputs(Batch(np.concatenate([IMAGES, np.zeros_like(IMAGES[:1])])))
    refused(raised.value, "m.onnx", "answers")


def test_answers_that_do_not_add_up_to_1_are_named_with_the_model(tmp_path: Path) -> None:
    """They do for the random pictures that the declaration is made with, and not for a dark one."""
    classifier = opened(bars(tmp_path / "m.onnx"))
    classifier.graph = Dimmed(classifier.graph)  # type: ignore[assignment]
    with pytest.raises(DataError, match="not probabilities, such as"):
        classifier.outputs(Batch(IMAGES))


class Dimmed:
    """A graph whose answers add up to less than 1."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.id, self.input, self.outputs, self.path = graph, "", graph.input, graph.outputs, graph.path

    def run(self, data: Any, names: Any) -> list[Any]:
        return [values * 0.5 for values in self.graph.run(data, names)]


@pytest.mark.parametrize("scale", [100, 255])
def test_percentages_and_bytes_are_shares(scale: int, tmp_path: Path) -> None:
    kind = onnx.TensorProto.UINT8 if scale == 255 else FLOAT
    path = extended(tmp_path / "m.onnx", "Mul", np.float32(scale))
    if scale == 255:
        model = onnx.load(str(path))
        model.graph.node.append(helper.make_node("Cast", ["answers"], ["bytes"], to=kind))
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info("bytes", kind, ("n", 3)))
        onnx.save(model, str(path))
    classifier, exact = opened(path), opened(bars(tmp_path / "exact.onnx"))
    assert classifier.declared.answers == "independent"
    shares = exact.outputs(Batch(IMAGES)).probs
    assert np.allclose(classifier.outputs(Batch(IMAGES)).probs, shares, atol=0.01)
    assert export_graph(Predictor(classifier), check=IMAGES).parity.probabilities < 1e-6


def test_answers_with_further_axes_and_pictures_without_an_axis_of_rows(tmp_path: Path) -> None:
    path = extended(tmp_path / "m.onnx", "Reshape", np.array([0, 3, 1, 1]), shape=("n", 3, 1, 1))
    classifier = opened(path)
    check_classifier(classifier, Batch(IMAGES[:5]))
    assert (classifier.outputs(Batch(IMAGES)).predicted == LABELS).all()
    assert export_graph(Predictor(classifier), check=IMAGES).parity.answers == 0
    for number, shape in enumerate([(SIDE, SIDE), (SIDE, SIDE, 1), (1, SIDE, SIDE)]):
        bare = opened(one_picture(tmp_path / f"{number}.onnx", shape), layout="nhw" if len(shape) == 2 else None)
        assert bare.declared.layers, shape
        assert np.allclose(bare.outputs(Batch(IMAGES)).probs, classifier.outputs(Batch(IMAGES)).probs, atol=1e-5)


def one_picture(path: Path, shape: tuple[int, ...]) -> Path:
    """The model of the bars, for one picture of this shape."""
    model = onnx.load(str(bars(path, shape=(1, SIDE, SIDE))))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("picture", FLOAT, shape))
    whole = next(value for value in model.graph.initializer if value.name == "whole")
    whole.CopyFrom(numbers.from_array(np.array([1, 1, SIDE, SIDE]), "whole"))
    onnx.save(model, str(path))
    return path


def even(images: Any) -> Any:
    share = images.mean((1, 2)) / 255
    return np.stack([share, 1 - share], 1)


def leaves(images: Any) -> Any:
    raise SystemExit(3)


def shouts(images: Any) -> Any:
    raise RuntimeError("boom \x1b[31m\n" + 999 * "x")


def darkens(images: Any) -> Any:
    answer = even(images)
    images[...] = 0
    return answer


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (leaves, "SystemExit"), (shouts, "boom"), (lambda x: None, "NoneType"), (lambda x: "no", "str"),
        (lambda x: [["a", "b"]] * len(x), "text"), (lambda x: even(x)[:-1], "shape"),
        (lambda x: even(x)[..., None], "shape"),
        (lambda x: even(x) * np.nan, "not finite"), (lambda x: even(x) * 3, "sum"), (lambda x: even(x) * 1j, "complex"),
        (lambda x: (even(x), x, 3), "3 values"), (lambda x: (even(x), "features"), "str"),
        (lambda x: (even(x), even(x)[:-1]), "rows"), (lambda x: (row for row in even(x)), "generator"),
    ],
)  # fmt: skip
def test_functions_that_raise_or_give_something_else(function: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(MienError, match=words) as raised:
        mien.open(function, classes=["light", "dark"], inputs=ImageSpec(SIDE)).predict(IMAGES)
    refused(raised.value)


@pytest.mark.parametrize("function", [even, darkens, lambda x: even(x).tolist(), lambda x: even(x).astype(object)])
def test_functions_that_give_numbers_in_any_container(function: Callable[[Any], Any]) -> None:
    images = IMAGES.copy()
    light = mien.open(function, classes=["light", "dark"], inputs=ImageSpec(SIDE)).predict_proba(images)[:, 0]
    assert np.allclose(light, IMAGES.mean((1, 2)) / 255, atol=1e-6) and np.array_equal(images, IMAGES)


@pytest.mark.parametrize("sides", [[0, 1, 32, 2**61], [2**31, 2**31, 1, 1], [0, 1, 2**41, -1]])
@pytest.mark.parametrize("as_node", [False, True])
def test_a_shape_that_no_array_has_is_refused_before_it_is_computed(
    sides: list[int], as_node: bool, tmp_path: Path
) -> None:
    path = bars(tmp_path / "m.onnx", shape=("n", SIDE * SIDE), dtype=FLOAT)
    model = onnx.load(str(path))
    shape = numbers.from_array(np.array(sides, np.int64), "odd")
    if as_node:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["odd"], value=shape))
    else:
        model.graph.initializer.append(shape)
    model.graph.node.insert(1, helper.make_node("Reshape", [model.graph.input[0].name, "odd"], ["unused"]))
    onnx.save(model, str(tmp_path / "d.onnx"))
    with pytest.raises(RunError, match="damaged: its operator Reshape"):
        OnnxGraph(tmp_path / "d.onnx")
