"""A base classifier and a corrector from outside mien, through the whole study and `mien predict`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.cli import run as mien

MODULE = """
import numpy as np
from torch import nn
from mien.correctors.contract import check_fitted, check_has_positives, target_class
from mien.features import stack
from mien.nets.network import Network
from mien.types import Proposal


class Flat(Network):
    layers = ("hidden", "logits")

    def __init__(self, classes, colours=1, known=None):
        super().__init__(classes, colours, known)
        self.hidden = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(64 * colours, 16), nn.ReLU())
        self.head = nn.Linear(16, classes)

    def activations(self, pictures):
        hidden = self.hidden(self.normalised(pictures))
        return {"hidden": hidden, "logits": self.masked(self.head(hidden))}


class Centroid:
    name = "centroid"

    def __init__(self, target=None):
        self.target, self.centre = target, None

    def fit(self, outputs, labels):
        self.target = target_class(outputs, self.target)
        self.centre = stack(outputs, ["hidden"])[check_has_positives(outputs, labels, self.target)].mean(0)
        return self

    def propose(self, outputs):
        away = stack(outputs, ["hidden"]) - check_fitted(self.centre, self.name)
        return Proposal(outputs.ids, -np.square(away).sum(1), np.full(len(outputs), self.target))

    def state(self):
        return {"centre": check_fitted(self.centre, self.name), "target": np.array(self.target)}

    def restore(self, state):
        self.centre, self.target = state["centre"], int(state["target"])
        return self
"""


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_module_and_name_go_all_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    module = f"outside_{engine}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    out, base, corrector = tmp_path / "run", f"{module}:Flat", f"{module}:Centroid"
    study = [
        "study",
        "faces:n=160,size=32",
        "--size",
        "32",
        "--epochs",
        "1",
        "--classes",
        "happiness",
        "--no-retrained",
    ]
    named = ["--base", base, "--corrector", corrector]
    assert mien([*study, *named, "--engine", engine, "--out", str(out)]) == 0, capsys.readouterr().err
    assert mien(["data", "draw", str(tmp_path / "faces"), "--n", "12", "--size", "32"]) == 0
    picture = next((tmp_path / "faces").rglob("*.png"))
    capsys.readouterr()
    corrected = ["predict", str(picture), "--run", str(out), "--left-out", "happiness"]
    assert mien([*corrected, *named]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["probabilities"]["happiness"] == 0
    assert mien(corrected) == 2  # a file alone may not choose what is imported
    assert "base classifier" in capsys.readouterr().err
