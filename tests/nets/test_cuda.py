"""Training on a CUDA device: recorded steps learn what plain ones learn, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.nets import training
from mien.nets.attention import Attention
from mien.nets.checkpoint import Epoch
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.residual import Residual
from mien.nets.settings import TrainSettings
from mien.nets.step import Step
from mien.nets.training import fit
from mien.testing import example_bars

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
SETTINGS = TrainSettings(epochs=3, batch_size=16, device="cuda", precision="float32")


def bars(count: int, seed: int = 0) -> Examples:
    pixels, labels = example_bars(count, seed)
    return Examples(pixels, np.eye(3, dtype=np.float32)[labels])


def trained(kind: type[Network], settings: TrainSettings = SETTINGS, checkpoint: Path | None = None) -> Network:
    torch.manual_seed(0)
    model = kind(3)
    fit(model, bars(96), bars(30, 1), settings, checkpoint=checkpoint)
    return model


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_recorded_steps_are_plain_steps(kind: type[Network], monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = trained(kind)
    monkeypatch.setattr(training, "step_on", lambda device: Step)
    plain = trained(kind)
    for name, value in recorded.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_the_same_weights_every_time_and_after_a_kill(kind: type[Network], tmp_path: Path) -> None:
    whole, again = trained(kind), trained(kind)

    def kill(epoch: Epoch) -> None:
        if epoch["epoch"] == 2:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "checkpoint.safetensors"
    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        fit(kind(3), bars(96), bars(30, 1), SETTINGS, checkpoint=checkpoint, progress=kill)
    resumed = trained(kind, checkpoint=checkpoint)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_model_trained_there_answers_on_the_processor() -> None:
    model = trained(Attention, replace(SETTINGS, epochs=8))
    assert next(model.parameters()).device.type == "cpu"
    here = probabilities(model, bars(60, 2).pixels)
    there = probabilities(model.to("cuda"), bars(60, 2).pixels)
    assert abs(here - there).max() < 1e-3
    assert (here.argmax(1) == bars(60, 2).labels).mean() > 0.9
