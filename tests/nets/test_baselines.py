"""The plain networks: they learn at the common learning rate, with their hidden units alive."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mien.nets.baselines import OneConv, ThreeConv
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.testing import example_bars


@pytest.mark.parametrize("kind", [OneConv, ThreeConv])
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_hidden_units_stay_alive_and_tell_classes_apart(kind: type[Network], power: float) -> None:
    pixels, labels = example_bars(240)
    rare = np.flatnonzero(labels == 2)[8:]
    pixels, labels = np.delete(pixels, rare, 0), np.delete(labels, rare)
    torch.manual_seed(0)
    model = kind(3)
    fit(
        model, Examples(pixels, np.eye(3, dtype=np.float32)[labels]), None, TrainSettings(epochs=12, weight_power=power)
    )
    unseen, truth = example_bars(90, 1)
    outputs = extract(model, unseen, np.arange(90).astype(str))
    assert (outputs.vectors["hidden"].std(0) > 1e-3).mean() > 0.8, "hidden units are dead"
    assert (outputs.predicted == truth).mean() > 0.8
