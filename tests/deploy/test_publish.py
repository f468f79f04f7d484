"""A published folder: the card is valid, the script labels files as mien does, and needs nothing of mien."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mien.classifiers.network import NetworkClassifier
from mien.data.prepare import DataSettings, prepare
from mien.deploy.onnx.exporting import Exported, export_graph
from mien.deploy.onnx.figures import Figures, measure
from mien.deploy.onnx.publish import publish
from mien.deploy.predictor import Predictor
from mien.errors import UsageError
from mien.metrics.correction import scores
from mien.nets.baselines import OneConv

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def made() -> tuple[Predictor, Exported]:
    torch.manual_seed(0)
    data = prepare(DataSettings("synthetic:n=60,size=24", size=24))
    network = OneConv(len(data.labelset), 1).eval()
    network.measure(torch.from_numpy(data.pictures[:, None] / 255).float())
    predictor = Predictor(NetworkClassifier.of(network, data))
    return predictor, export_graph(predictor)


def figures(classes: tuple[str, ...]) -> Figures:
    rng = np.random.default_rng(0)
    truth, before, after = rng.integers(0, len(classes) - 1, (3, 90))
    return Figures("faces: a | b", 90, classes, scores(truth, before, after, len(classes)), (0.5, 0.6))


def test_the_card_is_one_that_the_hub_reads(made: tuple[Predictor, Exported], tmp_path: Path) -> None:
    predictor, exported = made
    publish(exported, tmp_path / 'my "faces"', figures(predictor.classes))
    text = (tmp_path / 'my "faces"' / "README.md").read_text(encoding="utf-8")
    assert "| –" in text or "– |" in text, "the class without pictures has no figure"
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(text)
    assert card.data.library_name == "onnx" and card.data.pipeline_tag == "image-classification"
    assert [result.metric_type for result in card.data.eval_results] == ["accuracy", "recall"]
    assert card.data.eval_results[0].metric_value == 0.6 and card.data.model_name == 'my "faces"'


def test_the_script_labels_files_as_mien_does(made: tuple[Predictor, Exported], tmp_path: Path) -> None:
    predictor, exported = made
    publish(exported, tmp_path / "out", None, "no labelled pictures are named")
    rng = np.random.default_rng(1)
    shapes = [(24, 24), (60, 40), (31, 57, 3), (24, 24, 4)]
    paths = [tmp_path / f"{number}.png" for number in range(len(shapes))]
    for path, shape in zip(paths, shapes, strict=True):
        values = rng.integers(0, 255, shape, dtype=np.uint8)
        if shape[2:] == (4,):
            values[..., 3] = 255
        Image.fromarray(values).save(path)
    blocked = "import sys; sys.modules['mien'] = sys.modules['torch'] = None; import runpy;"
    program = f"{blocked} sys.argv = ['predict.py', *sys.argv[1:]]; runpy.run_path('predict.py', run_name='__main__')"
    command = [sys.executable, "-c", program, *map(str, paths)]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    outputs, _ = predictor.all(list(paths))
    got = [[row["probabilities"][name] for name in predictor.classes] for row in rows]
    assert np.allclose(got, outputs.probs, atol=1e-5)


def test_the_folder_is_new_and_whole(made: tuple[Predictor, Exported], tmp_path: Path) -> None:
    _, exported = made
    publish(exported, tmp_path / "out", None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md", "config.json", "model.onnx", "predict.py",
    ]  # fmt: skip
    config: dict[str, Any] = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert config["image_size"] == 24 and list(config["id2label"].values()) == config["classes"]
    with pytest.raises(UsageError, match="exists already"):
        publish(exported, tmp_path / "out", None)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_lines_of_the_card_run(made: tuple[Predictor, Exported], tmp_path: Path) -> None:
    _, exported = made
    publish(exported, tmp_path / "out", None)
    code = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    Image.fromarray(np.zeros((50, 50), np.uint8)).save(tmp_path / "out" / "face.png")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    assert done.stdout.strip() in exported.facts["classes"]


def test_figures_need_labelled_pictures(made: tuple[Predictor, Exported]) -> None:
    predictor, exported = made
    assert measure(exported, predictor) == (None, "no labelled pictures are named")
    measured, reason = measure(exported, predictor, "/nowhere")
    assert measured is None and "cannot be read" in reason
