"""Models that compute in 8 bits: their layers are listed, their answers stay, and their patch is exported."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import CLASSES, SIDE, bars, onnx

import mien
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Batch
from mien.classifiers.foreign import ForeignClassifier
from mien.deploy.onnx.exporting import export_graph
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.testing import check_classifier, example_bars
from mien.types import FeatureRequest

onnxruntime = pytest.importorskip("onnxruntime")
quantization = pytest.importorskip("onnxruntime.quantization")
pytestmark = pytest.mark.skipif(
    onnxruntime.__version__.startswith("1.21."),
    reason="this version makes graphs of 8 bits that it cannot run",
)
IMAGES, LABELS = example_bars(60)
NAMES = np.array(CLASSES)[LABELS]
PLAIN = ("Conv", "Gemm", "MaxPool")


class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Images from which the ranges of all arrays are found."""

    def __init__(self, dtype: Any = np.float32) -> None:
        self.batches = iter([{"picture": IMAGES[start : start + 8, None].astype(dtype)} for start in range(0, 48, 8)])

    def get_next(self) -> Any:
        return next(self.batches, None)


def quantised(folder: Path, form: str) -> ForeignClassifier:
    """The model of the bars that knows all classes, in 8 bits."""
    logging.disable(logging.WARNING)  # the library advises to prepare the model
    reads = onnx.TensorProto.UINT8 if form == "uint8" else onnx.TensorProto.FLOAT
    source, path = bars(folder / "float.onnx", dtype=reads), folder / "model.onnx"
    if form == "dynamic":
        quantization.quantize_dynamic(str(source), str(path))
    else:
        kind = quantization.QuantFormat.QOperator if form == "operators" else quantization.QuantFormat.QDQ
        parts = None if form in ("whole", "operators") else [*PLAIN]
        reader = Reader(np.uint8 if form == "uint8" else np.float32)
        quantization.quantize_static(str(source), str(path), reader, quant_format=kind, op_types_to_quantize=parts)
    logging.disable(logging.NOTSET)
    return open_model(str(path), classes=CLASSES, scaling="0..255")


@pytest.mark.parametrize("form", ["dynamic", "static", "whole", "uint8", "operators"])
def test_layers_are_found_and_reading_them_changes_no_answer(form: str, tmp_path: Path) -> None:
    classifier = quantised(tmp_path, form)
    check_classifier(classifier, Batch(IMAGES[:6]))
    shapes = {layer.name: layer.shape for layer in classifier.declared.layers}
    assert shapes["stage1"] == (4, SIDE, SIDE) and shapes["stage2"] == (6, SIDE // 2, SIDE // 2)
    assert shapes["embedding"] == (SIDE * SIDE,)
    outputs = classifier.outputs(Batch(IMAGES), FeatureRequest(maps=("stage1",)))
    alone = classifier.outputs(Batch(IMAGES), FeatureRequest(vectors=()))
    assert np.allclose(outputs.probs, alone.probs, atol=1e-4) and (alone.predicted == LABELS).all()
    first = outputs.maps["stage1"][:, 0, 1].astype(float).ravel()
    assert np.corrcoef(first, IMAGES.ravel())[0, 1] > 0.99


def test_a_scale_of_all_rows_is_that_of_one(tmp_path: Path) -> None:
    """A dark picture beside a bright one would be rounded more."""
    classifier = quantised(tmp_path, "dynamic")
    images = IMAGES[:8].copy()
    images[::2] //= 9
    together = classifier.outputs(Batch(images))
    for row in range(len(images)):
        alone = classifier.outputs(Batch(images[row : row + 1]))
        assert np.array_equal(alone.probs[0], together.probs[row])
        assert np.array_equal(alone.vectors["logits"][0], together.vectors["logits"][row])
    assert classifier.rows_at_once == 1


@pytest.mark.parametrize("form", ["dynamic", "static", "uint8", "operators"])
def test_a_patch_is_exported_with_the_answers_as_they_are(form: str, tmp_path: Path) -> None:
    predictor = patched(quantised(tmp_path, form))
    exported = export_graph(predictor, check=IMAGES)
    assert exported.parity.probabilities < 1e-5 and exported.parity.decisions <= exported.parity.near
    assert exported.parity.answers == 0


def test_what_8_bits_would_change_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """ONNX Runtime has a softmax of 8 bits, where nothing but the output reads it."""
    predictor = patched(quantised(tmp_path, "whole"))
    try:
        exported = export_graph(predictor, check=IMAGES)
    except UsageError as error:
        assert "changes bits" in error.cause and "--patch-only" in error.remedy
        exported = export_graph(predictor, check=IMAGES, patch_only=True)
    assert exported.parity.decisions <= exported.parity.near


def patched(classifier: ForeignClassifier) -> Predictor:
    corrected = mien.CorrectedClassifier(classifier, classes=["right"], budget=0.3, aim="gain", assume_unseen=True)
    return Predictor(classifier, corrected.fit(IMAGES, NAMES).patch_)
