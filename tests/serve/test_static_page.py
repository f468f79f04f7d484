"""The page without a server: it reads pictures as mien does, answers as mien does, and asks nobody else."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from browsing import chromium, served
from onnx_models import CLASSES, SIDE, bars
from PIL import Image

import mien
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch, ImageSpec
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.tensors import TensorSpec
from mien.cli import run
from mien.data.picture import RESAMPLING, RESIZE_MODES, ImageSettings, read_image
from mien.deploy.onnx.exporting import export_graph
from mien.deploy.onnx.metadata import input_facts
from mien.deploy.predictor import Predictor
from mien.errors import RunError, UsageError
from mien.serve.static_page import write_static
from mien.testing import example_bars

IMAGES, LABELS = example_bars(80)
NAMES = np.array(CLASSES)[LABELS]
PILLOW = int(PIL.__version__.split(".")[0])
"""Before 13, columns were resized before rows, also of tall pictures."""
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
READ = """async ([inputs, content]) => {
  const {plain, square, tensor} = await import('/picture.js'), {decoded} = await import('/app.js')
  const bytes = Uint8Array.from(atob(content), sign => sign.charCodeAt(0))
  const canvas = await decoded(new Blob([bytes], {type: 'image/png'}))
  const rgba = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const image = square(plain(rgba, inputs.colour), inputs.size, inputs.resize_mode, inputs.resample)
  const {values, shape, type} = tensor(image, inputs)
  return {pixels: Array.from(image.data), values: Array.from(values), shape, type}
}"""
ANSWER = """async content => {
  const app = await import('/app.js')
  await app.ready
  const bytes = Uint8Array.from(atob(content), sign => sign.charCodeAt(0))
  return app.answer(app.read(await app.decoded(new Blob([bytes], {type: 'image/png'}))))
}"""


def predictor(folder: Path, **declared: Any) -> Predictor:
    classifier = open_model(str(bars(folder / "m.onnx", classes=2)), classes=CLASSES[:2], scaling="-1..1", **declared)
    corrected = mien.CorrectedClassifier(
        classifier, classes=["right"], corrector="logistic", budget=0.3, aim="gain", assume_unseen=True
    )
    return Predictor(classifier, corrected.fit(IMAGES, NAMES).patch_)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Path]:
    """A classifier of two classes with a patch that adds a third, and both as a graph."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = tmp_path_factory.mktemp("graph")
    judge = predictor(folder)
    export_graph(judge, check=IMAGES).write(folder / "bars.onnx")
    return judge, folder / "bars.onnx"


@pytest.fixture(scope="module")
def site(exported: tuple[Predictor, Path], onnxruntime_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sites") / "demo"
    write_static(out, exported[1], title='Bars & "stripes" <i>', runtime=onnxruntime_web)
    return out


@pytest.fixture(scope="module")
def page(site: Path) -> Iterator[Any]:
    """The page, open; its requests and its complaints are kept as `asked` and `wrong`."""
    with served(site) as address, chromium(*CAMERA) as browser:
        shown = browser.new_page(viewport={"width": 390, "height": 844})
        shown.asked, shown.wrong, shown.address = [], [], address
        shown.on("request", lambda request: shown.asked.append(request.url))
        shown.on("console", lambda message: shown.wrong.append(message.text) if message.type == "error" else None)
        shown.on("pageerror", lambda error: shown.wrong.append(str(error)))
        shown.goto(address)
        shown.wait_for_selector("main:not([aria-busy])")
        yield shown


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_pictures_of_its_size_have_the_answers_of_mien(exported: tuple[Predictor, Path], page: Any) -> None:
    judge = exported[0]
    answers = judge.answer(Batch(IMAGES[:10]))
    decision = answers.decision
    assert decision.score is not None and 0 < decision.overridden.sum() < 10
    for row in range(10):
        shown = page.evaluate(ANSWER, text(png(IMAGES[row])))
        assert np.allclose(shown["probabilities"], answers.outputs.probs[row, :2], atol=1e-4)
        assert (shown["corrected"], shown["overridden"]) == (decision.final[row], decision.overridden[row])
        assert shown["score"] == pytest.approx(decision.score[row], abs=1e-3)


@pytest.mark.parametrize("resample", RESAMPLING)
@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize("shape", [(100, 70), (31, 200, 3), (20, 24), (47, 48), (90, 48, 3)])
def test_pictures_of_any_size_are_resized_bit_by_bit_as_mien_does(
    shape: tuple[int, ...], mode: str, resample: str, page: Any
) -> None:
    colour = len(shape) == 3
    spec = ImageSpec(48, colour, mode, resample=resample)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pixels[10:20, 5:15] = 255
    content = png(pixels)
    shown = page.evaluate(READ, [json.loads(json.dumps(input_facts(spec, "x"))), text(content)])
    expected = read_image(content, ImageSettings(48, colour, mode, resample)).pixels
    assert expected is not None
    assert np.abs(np.array(shown["pixels"]) - expected.ravel()).max() <= (0 if PILLOW >= 13 else 2)


def test_colours_become_the_same_grey_and_turned_files_are_upright(page: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    image, file = Image.fromarray(pixels), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(file, "PNG", exif=exif)
    shown = page.evaluate(READ, [input_facts(ImageSpec(48), "x"), text(file.getvalue())])
    expected = read_image(file.getvalue(), ImageSettings(48)).pixels
    assert expected is not None and np.array_equal(shown["pixels"], expected.ravel())


SPECS = [
    TensorSpec("rgb", "nchw", "imagenet"), TensorSpec("bgr", "nhwc", "0..255"), TensorSpec("grey", "nchw", "-1..1"),
    TensorSpec("grey", "nhwc", "0..1", channels=3), TensorSpec("grey", "nhw", "mean=0.5;std=0.25", "float64"),
    TensorSpec("rgb", "flat", "standardised"), TensorSpec("bgr", "nchw", "mean=0.1,0.2,0.3;std=0.5,0.6,0.7", "float16"),
    TensorSpec("rgb", "nchw", "0..255", "uint8"),
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_array_is_that_of_mien(spec: TensorSpec, page: Any) -> None:
    shape = (16, 16, 3) if spec.colour else (16, 16)
    pixels = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    facts = json.loads(json.dumps(input_facts(ImageSpec(16, spec.colour, tensor=spec), "x")))
    shown = page.evaluate(READ, [facts, text(png(pixels))])
    expected = spec.array(pixels[None])
    assert shown["shape"] == list(expected.shape) and shown["type"] == spec.dtype
    kind = np.uint16 if spec.dtype == "float16" else expected.dtype
    values = np.array(shown["values"]).astype(kind).view(expected.dtype)
    tolerance = 1e-5 if spec.scaling == "standardised" else 0
    assert np.allclose(values, expected.ravel(), rtol=0, atol=tolerance)


def test_the_page_asks_nobody_else_and_breaks_no_rule_of_its_own(page: Any) -> None:
    assert page.asked and all(url.startswith((page.address, "data:", "blob:")) for url in page.asked)
    assert page.wrong == []
    assert page.title() == 'Bars & "stripes" <i>' and page.inner_text("h1") == 'Bars & "stripes" <i>'


def test_a_chosen_file_the_camera_and_keys(page: Any, tmp_path: Path) -> None:
    row = int(np.flatnonzero(LABELS == 2)[0])
    wide = np.asarray(Image.fromarray(IMAGES[row]).resize((4 * SIDE, 4 * SIDE), Image.Resampling.NEAREST))
    (tmp_path / "right.png").write_bytes(png(wide))
    page.set_input_files("#file", tmp_path / "right.png")
    page.wait_for_selector("#after:text-is('right')")
    assert page.get_attribute("#verdict", "data-overridden") == "true" and page.is_visible("#was")
    assert "above the threshold" in page.inner_text("#score-text")
    assert page.locator("#bars div").nth(2).inner_text().split() == ["right", "new"]
    before = page.evaluate("document.getElementById('read').toDataURL()")
    page.focus("#zoom")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.focus("#view")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.getElementById('read').toDataURL()") != before
    page.click("#camera")
    page.wait_for_selector("#camera[aria-pressed=true]")
    page.click("#camera")
    assert page.inner_text("#camera") == "Camera" and page.wrong == []
    (tmp_path / "broken.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "broken.png")
    page.wait_for_selector("#note.bad")
    assert "JPEG, PNG" in page.inner_text("#note")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(scheme: str, page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_folder_has_all_and_names_the_licences(site: Path) -> None:
    assert sorted(path.name for path in site.iterdir()) == [
        "README.md", "app.js", "index.html", "model.json", "model.onnx", "onnxruntime", "picture.js", "style.css",
    ]  # fmt: skip
    about = (site / "README.md").read_text()
    assert "MIT licence" in about and "Microsoft Corporation" in (site / "onnxruntime" / "LICENSE").read_text()
    assert "http" not in "".join((site / name).read_text() for name in ("app.js", "picture.js", "style.css")).replace(
        "by https", ""
    )


def test_classifiers_of_emotions_come_with_drawn_faces(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    classifier = open_model(str(bars(tmp_path / "m.onnx")), classes=("fear", "anger", "odd"), scaling="0..255")
    export_graph(Predictor(classifier), check=IMAGES).write(tmp_path / "faces.onnx")
    write_static(tmp_path / "demo", tmp_path / "faces.onnx", runtime=copy(tmp_path / "copy"))
    examples = json.loads((tmp_path / "demo" / "model.json").read_text())["examples"]
    assert len(examples) == 8
    with Image.open(tmp_path / "demo" / examples[0]["file"]) as face:
        assert face.size == (96, 96) and face.mode == "L"


def copy(folder: Path) -> Path:
    """Something with the names of onnxruntime-web's files."""
    folder.mkdir()
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / name).write_bytes(b"content")
    return folder


def test_what_cannot_be_a_page_is_refused(exported: tuple[Predictor, Path], tmp_path: Path) -> None:
    judge, graph = exported
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(UsageError, match="exists already"):
        write_static(there, graph, runtime=copy(tmp_path / "copy"))
    assert isinstance(judge.classifier, ForeignClassifier)
    export_graph(judge, patch_only=True, check=IMAGES).write(tmp_path / "g.onnx")
    with pytest.raises(UsageError, match="graph of a corrector"):
        write_static(tmp_path / "out", tmp_path / "g.onnx", runtime=tmp_path / "copy")
    with pytest.raises(RunError, match="was not exported by mien"):
        write_static(tmp_path / "out", bars(tmp_path / "other.onnx"), runtime=tmp_path / "copy")
    (tmp_path / "bars.onnx").write_bytes(graph.read_bytes())
    (tmp_path / "bars.onnx.data").write_bytes(b"weights")
    with pytest.raises(UsageError, match="too large for a page"):
        write_static(tmp_path / "out", tmp_path / "bars.onnx", runtime=tmp_path / "copy")
    assert not (tmp_path / "out").exists()


def test_the_command_exports_and_writes_the_page(onnxruntime_web: Path, tmp_path: Path) -> None:
    flags = ["--classes", ",".join(CLASSES), "--scaling=-1..1", "--out", str(tmp_path / "base")]
    assert run(["adopt", str(bars(tmp_path / "m.onnx")), *flags]) == 0
    command = ["serve", str(tmp_path / "base"), "--static", str(tmp_path / "demo")]
    assert run([*command, "--onnxruntime-web", str(onnxruntime_web)]) == 0
    assert json.loads((tmp_path / "demo" / "model.json").read_text())["classes"] == list(CLASSES)
    assert run(command) == 2  # it is there already
