"""Drawn faces first: what they teach, what they may not show, and that a killed training goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.cli import run
from mien.data.labels import emotions
from mien.data.picture import ImageSettings
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.errors import DataError
from mien.nets.attention import Attention
from mien.nets.checkpoint import Epoch
from mien.nets.extraction import probabilities
from mien.nets.pretraining import pretrain_on_synthetic, synthetic_examples
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import LabelSet

IMAGES = ImageSettings(size=24)
THREE = emotions("surprise", "happiness", "sadness")
SETTINGS = TrainSettings(epochs=24, synthetic=400, batch_size=16)


def test_no_face_is_drawn_of_a_class_that_may_not_be_known() -> None:
    drawn = synthetic_examples(THREE, ("surprise", "sadness"), IMAGES, 60, seed=0)
    assert drawn.pixels.shape == (60, 24, 24) and (drawn.targets[:, 1] == 0).all()
    assert np.allclose(drawn.targets.sum(1), 1) and set(drawn.labels.tolist()) == {0, 2}


def test_drawn_faces_teach_emotions_in_half_the_epochs() -> None:
    torch.manual_seed(0)
    model = Attention(3, known=(True, False, True))
    assert len(pretrain_on_synthetic(model, THREE, IMAGES, SETTINGS)) == 12
    unseen = synthetic_examples(THREE, ("surprise", "sadness"), IMAGES, 100, seed=5)
    answers = probabilities(model, unseen.pixels)
    assert (answers[:, 1] == 0).all() and (answers.argmax(1) == unseen.labels).mean() > 0.7


def test_other_classes_are_refused_and_without_the_flag_nothing_happens() -> None:
    digits = LabelSet(("one", "two", "three"))
    model = Attention(3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert pretrain_on_synthetic(model, digits, IMAGES, TrainSettings()) == []
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(DataError, match="one"):
        pretrain_on_synthetic(model, digits, IMAGES, SETTINGS)


def test_a_training_that_was_killed_among_drawn_faces_ends_the_same(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=6, synthetic=64, batch_size=16, precision="float32")
    real = synthetic_examples(THREE, THREE.names, IMAGES, 64, seed=3)

    def trained(folder: Path, kill: Callable[[Epoch], object] = lambda epoch: None) -> Attention:
        torch.manual_seed(0)
        model = Attention(3)
        first, checkpoint = folder / "drawn", folder / "checkpoint"
        pretrain_on_synthetic(model, THREE, IMAGES, settings, checkpoint=first, progress=kill)
        fit(model, real, None, settings, fresh=False, checkpoint=checkpoint)
        return model

    def kill(epoch: Epoch) -> None:
        if epoch["epoch"] == 2:
            raise KeyboardInterrupt

    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = trained(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", kill)
    resumed = trained(tmp_path / "killed").state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.state_dict().items())


def test_a_checkpoint_of_a_fresh_training_is_none_of_one_that_goes_on(tmp_path: Path) -> None:
    settings = TrainSettings(epochs=1, batch_size=16)
    real = synthetic_examples(THREE, THREE.names, IMAGES, 48, seed=3)
    fit(Attention(3), real, None, settings, checkpoint=tmp_path / "checkpoint")
    done: list[Epoch] = []
    fit(Attention(3), real, None, settings, fresh=False, checkpoint=tmp_path / "checkpoint", progress=done.append)
    assert len(done) == 1


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (("--synthetic", "1"), "give 32"),
        (("--synthetic", "900000", "--size", "512"), "--synthetic"),
        (("--synthetic", "-1"), "--synthetic"),
    ],
)
def test_what_cannot_be_drawn_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], hint: str
) -> None:
    assert run(["train", "synthetic:n=60,size=16", *flags, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert hint in said and "--synthetic" in said and not (tmp_path / "run" / "cells").exists()


def test_a_base_that_began_with_drawn_faces_is_made_by_one_flag(tmp_path: Path) -> None:
    command = ["train", "synthetic:n=200,size=24", "--size", "24", "--epochs", "2", "--synthetic", "100"]
    assert run([*command, "--out", str(tmp_path / "run")]) == 0
    cell = tmp_path / "run" / "cells" / "seed0" / "full"
    learnt = len(split(prepare(DataSettings("synthetic:n=200,size=24", size=24)), 0).rows("train"))
    pictures = json.loads((cell / "cell.json").read_text())["pictures"]["train"]
    shown = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["train"]
    assert shown["synthetic"] == 100 and pictures == 2 * learnt + 100
    assert sorted(path.name for path in cell.glob("*.safetensors")) == ["model.safetensors"]
