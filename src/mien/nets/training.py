"""Training loop: a loss with class weights, AdamW with a one-cycle schedule, averaged weights, early stopping.

A checkpoint is written after every epoch, and the random numbers of an epoch depend on (seed, epoch) only. A training
that is killed at any moment and started again therefore ends with the same weights.
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
from mien.nets.checkpoint import Checkpoint, Epoch, Watch, fingerprints, read, restore_to, state_of
from mien.nets.device import seed_everything, torch_runtime
from mien.nets.examples import BatchContext, Examples, TrainingData
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.step import step_on
from mien.types import Floats, Ints

PRECISIONS = (torch.float32, torch.bfloat16)
SMALL = 2 / 3
"""Sides of pictures in the first part of training, as a share of the full sides."""
MIN_SIDE = 24
"""Smallest side in pixels of the reduced pictures."""


def fit(
    model: Network,
    train: TrainingData,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    seed: int = 0,
    fresh: bool = True,
    checkpoint: Path | None = None,
    progress: Callable[[Epoch], object] = lambda epoch: None,
    watch: Watch | None = None,
) -> list[Epoch]:
    """Train `model` in place and load the weights of the best epoch into it.

    Parameters
    ----------
    train : pictures with soft targets.
    validation : pictures that select the best epoch; None: the last epoch.
    seed : seed of initial weights, order, augmentation and dropout.
    fresh : whether to initialise the weights; if not, training continues from the present ones.
    checkpoint : file to resume from and to write after every epoch.
    progress : called with the record of each epoch.
    watch : called with the rows and the (B, K) logits of every training batch, from before the update. The state of a
        `StatefulObserver` (mien.nets.checkpoint) is saved in the checkpoint; others miss the epochs before a resume.

    Returns
    -------
    One record per epoch: losses, accuracy, macro recall, learning rate, seconds, and `best` (1 for a new best epoch).

    Raises
    ------
    DataError : fewer than two training pictures. UsageError : the training diverged (the loss is not finite).
    """
    if len(train) < 2:
        cause = f"there are only {len(train)} training pictures"
        raise DataError(cause, place="training", remedy="give more labelled pictures")
    with torch_runtime(settings) as (device, precision):
        model.precision, model.flip_tta = precision, False
        loop = _Loop(model.to(device), train, validation, settings, seed, fresh)
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
    """State and steps of a training."""

    def __init__(
        self,
        model: Network,
        train: TrainingData,
        validation: Examples | None,
        settings: TrainSettings,
        seed: int,
        fresh: bool,
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.settings, self.seed = settings, seed
        self.device = device = model.known.device
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
        # a short last batch is left out, since batch norm cannot use a single picture
        self.length = train.epoch or len(train)
        self.steps = max(1, self.length // settings.batch_size)
        self.low_res_share = settings.low_res_share if model.any_size and train.side * SMALL >= MIN_SIDE else 0.0
        validated = len(validation) if validation else 0
        initial = [] if fresh else [value.detach().cpu().float().numpy() for value in model.state_dict().values()]
        # another machine may choose another precision for "auto"
        possible = (model.precision, *(PRECISIONS if settings.precision == "auto" else ()))
        self.fingerprints = fingerprints(possible, settings, seed, train, validated, initial)

    @property
    def finished(self) -> bool:
        best = max((number for number, record in enumerate(self.history) if record["best"]), default=0)
        # patience counts from the first epoch with full pictures and class weights
        begun = max(self.low_res_share, self.settings.reweight_after if self.settings.reweight_after < 1 else 0.0)
        waited = len(self.history) - 1 - max(best, math.ceil(begun * self.settings.epochs))
        return len(self.history) >= self.settings.epochs or waited >= self.settings.patience

    def epoch(self) -> None:
        """Run an epoch on the training part, then validate with the averaged weights."""
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
        pictures = self.steps * size
        if not math.isfinite(loss):
            cause, place = f"training diverged in epoch {number + 1}", f"--learning-rate {self.settings.learning_rate}"
            raise UsageError(cause, place=place, remedy="lower the learning rate, or give more pictures")
        record = {
            "epoch": number + 1,
            "train_loss": loss / pictures,
            "train_accuracy": right / pictures,
            **self.validate(),
            "learning_rate": one_cycle(self.progress((number + 1) * self.steps - 1), self.rate),
        }
        best = best_epoch([*self.history, record], self.settings.stopping) == number
        if best:
            self.best = {name: value.clone() for name, value in self.averaged.items()}
        self.history.append({**record, "best": float(best), "seconds": time.perf_counter() - start})

    def progress(self, number: int) -> float:
        """Position of a step in a training of all epochs, from 0 to below 1."""
        return number / (self.steps * self.settings.epochs)

    def batch(self, rows: Ints, number: int, generator: torch.Generator) -> None:
        """Run training step `number` on the given rows."""
        progress = self.progress(number)
        begun = progress >= self.settings.reweight_after
        self.loss.weights.copy_(self.weights if begun else (self.weights > 0).float())
        size = SMALL if progress < self.low_res_share else 1.0
        epoch, settings = number // self.steps, self.settings
        context = BatchContext(epoch, size, settings.augment, generator, self.device, settings.vote_sampling)
        # lower decay in the first steps, so that the initial weights leave the average quickly
        decay = min(self.settings.ema, (1 + number) / (10 + number))
        pictures, targets = self.train.batch(rows, context)
        picture_rows = torch.from_numpy(rows).to(self.device)
        logits = self.step(pictures, targets, picture_rows, one_cycle(progress, self.rate), 1 - decay)
        if self.watch:
            self.watch(rows, logits.float().cpu().numpy())

    def validate(self) -> Epoch:
        """Compute validation loss, accuracy, macro recall and AUROC of the averaged weights; NaN without pictures."""
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
        """Return the complete state of the training as tensors, with a prefix per part."""
        parts = {
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "best": self.best,
            "optimizer": self.optimizer.state(),
            "loss": self.loss.state(),
            "watch": state_of(self.watch),
        }
        return {f"{part}.{name}": value for part, tensors in parts.items() for name, value in tensors.items()}

    def store(self, path: Path) -> None:
        """Write a checkpoint of the training."""
        fingerprint = next(name for name, precision in self.fingerprints.items() if precision == self.model.precision)
        Checkpoint(fingerprint, self.history, self.tensors()).write(path)

    def restore(self, path: Path) -> None:
        """Resume from a checkpoint of the same training; any other file is ignored."""
        saved = read(path, self.device)
        if saved is None or saved.fingerprint not in self.fingerprints or not saved.fits(self.tensors()):
            return
        self.model.precision = self.fingerprints[saved.fingerprint]
        self.model.load_state_dict(saved.under("model."))
        for name, value in saved.under("averaged.").items():
            self.averaged[name].copy_(value)
        self.best = saved.under("best.")
        self.optimizer.restore(saved.under("optimizer."))
        for name, value in saved.under("loss.").items():
            self.loss.state()[name].copy_(value)
        restore_to(self.watch, saved.under("watch."))
        self.history = saved.history


_VALIDATION = ("validation_loss", "validation_accuracy", "validation_macro_recall", "validation_roc_auc")


def one_cycle(progress: float, peak: float) -> float:
    """Learning rate at `progress` in [0, 1]: linear to the peak over the first fifth, then a cosine to nearly 0."""
    if progress < 0.2:
        return peak * (0.05 + 0.95 * progress / 0.2)
    return peak * (1e-3 + (1 - 1e-3) * (1 + math.cos(math.pi * (progress - 0.2) / 0.8)) / 2)


def training_weights(counts: Floats, settings: TrainSettings) -> Floats:
    """Compute (K,) class weights from the counts of the classes, as the settings define them."""
    if settings.weighting == "effective":
        return effective_weights(counts)
    return class_weights(counts, settings.weight_power)


def sampled_rows(labels: Ints, sampling: str, generator: torch.Generator, count: int = 0) -> Ints:
    """(N,) rows of an epoch in order, or (count,) if `count` is given.

    "natural" takes every row equally often; "balanced" draws with replacement so that classes are equally frequent.
    """
    count = count or len(labels)
    if sampling == "natural":
        orders = [torch.randperm(len(labels), generator=generator) for _ in range(-(-count // len(labels)))]
        return torch.cat(orders)[:count].numpy()
    rarity = 1 / np.bincount(labels)[labels]
    return torch.multinomial(torch.from_numpy(rarity), count, replacement=True, generator=generator).numpy()


def best_epoch(history: list[Epoch], rule: str) -> int:
    """Index of the best epoch by the stopping rule.

    "macro_recall" and "roc_auc" take the highest value on validation. "paper" takes the highest validation accuracy
    among the epochs whose training loss was the lowest so far. Without validation it is the last epoch.
    """
    key = {"paper": "validation_accuracy", "roc_auc": "validation_roc_auc"}.get(rule, "validation_macro_recall")
    values = np.array([record[key] for record in history])
    if np.isnan(values).all():
        return len(history) - 1
    if rule == "paper":
        losses = np.array([record["train_loss"] for record in history])
        values = np.where(losses <= np.minimum.accumulate(losses), values, -np.inf)
    return int(np.nanargmax(values))


def _initialise(model: Network, train: TrainingData, device: torch.device, fresh: bool) -> None:
    """Set the model's normalisation from at most 4,096 training pictures, and if `fresh` its weights from 256."""
    sample = train.originals(np.arange(0, len(train), max(1, len(train) // 4096)), torch.device("cpu"))
    model.measure(sample)
    if fresh:
        model.initialise(train.originals(np.linspace(0, len(train) - 1, min(len(train), 256)).astype(int), device))
