"""What classifiers say that were tuned on votes: each picture is answered by one that did not see its votes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.nets.device import seed_everything, torch_runtime
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import Dataset, Floats, Ints

LENGTH = 0.4
"""Epochs of tuning, as a share of those of the training before it."""
RATE = 1 / 3
"""Peak learning rate of tuning, as a share of that before it."""


def told(
    model: Network,
    data: Dataset,
    shares: Floats,
    folds: Sequence[tuple[Ints, Ints]],
    train: TrainSettings,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    say: Callable[[str], object] = lambda stage: None,
) -> Floats:
    """(N, K) probabilities of copies of `model`, each tuned on the votes of all folds but the one that it answers for.

    Parameters
    ----------
    model : as trained on all pictures with the given labels; it is left as it is.
    shares : (N, K) of the votes, 0 where a picture has none.
    folds : (rows to learn from, rows to judge), as `mien.labels.reviewed.vote_folds` makes them.
    train, seed : the training of before; tuning takes two fifths of its epochs, at a third of its rate.
    checkpoints : folder for a checkpoint of each fold, from which a stopped training continues.
    say : called with each stage.
    """
    probs = np.zeros(shares.shape)
    for number, (learn, judge) in enumerate(folds):
        say(f"tuning on votes, fold {number + 1} of {len(folds)}")
        checkpoint = checkpoints / f"fold{number}.safetensors" if checkpoints else None
        one = tuned(model, data, shares, learn, train, seed, checkpoint)
        probs[judge] = probabilities(one, data.pictures[judge])
    return probs


def tuned(
    model: Network,
    data: Dataset,
    shares: Floats,
    rows: Ints,
    train: TrainSettings,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> Network:
    """A copy of `model` that went on with the votes of some rows, as far as they are for classes that it knows."""
    targets = shares[rows] * model.known.cpu().numpy()
    voted = targets.sum(1) > 0
    targets = (targets[voted] / targets[voted].sum(1, keepdims=True)).astype(np.float32)
    again = replace(train, epochs=max(1, round(LENGTH * train.epochs)), learning_rate=RATE * train.learning_rate)
    with torch_runtime(again):
        seed_everything(seed, 1)
        one = deepcopy(model)
        examples = Examples(data.pictures[rows[voted]], targets)
        fit(one, examples, None, again, seed=seed, fresh=False, checkpoint=checkpoint)
    return one
