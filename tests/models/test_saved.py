"""Models on disk: whole, and unable to run code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import RunError, UsageError
from mien.models import saved

KNOWN = np.array([True, False, True])


def keep(folder: Path, base: str = "attention") -> torch.Tensor:
    model = saved.build("attention", KNOWN, colour=False).eval()
    card = saved.ModelCard(base, ("fear", "happiness", "neutral"), (True, False, True), 48, False, "pad", "0")
    saved.save(model, card, folder)
    with torch.inference_mode():
        answer: torch.Tensor = model(torch.ones(2, 1, 48, 48))
    return answer


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    before = keep(tmp_path)
    model, card = saved.load(tmp_path)
    with torch.inference_mode():
        assert torch.equal(model(torch.ones(2, 1, 48, 48)), before)
    assert card.classes == ("fear", "happiness", "neutral")
    assert card.known == (True, False, True)


def test_a_file_cannot_choose_what_is_imported(tmp_path: Path) -> None:
    keep(tmp_path, base="os:system")
    with pytest.raises(UsageError, match="base classifier 'os:system' is not known"):
        saved.load(tmp_path)


def test_weights_that_do_not_fit_or_are_cut_off_are_refused(tmp_path: Path) -> None:
    keep(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(RunError, match="do not fit"):
        saved.load(tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({"surprise": card}))
    with pytest.raises(RunError, match="ModelCard"):
        saved.load(tmp_path)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'attention'"):
        saved.find("atention")
