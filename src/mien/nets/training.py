"""The only training loop: a loss with class weights, one-cycle AdamW, averaged weights, early stopping.

A checkpoint is written after every epoch, and every epoch draws its randomness from (seed, epoch) alone. So a training
that is killed at any moment and started again ends with the very same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mien.errors import DataError, UsageError
from mien.imbalance import class_weights, effective_weights
from mien.metrics.classification import accuracy, macro_auroc, macro_recall
from mien.nets import losses
from mien.nets.adamw import AdamW
from mien.nets.checkpoint import Checkpoint, Epoch, fingerprints, read, restore_to, state_of
from mien.nets.device import seed_everything, torch_runtime
from mien.nets.examples import BatchContext, Examples, Learnable
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.step import step_on
from mien.types import Floats, Ints

BOTH = (torch.float32, torch.bfloat16)
Watch = Callable[[Ints, Floats], object]
SMALL = 2 / 3
"""Size of the pictures, as a share of their sides, in the first part of training (`low_res_share` of the settings)."""
SMALLEST = 24
"""Pixels a side that small pictures must still have."""


def fit(
    model: Network,
    train: Learnable,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    seed: int = 0,
    fresh: bool = True,
    checkpoint: Path | None = None,
    progress: Callable[[Epoch], object] = lambda epoch: None,
    watch: Watch | None = None,
) -> list[Epoch]:
    """Train `model` in place and leave the best epoch's weights in it.

    Parameters
    ----------
    model : see :class:`mien.nets.network.Classifier`.
    train, validation : pictures with soft targets; `validation` only chooses the epoch: the last one without it.
    seed : of the first weights (where the model draws them from pictures), order, augmentation and dropout.
    fresh : whether the model draws first weights; if not, it goes on from those that it has.
    checkpoint : file to resume from and to write after every epoch.
    progress : called with the record of each epoch done now.
    watch : called with the rows and the (B, K) logits of every batch that is trained on, of before its step. One that
        is `Remembering` (see mien.nets.checkpoint) is stored in the checkpoint; another sees only what is done now.

    Returns
    -------
    One record an epoch: losses, accuracy, macro recall, learning rate, seconds, and `best` (1 for a new best epoch).

    Raises
    ------
    DataError : fewer than two training pictures. UsageError : the loss is no longer a number.
    """
    if len(train) < 2:
        raise DataError(f"{len(train)} training pictures", place="training", remedy="give more labelled pictures")
    with torch_runtime(settings) as (device, precision):
        model.precision, model.flip_tta = precision, False
        loop = _Loop(model.to(device), train, validation, settings, seed, device, fresh)
        loop.watch = watch
        if checkpoint:
            loop.restore(checkpoint)
        while not loop.finished:
            loop.epoch()
            if checkpoint:
                loop.store(checkpoint)
            progress(loop.history[-1])
        model.load_state_dict(loop.best)
        model.to("cpu").eval()
        model.flip_tta = settings.flip_tta
    return loop.history


class _Loop:
    """The state of one training."""

    def __init__(
        self,
        model: Network,
        train: Learnable,
        validation: Examples | None,
        settings: TrainSettings,
        seed: int,
        device: torch.device,
        fresh: bool,
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.settings, self.seed, self.device = settings, seed, device
        self.history: list[Epoch] = []
        self.watch: Watch | None = None
        seed_everything(seed, -1)
        _initialise(model, train, device, fresh)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = AdamW(model.parameters(), settings.weight_decay)
        self.averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.best = {name: value.clone() for name, value in self.averaged.items()}
        counts = train.targets.sum(0)
        self.weights = torch.tensor(training_weights(counts, settings), dtype=torch.float32, device=device)
        self.rate = min(settings.learning_rate, model.largest_rate)
        self.loss = losses.get_loss(settings.loss)(
            self.weights.clone(), settings.label_smoothing, torch.tensor(counts, device=device).float(), len(train),
            settings.class_weight_target,
        )  # fmt: skip
        self.step = step_on(device)(model, self.optimizer, self.averaged, self.loss)
        # the last batch of an epoch is left out when it is short: batch norm cannot use a single picture
        self.length = train.epoch or len(train)
        self.steps = max(1, self.length // settings.batch_size)
        self.low_res_share = settings.low_res_share if model.any_size and train.side * SMALL >= SMALLEST else 0.0
        judged = len(validation) if validation else 0
        began = [] if fresh else [value.detach().cpu().float().numpy() for value in model.state_dict().values()]
        # elsewhere, "auto" may have chosen the other precision
        possible = (model.precision, *(BOTH if settings.precision == "auto" else ()))
        self.fingerprints = fingerprints(possible, settings, seed, train, judged, began)

    @property
    def finished(self) -> bool:
        best = max((number for number, record in enumerate(self.history) if record["best"]), default=0)
        # no epoch of small pictures, nor one before class weights begin, may end the training, however good it was
        begun = max(self.low_res_share, self.settings.reweight_after if self.settings.reweight_after < 1 else 0.0)
        waited = len(self.history) - 1 - max(best, math.ceil(begun * self.settings.epochs))
        return len(self.history) >= self.settings.epochs or waited >= self.settings.patience

    def epoch(self) -> None:
        """One pass over the training part, then validation with the averaged weights."""
        start, number = time.perf_counter(), len(self.history)
        generator = seed_everything(self.seed, number)
        self.model.train()
        order = sampled_rows(self.train.labels, self.settings.sampling, generator, self.length)
        self.step.start()
        size = min(self.settings.batch_size, len(order))
        for step in range(self.steps):
            rows = np.sort(order[step * size :][:size])
            self.batch(rows, number * self.steps + step, generator)
        loss, right = self.step.totals.tolist()
        seen = self.steps * size
        if not math.isfinite(loss):
            remedy = "lower it, or give more pictures"
            raise UsageError(
                f"training diverged in epoch {number + 1}",
                place=f"--learning-rate {self.settings.learning_rate}",
                remedy=remedy,
            )
        record = {
            "epoch": number + 1,
            "train_loss": loss / seen,
            "train_accuracy": right / seen,
            **self.validate(),
            "learning_rate": one_cycle(self.progress((number + 1) * self.steps - 1), self.rate),
        }
        best = best_epoch([*self.history, record], self.settings.stopping) == number
        if best:
            self.best = {name: value.clone() for name, value in self.averaged.items()}
        self.history.append({**record, "best": float(best), "seconds": time.perf_counter() - start})

    def progress(self, number: int) -> float:
        """How far a step is through the longest training, from 0 to nearly 1."""
        return number / (self.steps * self.settings.epochs)

    def batch(self, rows: Ints, number: int, generator: torch.Generator) -> None:
        """One step on the given rows."""
        progress = self.progress(number)
        begun = progress >= self.settings.reweight_after
        self.loss.weights.copy_(self.weights if begun else (self.weights > 0).float())
        size = SMALL if progress < self.low_res_share else 1.0
        epoch, settings = number // self.steps, self.settings
        turn = BatchContext(epoch, size, settings.augment, generator, self.device, settings.vote_sampling)
        # the first steps count more in the average, as in a running mean
        decay = min(self.settings.ema, (1 + number) / (10 + number))
        pictures, targets = self.train.batch(rows, turn)
        where = torch.from_numpy(rows).to(self.device)
        logits = self.step(pictures, targets, where, one_cycle(progress, self.rate), 1 - decay)
        if self.watch:
            self.watch(rows, logits.float().cpu().numpy())

    def validate(self) -> Epoch:
        """Loss, accuracy, macro recall and macro AUROC of the averaged weights on validation; NaN without pictures."""
        if not self.validation:
            return dict.fromkeys(_VALIDATION, math.nan)
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.averaged)
        probs = probabilities(self.model, self.validation.pixels)
        self.model.load_state_dict(current)
        labels = self.validation.labels
        chosen = np.take_along_axis(probs, labels[:, None], 1)
        return {
            "validation_loss": float(-np.log(np.clip(chosen, 1e-12, None)).mean()),
            "validation_accuracy": accuracy(labels, probs.argmax(1)),
            "validation_macro_recall": macro_recall(labels, probs.argmax(1), probs.shape[1]),
            "validation_roc_auc": macro_auroc(labels, probs),
        }

    def tensors(self) -> dict[str, Tensor]:
        """All that the next epoch depends on, by prefixed names."""
        found = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        found |= {f"averaged.{name}": value for name, value in self.averaged.items()}
        found |= {f"best.{name}": value for name, value in self.best.items()}
        found |= {f"optimizer.{name}": value for name, value in self.optimizer.state().items()}
        found |= {f"loss.{name}": value for name, value in self.loss.state().items()}
        return found | {f"watch.{name}": value for name, value in state_of(self.watch).items()}

    def store(self, path: Path) -> None:
        """Write a checkpoint."""
        own = next(name for name, precision in self.fingerprints.items() if precision == self.model.precision)
        Checkpoint(own, self.history, self.tensors()).write(path)

    def restore(self, path: Path) -> None:
        """Take up a checkpoint of this very training; anything else is ignored and training starts afresh."""
        found = read(path, self.device)
        if found is None or found.fingerprint not in self.fingerprints or not found.fits(self.tensors()):
            return
        self.model.precision = self.fingerprints[found.fingerprint]
        self.model.load_state_dict(found.under("model."))
        for name, value in found.under("averaged.").items():
            self.averaged[name].copy_(value)
        self.best = found.under("best.")
        self.optimizer.restore(found.under("optimizer."))
        for name, value in found.under("loss.").items():
            self.loss.state()[name].copy_(value)
        restore_to(self.watch, found.under("watch."))
        self.history = found.history


_VALIDATION = ("validation_loss", "validation_accuracy", "validation_macro_recall", "validation_roc_auc")


def one_cycle(progress: float, peak: float) -> float:
    """Learning rate at `progress` in [0, 1]: linear to the peak over the first fifth, then a cosine to nearly 0."""
    if progress < 0.2:
        return peak * (0.05 + 0.95 * progress / 0.2)
    return peak * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * (progress - 0.2) / 0.8)) / 2)


def training_weights(counts: Floats, settings: TrainSettings) -> Floats:
    """(K,) class weights that the settings ask for."""
    if settings.weighting == "effective":
        return effective_weights(counts)
    return class_weights(counts, settings.weight_power)


def sampled_rows(labels: Ints, sampling: str, generator: torch.Generator, count: int = 0) -> Ints:
    """(N,) or (count,) rows of an epoch in order.

    Each once, or as often as any other; or drawn with replacement so that all classes are as frequent.
    """
    count = count or len(labels)
    if sampling == "natural":
        lots = [torch.randperm(len(labels), generator=generator) for _ in range(-(-count // len(labels)))]
        return torch.cat(lots)[:count].numpy()
    rarity = 1 / np.bincount(labels)[labels]
    return torch.multinomial(torch.from_numpy(rarity), count, replacement=True, generator=generator).numpy()


def best_epoch(history: list[Epoch], rule: str) -> int:
    """Index of the epoch that the stopping rule prefers.

    "macro_recall" and "roc_auc" take the highest on validation. "paper" takes the highest validation accuracy among
    the epochs whose training loss was the lowest so far (paper, section 3.5). Without validation, the last epoch.
    """
    key = {"paper": "validation_accuracy", "roc_auc": "validation_roc_auc"}.get(rule, "validation_macro_recall")
    values = np.array([record[key] for record in history])
    if np.isnan(values).all():
        return len(history) - 1
    if rule == "paper":
        losses = np.array([record["train_loss"] for record in history])
        values = np.where(losses <= np.minimum.accumulate(losses), values, -np.inf)
    return int(np.nanargmax(values))


def _initialise(model: Network, train: Learnable, device: torch.device, fresh: bool) -> None:
    """Set the model's normalisation from at most 4,096 training pictures, and fresh first weights by 256."""
    sample = train.shown(np.arange(0, len(train), max(1, len(train) // 4096)), torch.device("cpu"))
    model.measure(sample)
    if fresh:
        model.initialise(train.shown(np.linspace(0, len(train) - 1, min(len(train), 256)).astype(int), device))
