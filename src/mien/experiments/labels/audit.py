"""Which labels are wrong: one training run on all pictures, watched, and a verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.correctors.novelty import Novelty
from mien.data.prepare import DataSettings, prepare
from mien.data.review_files import read
from mien.data.reviewed import labels_of, on_pictures
from mien.data.reviews import ReviewFile
from mien.data.split import group_ids
from mien.errors import DataError, UsageError, choice_error
from mien.experiments.labels.tuning import told
from mien.experiments.preflight import check
from mien.labels import MERGES
from mien.labels.audit_result import Audit
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import MIN_REVIEWED, check_reviews, learn_from_reviews, learn_from_votes, vote_folds
from mien.labels.reviewers import check_reviewers, crowdlab
from mien.labels.suspects import suspects
from mien.labels.verdicts import verdicts
from mien.nets import saved
from mien.nets.checkpoint import Epoch
from mien.nets.device import seed_everything, torch_runtime
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.types import NO_LABEL, Dataset, Floats, Ints, Outputs, digest

SAME = 0.999
"""Share of labels that agree with the votes from which on they were made of them."""
FEWEST = 20
"""Pictures below which nothing can be said of labels."""
CHECKPOINT = "training.safetensors"


def audit(
    settings: DataSettings,
    train: TrainSettings,
    *,
    base: str = "attention",
    seed: int = 0,
    reviews: Path | None = None,
    merge: str = MERGES[0],
    votes: bool = False,
    tune: bool = False,
    checkpoints: Path | None = None,
    say: Callable[[str], object] = lambda stage: None,
) -> Audit:
    """Train once on all pictures with the labels as given, watch, and judge each label.

    Parameters
    ----------
    settings : the pictures. Of FER+, --labels says which labels are meant.
    train : the training. Fewer epochs than for a good classifier are better here: wrong labels are not learnt by heart.
    base, seed : the classifier, and the seed of its training.
    reviews : a file of reviewed pictures, see mien.data.reviews: they teach what wrong labels mean.
    merge : one of MERGES, how one label is made of what several reviewers said of a picture.
    votes : whether the votes of other pictures teach it instead; by default votes play no part.
    tune : whether the classifier itself is tuned on them besides, fold by fold: 1.5 times its training more.
    checkpoints : folder from which a stopped audit continues; the caller removes it at the end.
    say : called with each stage.

    Raises
    ------
    DataError : too few pictures or classes. UsageError : a setting or a review that cannot be used.
    """
    check_settings(train, base, votes=votes, tune=tune, colour=settings.colour)
    data = _labelled(settings)
    groups = group_ids(data).astype(str)
    shares = _shares(data, reviews) if votes else None
    folds = [] if shares is None else vote_folds(data.labels, groups)
    data, file, reviewed = _reviewed(data, reviews, merge)
    if checkpoints:  # those of other pictures or settings are not used
        checkpoints /= digest(data.fingerprint(), settings.images, train.anywhere, base, seed)
    model, seen, outputs = _watched(data, train, base, seed, settings.colour, checkpoints, say)
    say("comparing with neighbours")
    vectors = last_vectors(model, outputs)
    found = suspects(data.labels, seen.probs, vectors, groups)
    quality: Mapping[str, float] = {}
    if merge == "crowdlab":
        say("weighing the reviewers")
        reviewed, quality = crowdlab(file.reviews, data, found.belief)
    if file.reviews:
        say("learning from reviews")
        with threadpool_limits(1):
            found = learn_from_reviews(found, vectors, reviewed)
    if shares is not None:
        answers = told(model, data, shares, folds, train, seed=seed, checkpoints=checkpoints, say=say) if tune else None
        say("learning from votes")
        with threadpool_limits(1):
            found = learn_from_votes(found, vectors, shares, groups, answers)
    novelty = Novelty(NO_LABEL, "relative").fit(outputs).propose(outputs).score
    judged = verdicts(found, novelty, data.labelset.names)
    return Audit(data, found, judged, seen.uncertainty, novelty, reviewed, file.reviews, quality, file.unused)


def check_settings(train: TrainSettings, base: str, *, votes: bool, tune: bool, colour: bool) -> None:
    """Refuse what no audit can use, before any picture is read."""
    if train.augment.mixup or train.augment.cutmix:
        remedy = "leave --augment-mixup and --augment-cutmix out"
        raise UsageError("blended pictures cannot be watched one by one", place="audit", remedy=remedy)
    if tune and not votes:
        raise UsageError("needs votes", place="--tune", remedy="give --votes as well, or leave it out")
    check(train, [base], colour=colour)


def last_vectors(model: Network, outputs: Outputs) -> Floats:
    """(N, D) the last features before the answer: the hidden layer where there is one, else the layer before the
    logits, averaged over the picture where it is a map, else the logits."""
    before = [layer for layer in model.layers if layer != "logits"]
    layers = ["hidden", *reversed(before), "logits"]
    names = (name for layer in layers for name in (layer, f"{layer}/1") if name in outputs.vectors)
    found = next(names, None)
    if found is None:
        cause, remedy = "gives no vector of a picture", "name a layer in its layers, such as logits"
        raise UsageError(cause, place=f"--base {type(model).__name__}", remedy=remedy)
    return outputs.vectors[found].astype(np.float32, copy=False)


def _labelled(settings: DataSettings) -> Dataset:
    """The pictures with their labels; DataError where they are too few to say anything of them."""
    data = prepare(settings).replace(targets=None)
    known = data.counts() > 0
    if len(data) < FEWEST or known.sum() < 2:
        cause = f"{len(data)} labelled pictures of {known.sum()} classes"
        raise DataError(cause, place=data.name, remedy=f"give {FEWEST} or more, of two classes or more")
    return data


def _watched(
    data: Dataset,
    train: TrainSettings,
    base: str,
    seed: int,
    colour: bool,
    checkpoints: Path | None,
    say: Callable[[str], object],
) -> tuple[Network, Dynamics, Outputs]:
    """A classifier trained on all pictures, its answers during training, and its outputs afterwards."""
    seen = Dynamics(data.labels, len(data.labelset))

    def progress(epoch: Epoch) -> None:
        say(f"training, epoch {epoch['epoch']:.0f} of {train.epochs}")

    with threadpool_limits(max(1, train.threads)), torch_runtime(train):
        seed_everything(seed, 0)
        model = saved.build(base, data.counts() > 0, colour)
        examples, file = Examples.of(data, np.arange(len(data))), checkpoints / CHECKPOINT if checkpoints else None
        fit(model, examples, None, train, seed=seed, watch=seen, progress=progress, checkpoint=file)
        say("reading out")
        return model, seen, extract(model, data.pictures, data.ids)


def _reviewed(data: Dataset, reviews: Path | None, merge: str) -> tuple[Dataset, ReviewFile, Ints]:
    """The data with the problems of the reviews, these, and (N,) the class that most gave each picture."""
    if merge not in MERGES:
        raise choice_error("merge", merge, MERGES, place="--merge")
    if reviews is None:
        if merge != MERGES[0]:
            remedy = "give --reviews FILE as well"
            raise UsageError("there are no reviews to merge", place=f"--merge {merge}", remedy=remedy)
        return data, ReviewFile(Path()), np.full(len(data), NO_LABEL)
    file = on_pictures(read(reviews), data)
    reviewed = labels_of(file.reviews, data)
    check_reviews(reviewed)
    if merge == "crowdlab":
        check_reviewers(file.reviews)
    return data.replace(*file.problems), file, reviewed


def _shares(data: Dataset, reviews: Path | None) -> Floats:
    """(N, K) shares of votes for the classes; UsageError where there is nothing to learn from them."""
    if reviews:
        raise UsageError("cannot be combined with --votes", place=f"--reviews {reviews}", remedy="give one of them")
    if data.votes is None:
        raise UsageError("the data have no votes", place="--votes", remedy="leave it out, or give --reviews FILE")
    votes = data.votes[:, : len(data.labelset)].astype(float)
    voted = votes.sum(1) > 0
    if voted.sum() < MIN_REVIEWED or np.unique(votes[voted].argmax(1)).size < 2:
        cause = f"{voted.sum()} pictures have votes for these classes, or all for one"
        raise DataError(cause, place="--votes", remedy=f"leave it out, or give {MIN_REVIEWED} or more of two classes")
    # a tie may be broken either way
    agreed = votes[np.arange(len(votes)), data.labels] == votes.max(1)
    if agreed[voted].mean() > SAME:
        remedy = "audit other labels of them, such as --labels fer2013"
        raise UsageError("these labels are what most annotators voted for", place="--votes", remedy=remedy)
    return np.asarray(np.divide(votes, votes.sum(1, keepdims=True), out=np.zeros_like(votes), where=voted[:, None]))
