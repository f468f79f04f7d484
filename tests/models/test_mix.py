"""Mixup and CutMix, and reading out with the mirror image."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import AlignmentError, UsageError
from mien.models import saved
from mien.models.attention import Attention
from mien.models.augment import augment, mix
from mien.models.examples import Examples
from mien.models.latents import extract, probabilities
from mien.models.settings import AugmentSettings
from mien.types import Dataset, LabelSet, Outputs, texts


@given(st.integers(0, 10_000), st.sampled_from([(0.4, 0.0), (0.0, 1.0), (0.2, 1.0)]))
def test_mixed_targets_say_what_share_of_each_picture_is_seen(seed: int, how: tuple[float, float]) -> None:
    """Pictures are flat, each as bright as its place in the targets: brightness must be what the targets say."""
    levels = torch.arange(6.0) / 5
    pictures = levels[:, None, None, None].expand(6, 1, 20, 20).clone()
    settings = AugmentSettings(mixup=how[0], cutmix=how[1])
    mixed, targets = mix(pictures, torch.eye(6), settings, torch.Generator().manual_seed(seed))
    assert torch.allclose(targets.sum(1), torch.ones(6), atol=1e-5)
    assert torch.allclose(mixed.mean((1, 2, 3)), targets @ levels, atol=1e-4)


def test_nothing_is_mixed_by_default() -> None:
    pictures, targets = torch.rand(4, 1, 8, 8), torch.eye(4)
    mixed, same = mix(pictures, targets, AugmentSettings(), torch.Generator())
    assert mixed is pictures and same is targets


def test_augmented_pictures_can_be_smaller() -> None:
    assert augment(torch.rand(3, 1, 48, 48), AugmentSettings(), torch.Generator(), 2 / 3).shape == (3, 1, 32, 32)


def test_read_out_with_its_mirror_image_a_picture_and_its_mirror_image_are_the_same() -> None:
    torch.manual_seed(0)
    model = Attention(3)
    model.mirrored = True
    pixels = np.random.default_rng(0).integers(0, 255, (5, 48, 48)).astype(np.uint8)
    turned = np.ascontiguousarray(pixels[:, :, ::-1])
    assert np.allclose(probabilities(model, pixels), probabilities(model, turned), atol=1e-6)
    ids = np.arange(5).astype(str)
    ours, theirs = extract(model, pixels, ids).features, extract(model, turned, ids).features
    assert np.allclose(ours["hidden"], theirs["hidden"], atol=1e-5)
    assert np.allclose(ours["conv1/1"], theirs["conv1/1"], atol=1e-5)
    model.mirrored = False
    assert not np.allclose(probabilities(model, pixels), probabilities(model, turned), atol=1e-6)


def test_a_saved_model_answers_as_it_did(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Attention(3)
    model.precision, model.mirrored = torch.bfloat16, True
    saved.save(model, saved.ModelCard("attention", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    again, card = saved.load(tmp_path)
    assert (card.precision, card.mirrored) == ("bfloat16", True)
    pixels = np.random.default_rng(0).integers(0, 255, (5, 48, 48)).astype(np.uint8)
    assert np.array_equal(probabilities(model, pixels), probabilities(again, pixels))
    with pytest.raises(UsageError, match="precision"):
        saved.ModelCard("attention", ("a",), (True,), 48, False, "pad", "", "float8")


def test_a_card_from_before_precision_and_mirroring_means_neither(tmp_path: Path) -> None:
    saved.save(Attention(3), saved.ModelCard("attention", ("a", "b", "c"), (True,) * 3, 48, False, "pad"), tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    del card["precision"], card["mirrored"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    model, _ = saved.load(tmp_path)
    assert model.precision is torch.float32
    assert not model.mirrored


def votes() -> Dataset:
    targets = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])
    names, pixels = texts(["0", "1", "2"]), np.zeros((3, 8, 8), np.uint8)
    return Dataset(names, targets.argmax(1), LabelSet(("a", "b", "c")), names, names, pixels=pixels, targets=targets)


def test_examples_without_a_class_have_none_of_its_pictures_and_none_of_its_shares() -> None:
    examples = Examples.of(votes(), np.arange(3), absent=1)
    assert np.allclose(examples.targets, [[1, 0, 0], [0.25, 0, 0.75]])
    assert np.allclose(Examples.of(votes(), np.array([2, 0])).targets, votes().targets[[2, 0]])
    assert np.allclose(Examples.of(votes().but(targets=None), np.arange(3)).targets, np.eye(3)[[0, 1, 2]])


def test_outputs_taken_apart_can_be_joined() -> None:
    rng = np.random.default_rng(0)
    known = np.array([True, True])
    whole = Outputs(texts(["a", "b", "c"]), rng.random((3, 2)), known, {"x": rng.random((3, 4))}, rng.random((5, 3, 2)))
    joined = Outputs.joined([whole.take(np.array([0])), whole.take(np.array([1, 2]))])
    assert joined.ids.tolist() == whole.ids.tolist() and np.array_equal(joined.probs, whole.probs)
    assert np.array_equal(joined.features["x"], whole.features["x"])
    assert joined.draws is not None and whole.draws is not None and np.array_equal(joined.draws, whole.draws)
    with pytest.raises(AlignmentError):
        Outputs.joined([whole, whole])
