"""Models on disk: whole, and unable to run code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.provenance import FILE, TrainedOn
from mien.errors import RunError, UsageError
from mien.nets import saved
from mien.nets.attention import Attention
from mien.nets.extraction import probabilities

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


def test_a_record_of_what_was_trained_on_goes_with_its_model(tmp_path: Path) -> None:
    """A model saved in its place, without a record, does not inherit it."""
    model = saved.build("attention", KNOWN, colour=False).eval()
    card = saved.ModelCard("attention", ("fear", "happiness", "neutral"), (True, False, True), 48, False, "pad", "0")
    key = np.array([b"0123456789abcdef"])
    saved.save(model, card, tmp_path, TrainedOn(key, key, "/data/faces", "fingerprint", 3))
    again, read = saved.load(tmp_path)
    found = TrainedOn.load(tmp_path, saved.fingerprint(again, read).__eq__)
    assert found is not None and (found.place, found.seed, found.pictures.tolist()) == ("/data/faces", 3, key.tolist())
    keep(tmp_path)
    assert not (tmp_path / FILE).exists()


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
        saved.get_network("atention")


def test_a_saved_model_answers_as_it_did(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Attention(3)
    model.precision, model.flip_tta = torch.bfloat16, True
    saved.save(model, saved.ModelCard("attention", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    again, card = saved.load(tmp_path)
    assert (card.precision, card.flip_tta) == ("bfloat16", True)
    pixels = np.random.default_rng(0).integers(0, 255, (5, 48, 48)).astype(np.uint8)
    assert np.array_equal(probabilities(model, pixels), probabilities(again, pixels))
    with pytest.raises(UsageError, match="precision"):
        saved.ModelCard("attention", ("a",), (True,), 48, False, "pad", "", "float8")


def test_a_card_from_before_precision_and_mirroring_means_neither(tmp_path: Path) -> None:
    saved.save(Attention(3), saved.ModelCard("attention", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    del card["precision"], card["flip_tta"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    model, _ = saved.load(tmp_path)
    assert model.precision is torch.float32
    assert not model.flip_tta


class Configured(Attention):
    """A base from outside with an attribute of its own."""

    config = object()


def test_a_base_from_outside_may_have_a_config_of_its_own(tmp_path: Path) -> None:
    model = Configured(3)
    saved.save(
        model, saved.ModelCard(f"{__name__}:Configured", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path
    )
    assert json.loads((tmp_path / "model.json").read_text())["config"] == {}
