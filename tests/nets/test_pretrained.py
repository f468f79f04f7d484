"""Backbones from the hub: tiny random ones, as no weights can be had here; grey faces, saving, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.errors import MienError, MissingExtraError, RunError, UsageError
from mien.nets import pretrained, saved
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.head import widened
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.testing import check_network, example_bars

transformers = pytest.importorskip("transformers", reason="needs the extra hub")
pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own
KNOWN = np.array([True, True, True])


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the hub has it: config.json and model.safetensors."""
    folder = tmp_path_factory.mktemp("hub") / "tiny"
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    return folder


def test_it_keeps_the_contract_for_grey_and_colour(backbone: Path) -> None:
    check_network(pretrained.of(str(backbone)))


def test_it_begins_with_the_weights_of_the_hub_and_learns_at_a_small_rate(backbone: Path) -> None:
    model = saved.build(f"hub:{backbone}", KNOWN, colour=False)
    assert isinstance(model, pretrained.Pretrained)
    kept = transformers.AutoModel.from_pretrained(backbone).state_dict()
    own = model.backbone.state_dict()
    assert all(torch.equal(own[name], value) for name, value in kept.items())
    pixels, labels = example_bars(96)
    examples = Examples(pixels, np.eye(3, dtype=np.float32)[labels])
    history = fit(model, examples, examples, TrainSettings(epochs=6, batch_size=16, precision="float32"))
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert max(epoch["learning_rate"] for epoch in history) <= 5e-4
    outputs = extract(model, pixels, np.arange(96).astype(str))
    assert outputs.vectors["hidden"].shape == (96, 16)


def test_a_saved_one_needs_neither_hub_nor_folder(backbone: Path, tmp_path: Path) -> None:
    model = saved.build(f"hub:{backbone}", KNOWN, colour=False).eval()
    card = saved.ModelCard(f"hub:{tmp_path / 'gone'}", ("a", "b", "c"), (True,) * 3, 48, False, "pad")
    saved.save(model, card, tmp_path / "model")
    again, _ = saved.load(tmp_path / "model")
    pictures = torch.rand(2, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(model(pictures), again(pictures))
    wide = widened(again, 4)
    with torch.inference_mode():
        assert torch.allclose(wide.eval()(pictures)[:, :3], again(pictures), atol=1e-6)


def test_a_vision_transformer_takes_its_own_size(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8
    )
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    check_network(pretrained.of(str(tmp_path)))


def test_half_precision_weights_are_read_and_any_width_is_found(tmp_path: Path) -> None:
    config = transformers.MobileNetV2Config(image_size=32, depth_multiplier=0.35)
    transformers.AutoModel.from_config(config).half().save_pretrained(tmp_path)
    model = saved.build(f"hub:{tmp_path}", KNOWN, colour=False)
    assert next(model.parameters()).dtype == torch.float32
    assert model.eval()(torch.rand(2, 1, 48, 48)).shape == (2, 3)


def test_what_gives_no_pooled_picture_is_refused(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=20
    )
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="no pooled output"):
        saved.build(f"hub:{tmp_path}", KNOWN, colour=False)


def test_a_config_cannot_send_the_library_elsewhere(backbone: Path, tmp_path: Path) -> None:
    model = saved.build(f"hub:{backbone}", KNOWN, colour=False)
    saved.save(model, saved.ModelCard("hub:some/one", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    whole = json.loads((tmp_path / "model.json").read_text())
    whole["config"] |= {
        "attn_implementation": "evil/kernel",
        "_attn_implementation": "evil/kernel",
        "auto_map": {"AutoModel": "evil.Evil"},
    }
    (tmp_path / "model.json").write_text(json.dumps(whole))
    again, _ = saved.load(tmp_path)
    pictures = torch.rand(2, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(again(pictures), model.eval()(pictures))


def test_without_a_connection_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **options: object) -> None:
        raise OSError("We couldn't connect to the hub to load the files.\nCheck your connection.")

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", offline)
    with pytest.raises(UsageError, match="couldn't connect") as error:
        saved.build("hub:microsoft/resnet-18", KNOWN, colour=False)
    assert "hub:FOLDER" in str(error.value) and "\n" not in error.value.cause


def test_pickled_weights_are_refused(backbone: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((backbone / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UsageError, match="cannot be downloaded"):
        saved.build(f"hub:{tmp_path}", KNOWN, colour=False)


def test_a_file_alone_fetches_nothing(backbone: Path, tmp_path: Path) -> None:
    model = saved.build(f"hub:{backbone}", KNOWN, colour=False)
    saved.save(model, saved.ModelCard("hub:some/one", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    whole = json.loads((tmp_path / "model.json").read_text())
    for config in (
        {},
        {"model_type": "no such"},
        {"auto_map": {"AutoModel": "evil.Evil"}},
        {"model_type": "resnet"},
        3,
    ):
        (tmp_path / "model.json").write_text(json.dumps({**whole, "config": config}))
        with pytest.raises(MienError) as error:
            saved.load(tmp_path)
        assert isinstance(error.value, RunError | UsageError)


def test_without_the_library_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="mien\\[hub\\]"):
        saved.build("hub:microsoft/resnet-18", KNOWN, colour=False)
