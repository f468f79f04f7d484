"""Classifiers tuned on votes: each picture is answered by one that did not see its votes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from mien.data.split import group_ids
from mien.errors import DataError, UsageError
from mien.events import Event, OnEvent, ignore
from mien.labels.reviewed import MIN_REVIEWED, vote_folds
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
SAME = 0.999
"""Share of labels that agree with the votes from which on they were made of them."""


@dataclass(frozen=True)
class Votes:
    """Pictures and the votes for their classes.

    Attributes
    ----------
    data : the N pictures. shares : (N, K) of the votes, 0 where a picture has none.
    folds : (rows to learn from, rows to judge); the pictures of a person are in one fold.
    """

    data: Dataset
    shares: Floats
    folds: Sequence[tuple[Ints, Ints]]

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """The votes of a data set; UsageError or DataError where there is nothing to learn from them."""
        if data.votes is None:
            raise UsageError("the data have no votes", place="--votes", remedy="leave it out, or give --reviews FILE")
        votes = data.votes[:, : len(data.labelset)].astype(float)
        voted = votes.sum(1) > 0
        if voted.sum() < MIN_REVIEWED or np.unique(votes[voted].argmax(1)).size < 2:
            cause = f"{voted.sum()} pictures have votes for these classes, or all for one"
            raise DataError(
                cause, place="--votes", remedy=f"leave it out: {MIN_REVIEWED} or more of two classes are needed"
            )
        # a tie may be broken either way
        agreed = votes[np.arange(len(votes)), data.labels] == votes.max(1)
        if agreed[voted].mean() > SAME:
            remedy = "audit other labels of them, such as --labels fer2013"
            raise UsageError("these labels are what most annotators voted for", place="--votes", remedy=remedy)
        shares = np.divide(votes, votes.sum(1, keepdims=True), out=np.zeros_like(votes), where=voted[:, None])
        return cls(data, np.asarray(shares), vote_folds(data.labels, group_ids(data).astype(str)))


def out_of_fold_probs(
    model: Network,
    votes: Votes,
    train: TrainSettings,
    *,
    seed: int = 0,
    checkpoints: Path | None = None,
    on_event: OnEvent = ignore,
) -> Floats:
    """(N, K) probabilities of copies of `model`, each tuned on the votes of all folds but the one that it answers for.

    Parameters
    ----------
    model : as trained on all pictures with the given labels; it is left as it is.
    train, seed : the training of before; tuning takes two fifths of its epochs, at a third of its rate.
    checkpoints : folder for a checkpoint of each fold, from which a stopped training continues.
    """
    probs = np.zeros(votes.shares.shape)
    for number, (learn, judge) in enumerate(votes.folds):
        on_event(Event(f"tuning on votes, fold {number + 1} of {len(votes.folds)}"))
        checkpoint = checkpoints / f"fold{number}.safetensors" if checkpoints else None
        copy = tuned(model, votes, learn, train, seed, checkpoint)
        probs[judge] = probabilities(copy, votes.data.pictures[judge])
    return probs


def tuned(
    model: Network, votes: Votes, rows: Ints, train: TrainSettings, seed: int = 0, checkpoint: Path | None = None
) -> Network:
    """A copy of `model`, trained further on the votes of some rows for classes that it knows."""
    targets = votes.shares[rows] * model.known.cpu().numpy()
    voted = targets.sum(1) > 0
    targets = (targets[voted] / targets[voted].sum(1, keepdims=True)).astype(np.float32)
    again = replace(train, epochs=max(1, round(LENGTH * train.epochs)), learning_rate=RATE * train.learning_rate)
    with torch_runtime(again):
        seed_everything(seed, 1)
        copy = deepcopy(model)
        examples = Examples(votes.data.pictures[rows[voted]], targets)
        fit(copy, examples, None, again, seed=seed, fresh=False, checkpoint=checkpoint)
    return copy
