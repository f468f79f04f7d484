"""The training loop: it learns, resumes to the same weights, and keeps a class left out unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mien.errors import DataError
from mien.imbalance import class_weights
from mien.nets import losses
from mien.nets.attention import Attention
from mien.nets.augment import augment
from mien.nets.checkpoint import Epoch
from mien.nets.examples import Examples
from mien.nets.extraction import extract, probabilities
from mien.nets.losses import CrossEntropy
from mien.nets.network import Network
from mien.nets.residual import Residual
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import _VALIDATION, best_epoch, fit, one_cycle, sampled_rows
from mien.testing import example_bars

QUICK = TrainSettings(epochs=4, batch_size=16, precision="float32")


def bars(count: int, seed: int = 0) -> Examples:
    """Three classes told apart by where a bright bar is."""
    pixels, labels = example_bars(count, seed)
    return Examples(pixels, np.eye(3, dtype=np.float32)[labels])


def large_bars(count: int) -> Examples:
    """Bars with a frame, 42 pixels a side."""
    examples = bars(count)
    return Examples(np.pad(examples.pixels, ((0, 0), (5, 5), (5, 5))), examples.targets)


def trained(settings: TrainSettings = QUICK, known: tuple[bool, ...] = (True,) * 3) -> tuple[Network, list[Epoch]]:
    examples = bars(96)
    seen = Examples(
        examples.pixels[np.array(known)[examples.labels]], examples.targets[np.array(known)[examples.labels]]
    )
    torch.manual_seed(0)
    model = Attention(3, known=known)
    return model, fit(model, seen, bars(30, 1), settings)


def test_it_learns_what_can_be_seen() -> None:
    model, history = trained()
    unseen = bars(60, seed=2)
    assert (probabilities(model, unseen.pixels).argmax(1) == unseen.labels).mean() > 0.9
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_a_class_left_out_is_never_answered_and_has_probability_zero() -> None:
    model, _ = trained(known=(True, False, True))
    outputs = extract(model, bars(30, 3).pixels, np.arange(30).astype(str))
    assert outputs.known.tolist() == [True, False, True]
    assert (outputs.probs[:, 1] == 0).all()
    assert (outputs.predicted != 1).all()
    assert outputs.vectors["logits"].shape == (30, 2)
    assert all(np.isfinite(values).all() for values in outputs.vectors.values())


def test_the_residual_base_learns_it_too_mixed_and_without_a_class() -> None:
    torch.manual_seed(0)
    model = Residual(3, known=(True, False, True))
    settings = TrainSettings(epochs=6, batch_size=16, augment=AugmentSettings(mixup=0.2, cutmix=0.2, flip=0.0))
    examples, unseen = bars(192), bars(60, seed=2)
    kept, judged = examples.labels != 1, unseen.labels != 1
    fit(model, Examples(examples.pixels[kept], examples.targets[kept]), bars(30, 1), settings)
    probs = probabilities(model, unseen.pixels)
    assert (probs[:, 1] == 0).all()
    assert (probs.argmax(1) == unseen.labels)[judged].mean() > 0.9


class Seen(Attention):
    """Remembers the sizes of the pictures that it is trained on."""

    def __init__(self, any_size: bool = True) -> None:
        super().__init__(3)
        self.sizes: list[int] = []
        self.any_size = any_size  # type: ignore[misc]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        self.sizes.append(pictures.shape[2])
        return super().forward(pictures)


def test_the_first_part_of_training_sees_small_pictures() -> None:
    # a recorded step on another device is seen when it is recorded, not when it is done
    model, settings = Seen(), TrainSettings(epochs=4, batch_size=32, low_res_share=0.5, device="cpu")
    fit(model, large_bars(96), bars(30, 1), settings)
    assert model.sizes == [28] * 6 + [42] * 6


@pytest.mark.parametrize("side", [8, 32])
def test_pictures_are_not_made_too_small_to_see(side: int) -> None:
    model, examples = Seen(), bars(64)
    fit(model, Examples(examples.pixels[:, :side, :side].copy(), examples.targets), bars(0), TrainSettings(epochs=1))
    assert set(model.sizes) == {side}


def test_a_base_of_one_size_is_never_shown_another() -> None:
    model = Seen(any_size=False)
    fit(model, bars(64), bars(0), TrainSettings(epochs=2))
    assert set(model.sizes) == {32}


def test_training_does_not_stop_among_small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first epoch stays the best for ever; patience counts from the first epoch at full size."""
    judged = iter(range(100))
    worse = lambda self: dict.fromkeys(_VALIDATION, -float(next(judged)))  # noqa: E731
    monkeypatch.setattr("mien.nets.training._Loop.validate", worse)
    history = fit(Attention(3), large_bars(64), bars(30, 1), TrainSettings(epochs=10, patience=2, low_res_share=0.5))
    assert len(history) == 5 + 2 + 1


@pytest.mark.parametrize(("killed_after", "loss"), [(1, "cross-entropy"), (3, "cross-entropy"), (2, "elr")])
def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path: Path, killed_after: int, loss: str) -> None:
    quick = replace(QUICK, loss=loss)
    whole, history = trained(quick)

    def kill(epoch: Epoch) -> None:
        if epoch["epoch"] == killed_after:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "checkpoint.safetensors"
    examples, judge = bars(96), bars(30, 1)
    with pytest.raises(KeyboardInterrupt):
        fit(Attention(3), examples, judge, quick, checkpoint=checkpoint, progress=kill)
    done_now: list[Epoch] = []
    resumed = Attention(3)
    again = fit(resumed, examples, judge, quick, checkpoint=checkpoint, progress=done_now.append)
    assert len(done_now) == QUICK.epochs - killed_after
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    timeless = [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in history]
    assert timeless == [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in again]


def test_a_checkpoint_of_another_training_or_a_broken_one_is_ignored(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.safetensors"
    examples, judge = bars(48), bars(30, 1)
    settings = TrainSettings(epochs=1, batch_size=16)
    fit(Attention(3), examples, judge, settings, checkpoint=checkpoint, seed=1)
    done: list[Epoch] = []
    fit(Attention(3), examples, judge, settings, checkpoint=checkpoint, seed=2, progress=done.append)
    assert len(done) == 1
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    fit(Attention(3), examples, judge, settings, checkpoint=checkpoint, seed=2, progress=done.append)
    assert len(done) == 2


def test_one_picture_cannot_be_trained_on() -> None:
    with pytest.raises(DataError, match="1 training pictures"):
        fit(Attention(3), bars(1), bars(3), QUICK)


def test_the_loss_is_cross_entropy_with_class_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(20, 4, generator=generator), torch.randint(0, 4, (20,), generator=generator)
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0])
    loss = CrossEntropy(weights, 0.0, torch.ones(4), 20)
    ours = loss(logits, torch.nn.functional.one_hot(labels, 4).float(), torch.arange(20))
    assert torch.allclose(ours, torch.nn.functional.cross_entropy(logits, labels, weights))


def test_an_unknown_class_takes_no_part_in_the_loss() -> None:
    logits = torch.tensor([[1.0, -torch.inf, 0.5], [0.2, -torch.inf, 0.1]], requires_grad=True)
    weights = torch.tensor([1.0, 0.0, 1.0])
    loss = CrossEntropy(weights, 0.1, weights, 2)(logits, torch.eye(3)[[0, 2]], torch.arange(2))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad[:, [0, 2]]).all()
    assert (logits.grad[:, 1] == 0).all()


def record(loss: float, accuracy: float, recall: float) -> Epoch:
    return {"train_loss": loss, "validation_accuracy": accuracy, "validation_macro_recall": recall}


def test_the_papers_rule_looks_only_at_epochs_with_the_lowest_training_loss_so_far() -> None:
    history = [record(1.0, 0.5, 0.2), record(0.8, 0.6, 0.3), record(0.9, 0.9, 0.9), record(0.7, 0.55, 0.4)]
    assert best_epoch(history, "paper") == 1
    assert best_epoch(history, "macro_recall") == 2


@given(st.floats(0, 1), st.floats(1e-5, 1.0))
def test_the_learning_rate_stays_between_nothing_and_its_peak(progress: float, peak: float) -> None:
    assert 0 < one_cycle(progress, peak) <= peak * (1 + 1e-9)


def test_augmentation_is_repeatable_and_off_when_all_amounts_are_zero() -> None:
    pictures = torch.rand(8, 3, 32, 32)
    still = AugmentSettings(flip=0, rotate=0, shift=0, scale=0, light=0, erase=0)
    assert torch.allclose(augment(pictures, still, torch.Generator().manual_seed(0)), pictures, atol=1e-5)
    first, again = (augment(pictures, AugmentSettings(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == pictures.shape
    assert not torch.allclose(first, pictures, atol=0.05)


def test_a_mirrored_picture_is_its_mirror_image() -> None:
    pictures = torch.rand(4, 1, 32, 32)
    mirror = AugmentSettings(flip=1, rotate=0, shift=0, scale=0, light=0, erase=0)
    assert torch.allclose(augment(pictures, mirror, torch.Generator().manual_seed(0)), pictures.flip(3), atol=1e-5)


def test_class_weights_begin_when_they_are_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[float]] = []

    class Watched(losses.CrossEntropy):
        def __call__(self, logits: Tensor, targets: Tensor, rows: Tensor) -> Tensor:
            seen.append(self.weights.tolist())
            return super().__call__(logits, targets, rows)

    monkeypatch.setitem(losses.KINDS, "cross-entropy", Watched)
    examples = bars(96)
    common = np.flatnonzero(examples.labels < 2)
    some = np.sort(np.concatenate([common, np.flatnonzero(examples.labels == 2)[:8]]))
    few = Examples(examples.pixels[some], examples.targets[some])
    fit(Attention(3), few, None, replace(QUICK, reweight_after=0.5))
    half = len(seen) // 2
    assert all(weights == [1, 1, 1] for weights in seen[:half])
    expected = class_weights(few.targets.sum(0), 0.5)
    assert all(np.allclose(weights, expected) for weights in seen[half:]) and expected[2] > 1.5


@given(st.lists(st.integers(1, 400), min_size=2, max_size=6), st.integers(0, 100))
def test_an_epoch_has_each_picture_once_or_all_classes_alike(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    generator = torch.Generator().manual_seed(seed)
    assert np.array_equal(np.sort(sampled_rows(labels, "natural", generator)), np.arange(len(labels)))
    many = np.concatenate([sampled_rows(labels, "balanced", generator) for _ in range(1 + 4000 // len(labels))])
    shares = np.bincount(labels[many], minlength=len(counts)) / len(many)
    assert np.abs(shares - 1 / len(counts)).max() < 0.06
    longer = sampled_rows(labels, "natural", generator, 2 * len(labels) + 1)
    assert len(longer) == 2 * len(labels) + 1 and set(np.bincount(longer)) <= {2, 3}
    assert len(np.unique(sampled_rows(labels, "natural", generator, 2))) == 2


@pytest.mark.parametrize("loss", ["focal", "logit-adjusted", "ldam", "soft-f1"])
def test_losses_for_unbalanced_classes_learn_and_go_on_after_a_kill(loss: str, tmp_path: Path) -> None:
    settings = replace(QUICK, epochs=6, loss=loss, sampling="balanced", weighting="effective", reweight_after=0.4)
    model, _ = trained(settings)
    unseen = bars(60, seed=2)
    assert (probabilities(model, unseen.pixels).argmax(1) == unseen.labels).mean() > 0.8
    killed = tmp_path / "checkpoint"

    def stop(epoch: Epoch) -> None:
        if epoch["epoch"] == 3:
            raise KeyboardInterrupt

    torch.manual_seed(0)
    with pytest.raises(KeyboardInterrupt):
        fit(Attention(3), bars(96), bars(30, 1), settings, checkpoint=killed, progress=stop)
    torch.manual_seed(0)
    again = Attention(3)
    fit(again, bars(96), bars(30, 1), settings, checkpoint=killed)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
