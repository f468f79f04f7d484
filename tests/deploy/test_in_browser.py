"""An exported graph decides in a browser, in onnxruntime-web, as it decides in mien."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium, served
from onnx_models import CLASSES, bars

import mien
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.deploy.onnx.exporting import export_graph
from mien.deploy.predictor import Predictor
from mien.testing import example_bars

FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PAGE = '<!doctype html><script src="ort.wasm.min.js"></script>'
RUN = """async ([file, values, shape]) => {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(file)
  const tensor = new ort.Tensor('float32', Float32Array.from(values), shape)
  const answers = await session.run({[session.inputNames[0]]: tensor})
  return Object.fromEntries(Object.entries(answers).map(([name, value]) => [name, Array.from(value.data, Number)]))
}"""


@pytest.fixture(scope="module")
def site(onnxruntime_web: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with onnxruntime-web, and its address."""
    folder = tmp_path_factory.mktemp("site")
    with tarfile.open(onnxruntime_web) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())
    (folder / "index.html").write_text(PAGE)
    with served(folder) as address:
        yield folder, address


@pytest.fixture(scope="module")
def page(site: tuple[Path, str]) -> Iterator[Any]:
    with chromium() as browser:
        shown = browser.new_page()
        shown.goto(site[1])
        yield shown


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
