"""Networks of mien for the benchmark of speed: in torch, as ONNX graphs, quantised."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.classifiers.network import NetworkClassifier
from mien.data.faces import FaceSettings, draw
from mien.deploy.predictor import Predictor
from mien.nets import saved
from mien.nets.device import choose_precision, seed_everything
from mien.nets.examples import Examples
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.outside import import_optional

SIDE = 48
STATIC = "attention in ONNX Runtime, 8 bits"


def own_graph(path: Path) -> Path:
    """A small network of mien's with fresh weights, as an ONNX file: it stands for one from elsewhere."""
    import_optional("onnx", "onnx", "onnx").save(_fresh("threeconv").as_onnx(), path)
    return path


def attention_runs(folder: Path, *, quick: bool) -> tuple[dict[str, Predictor], dict[str, str]]:
    """Attention, trained briefly on drawn faces, as torch computes it here, in float32, in ONNX Runtime, quantised.

    Returns
    -------
    name → predictor, and name → how many answers to other drawn faces are not those in float32.
    """
    folder.mkdir()
    trained = _trained(quick)
    plain = NetworkClassifier(trained.network, trained.saved_card)
    saved.save(trained.network, trained.saved_card, folder / "network")
    auto = NetworkClassifier.open(folder / "network")
    auto.network.precision = choose_precision("auto", torch.device("cpu"))
    plain.network.precision = torch.float32
    graph = folder / "attention.onnx"
    import_optional("onnx", "onnx", "onnx").save(plain.as_onnx(), graph)
    classes = plain.card.classes
    quantised = _quantised(graph, folder, _pixels(200, seed=2))
    classifiers: dict[str, Any] = {
        "attention in torch, float32": plain, "attention in torch": auto,
        "attention in ONNX Runtime, float32": open_model(str(graph), classes=classes),
        STATIC: open_model(str(quantised), classes=classes),
    }  # fmt: skip
    batch = Batch(_pixels(200 if quick else 3000, seed=3))
    answers = {name: classifier.outputs(batch).predicted for name, classifier in classifiers.items()}
    exact = answers["attention in torch, float32"]
    changed = {name: f"{int((each != exact).sum())} of {len(exact)}" for name, each in answers.items()}
    return {name: Predictor(classifier) for name, classifier in classifiers.items()}, changed


def _trained(quick: bool) -> NetworkClassifier:
    data = draw(FaceSettings(n=300 if quick else 2500, size=SIDE, seed=1)).dataset
    rows = np.arange(len(data))
    seed_everything(0, 0)
    network = saved.build("attention", np.ones(len(data.labelset), bool), colour=False)
    settings = TrainSettings(epochs=1 if quick else 6, threads=1, device="cpu")
    cut = len(rows) * 9 // 10
    fit(network, Examples.of(data, rows[:cut]), Examples.of(data, rows[cut:]), settings, seed=0)
    return NetworkClassifier.of(network, data)


def _fresh(base: str) -> NetworkClassifier:
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    network = saved.build(base, np.ones(len(names), bool), colour=False).eval()
    return NetworkClassifier(network, saved.ModelCard(base, names, (True,) * len(names), SIDE, False, "pad"))


def _pixels(count: int, seed: int) -> NDArray[np.uint8]:
    pixels = draw(FaceSettings(n=count, size=SIDE, seed=seed)).dataset.pixels
    assert pixels is not None
    return pixels


def _quantised(graph: Path, folder: Path, pixels: NDArray[np.uint8]) -> Path:
    """The graph in 8 bits, with ranges from these pictures: static, weights by channel."""
    tools = import_optional("onnxruntime.quantization", "onnxruntime", "onnx")
    prepared, out = folder / "prepared.onnx", folder / "quantised.onnx"
    chunks: Iterator[dict[str, Any]] = iter([{"pictures": part} for part in np.array_split(pixels, 4)])

    class Reader(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def get_next(self) -> dict[str, Any] | None:
            return next(chunks, None)

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        tools.shape_inference.quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
        tools.quantize_static(str(prepared), str(out), Reader(), per_channel=True)
    finally:
        logging.disable(before)
    return out
