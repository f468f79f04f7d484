"""Checkpoints: what goes on on another machine, and what is ignored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.labels.dynamics import Dynamics
from mien.nets import OneConv
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.testing import example_bars

SETTINGS = TrainSettings(epochs=4, batch_size=16, patience=4)


class StoppedError(Exception):
    pass


def examples() -> Examples:
    pictures, labels = example_bars(48)
    return Examples(pictures, np.eye(int(labels.max()) + 1, dtype=np.float32)[labels])


def train(settings: TrainSettings, path: Path | None, watch: Dynamics | None = None, stop: int = 0) -> Network:
    """Train, or stop after so many epochs."""
    some = examples()
    model = OneConv(some.targets.shape[1])

    def progress(epoch: dict[str, float]) -> None:
        if epoch["epoch"] == stop:
            raise StoppedError

    fit(model, some, None, settings, checkpoint=path, watch=watch, progress=progress)
    return model


def watched() -> Dynamics:
    some = examples()
    return Dynamics(some.targets.argmax(1), some.targets.shape[1])


def precision(name: torch.dtype, patch: pytest.MonkeyPatch) -> None:
    """Be a machine on which "auto" means this."""
    patch.setattr("mien.nets.device.choose_precision", lambda wanted, device: name)


def test_a_training_goes_on_in_the_precision_in_which_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    precision(torch.bfloat16, monkeypatch)
    whole = train(SETTINGS, None)
    torch.manual_seed(0)
    with pytest.raises(StoppedError):
        train(SETTINGS, tmp_path / "c", stop=2)
    precision(torch.float32, monkeypatch)
    after = train(replace(SETTINGS, device="cpu"), tmp_path / "c")
    assert after.precision == torch.bfloat16
    for name, value in whole.state_dict().items():
        assert torch.equal(value, after.state_dict()[name]), name


def test_another_precision_that_was_asked_for_is_another_training(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(replace(SETTINGS, precision="bfloat16"), tmp_path / "c", stop=2)
    seen = watched()
    train(replace(SETTINGS, precision="float32"), tmp_path / "c", seen)
    assert seen.times.min() == SETTINGS.epochs


def test_with_other_threads_it_goes_on(tmp_path: Path) -> None:
    for first in (SETTINGS, replace(SETTINGS, threads=2)):
        path = tmp_path / f"{first.threads}"
        with pytest.raises(StoppedError):
            train(first, path, stop=3)
        done: list[float] = []
        some = examples()
        fit(
            OneConv(some.targets.shape[1]), some, None, replace(SETTINGS, threads=3 - first.threads), checkpoint=path,
            progress=lambda epoch, done=done: done.append(epoch["epoch"]),
        )  # fmt: skip
        assert done == [4]


def test_what_watched_is_stored_and_taken_up(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole, first, second = watched(), watched(), watched()
    train(SETTINGS, None, whole)
    torch.manual_seed(0)
    with pytest.raises(StoppedError):
        train(SETTINGS, tmp_path / "c", first, stop=2)
    torch.manual_seed(0)
    train(SETTINGS, tmp_path / "c", second)
    assert (second.times == whole.times).all()
    assert (second.margins == whole.margins).all() and (second.probs == whole.probs).all()


def test_a_checkpoint_without_what_was_watched_is_ignored(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(SETTINGS, tmp_path / "c", stop=2)
    seen = watched()
    train(SETTINGS, tmp_path / "c", seen)
    assert seen.times.min() == SETTINGS.epochs


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "shape"])
def test_a_damaged_or_foreign_checkpoint_is_ignored(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    with pytest.raises(StoppedError):
        train(SETTINGS, path, watched(), stop=2)
    if damage == "shape":  # the code of the classifier has changed since
        built = OneConv.__init__

        def wider(model: OneConv, *arguments: object, **named: object) -> None:
            built(model, *arguments, **named)
            model.more = torch.nn.Linear(2, 2)

        monkeypatch.setattr(OneConv, "__init__", wider)
    else:
        raw = path.read_bytes()
        path.write_bytes({"cut": raw[: len(raw) // 2], "empty": b"", "text": b"hello"}[damage])
    seen = watched()
    train(SETTINGS, path, seen)
    assert seen.times.min() == SETTINGS.epochs
