"""Drawn faces first: what they teach, what they may not show, and that a killed training goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.cli import run
from mien.data.labels import emotions
from mien.data.picture import ImageSettings
from mien.errors import DataError
from mien.models.attention import Attention
from mien.models.beginning import begin, faces
from mien.models.latents import probabilities
from mien.models.settings import TrainSettings
from mien.types import LabelSet

IMAGES = ImageSettings(size=24)
THREE = emotions("surprise", "happiness", "sadness")
SETTINGS = TrainSettings(epochs=24, drawn=400, batch_size=16)


def test_no_face_is_drawn_of_a_class_that_may_not_be_known() -> None:
    drawn = faces(THREE, ("surprise", "sadness"), IMAGES, 60, seed=0)
    assert drawn.pixels.shape == (60, 24, 24) and (drawn.targets[:, 1] == 0).all()
    assert np.allclose(drawn.targets.sum(1), 1) and set(drawn.labels.tolist()) == {0, 2}


def test_drawn_faces_teach_emotions_in_half_the_epochs() -> None:
    torch.manual_seed(0)
    model = Attention(3, known=(True, False, True))
    assert len(begin(model, THREE, IMAGES, SETTINGS)) == 12
    unseen = faces(THREE, ("surprise", "sadness"), IMAGES, 100, seed=5)
    answers = probabilities(model, unseen.pixels)
    assert (answers[:, 1] == 0).all() and (answers.argmax(1) == unseen.labels).mean() > 0.7


def test_other_classes_are_refused_and_without_the_flag_nothing_happens() -> None:
    digits = LabelSet(("one", "two", "three"))
    model = Attention(3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert begin(model, digits, IMAGES, TrainSettings()) == []
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(DataError, match="one"):
        begin(model, digits, IMAGES, SETTINGS)


def test_a_base_that_began_with_drawn_faces_is_made_by_one_flag(tmp_path: Path) -> None:
    command = ["train", "faces:n=200,size=24", "--size", "24", "--epochs", "2", "--drawn", "100"]
    assert run([*command, "--out", str(tmp_path / "run")]) == 0
    cell = tmp_path / "run" / "cells" / "seed0" / "full"
    pictures = json.loads((cell / "cell.json").read_text())["pictures"]["train"]
    shown = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["train"]
    assert shown["drawn"] == 100 and pictures > 100 and not list(cell.glob("*.safetensors.*"))
    assert sorted(path.name for path in cell.glob("*.safetensors")) == ["model.safetensors"]
