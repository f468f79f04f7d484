"""Which labels are wrong: one training run on all pictures, watched, and a verdict on each."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.correctors.novelty import Novelty
from mien.data.prepare import prepare
from mien.data.review_files import read
from mien.data.reviewed import labels_of, on_pictures
from mien.data.reviews import ReviewFile
from mien.data.split import group_ids
from mien.errors import DataError, MienError, UsageError
from mien.events import Event, OnEvent, ignore
from mien.experiments.experiment import opened
from mien.experiments.labels.tuning import Votes, out_of_fold_probs
from mien.experiments.layers import last_vectors
from mien.experiments.preflight import check
from mien.experiments.settings import AuditSettings
from mien.labels.audit_result import Audit
from mien.labels.dynamics import Dynamics
from mien.labels.reviewed import check_reviews, learn_from_reviews, learn_from_votes
from mien.labels.reviewers import check_reviewers, crowdlab
from mien.labels.suspects import suspects
from mien.labels.verdicts import verdicts
from mien.nets import saved
from mien.nets.device import seed_everything, torch_runtime
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.nets.training import fit
from mien.storage.files import read_arrays
from mien.storage.first_edition import digest_then
from mien.storage.identity import identity
from mien.types import NO_LABEL, Dataset, Ints, Outputs

FEWEST = 20
"""Pictures below which nothing can be said of labels."""
CHECKPOINT = "training.safetensors"
MARKER = "audit.json"
UNFINISHED = ".unfinished"
"""Folder with the checkpoints of an audit; removed at its end."""


def run_audit(
    settings: AuditSettings,
    out: Path,
    *,
    on_event: OnEvent = ignore,
    finish: Callable[[Audit], object] = lambda result: None,
) -> Audit:
    """Audit the labels, or continue with that, and write what was found into a folder.

    Parameters
    ----------
    out : folder; one that holds an audit of the same pictures keeps its reviews.
    finish : called at the end, such as to write the page, while nobody else may write into the folder.

    Raises
    ------
    UsageError : a setting that cannot be used, or the folder holds the audit of other pictures. DataError : too few
        pictures or classes. RunError : the folder is in use. StorageError : it cannot be written.
    """
    check(settings.train, [settings.base], colour=settings.data.colour)
    with opened(out, "audit", MARKER, settings.data, on_event) as data:
        _check_same(out, data)
        result = audit(settings, checkpoints=out / UNFINISHED, on_event=on_event)
        result.save(out, settings.data)
        finish(result)
        shutil.rmtree(out / UNFINISHED, ignore_errors=True)
    return result


def audit(settings: AuditSettings, *, checkpoints: Path | None = None, on_event: OnEvent = ignore) -> Audit:
    """Train once on all pictures with the labels as given, watch, and judge each label. Nothing else is written.

    Parameters
    ----------
    checkpoints : folder from which a stopped audit continues; the caller removes it at the end.
    on_event : called with each stage.

    Raises
    ------
    DataError : too few pictures or classes. UsageError : a setting or a review that cannot be used.
    """
    check(settings.train, [settings.base], colour=settings.data.colour)
    data = _labelled(settings)
    groups = group_ids(data).astype(str)
    votes = Votes.of(data) if settings.votes else None
    data, file, reviewed = _reviewed(settings, data, on_event)
    if checkpoints:  # those of other pictures or settings are not used
        checkpoints = _own(checkpoints, data.fingerprint(), settings)
    model, dynamics, outputs = _watched(settings, data, checkpoints, on_event)
    on_event(Event("comparing with neighbours"))
    vectors = last_vectors(model, outputs)
    suspected = suspects(data.labels, dynamics.probs, vectors, groups)
    quality: Mapping[str, float] = {}
    if settings.merge == "crowdlab":
        on_event(Event("weighing the reviewers"))
        reviewed, quality = crowdlab(file.reviews, data, suspected.belief)
    if file.reviews:
        on_event(Event("learning from reviews"))
        with threadpool_limits(1):
            suspected = learn_from_reviews(suspected, vectors, reviewed)
    if votes is not None:
        probs = None
        if settings.tune:
            probs = out_of_fold_probs(
                model, votes, settings.train, seed=settings.seed, checkpoints=checkpoints, on_event=on_event
            )
        on_event(Event("learning from votes"))
        with threadpool_limits(1):
            suspected = learn_from_votes(suspected, vectors, votes.shares, groups, probs)
    novelty = Novelty(NO_LABEL, "relative").fit(outputs).propose(outputs).score
    judged = verdicts(suspected, novelty, data.labelset.names)
    return Audit(data, suspected, judged, dynamics.uncertainty, novelty, reviewed, file.reviews, quality, file.unused)


def _own(checkpoints: Path, data: str, settings: AuditSettings) -> Path:
    """The folder of the checkpoints of one audit: an earlier version's where there is one."""
    images, train = settings.data.images, settings.train.anywhere
    then = digest_then(data, images, train, settings.base, settings.seed)
    if then and (checkpoints / then).exists():
        return checkpoints / then
    return checkpoints / identity(data=data, images=images, train=train, base=settings.base, seed=settings.seed)


def _check_same(out: Path, pictures: Dataset) -> None:
    """UsageError where OUT is the audit of other pictures: its reviews would count for pictures of the same names."""
    there: set[str] = set()
    with contextlib.suppress(MienError):  # none yet, or a damaged one, which is made anew
        there = set(read_arrays(out / "audit.npz")["hashes"].tolist())
    if there and pictures.hashes is not None and there.isdisjoint(pictures.hashes.tolist()):
        cause = "holds the audit of other pictures: none of them is in these data"
        raise UsageError(cause, place=f"--out {out}", remedy="give another folder with --out")


def _labelled(settings: AuditSettings) -> Dataset:
    """The pictures with their labels; DataError where they are too few to say anything of them."""
    data = prepare(settings.data).replace(targets=None)
    known = data.counts() > 0
    if len(data) < FEWEST or known.sum() < 2:
        cause = f"{len(data)} labelled pictures of {known.sum()} classes"
        raise DataError(cause, place=data.name, remedy=f"give {FEWEST} or more, of two classes or more")
    return data


def _watched(
    settings: AuditSettings, data: Dataset, checkpoints: Path | None, on_event: OnEvent
) -> tuple[Network, Dynamics, Outputs]:
    """A classifier trained on all pictures, its answers during training, and its outputs afterwards."""
    dynamics, train = Dynamics(data.labels, len(data.labelset)), settings.train
    with threadpool_limits(max(1, train.threads)), torch_runtime(train):
        seed_everything(settings.seed, 0)
        model = saved.build(settings.base, data.counts() > 0, settings.data.colour)
        fit(
            model, Examples.of(data, np.arange(len(data))), None, train, seed=settings.seed, watch=dynamics,
            progress=lambda epoch: on_event(Event("training", epoch=int(epoch["epoch"]), epochs=train.epochs)),
            checkpoint=checkpoints / CHECKPOINT if checkpoints else None,
        )  # fmt: skip
        on_event(Event("reading out"))
        return model, dynamics, extract(model, data.pictures, data.ids)


def _reviewed(settings: AuditSettings, data: Dataset, on_event: OnEvent) -> tuple[Dataset, ReviewFile, Ints]:
    """The data with the problems of the reviews, these, and (N,) the class that most gave each picture."""
    if not settings.reviews:
        return data, ReviewFile(Path()), np.full(len(data), NO_LABEL)
    file = on_pictures(read(Path(settings.reviews)), data)
    on_event(Event("reviews", count=len(file.reviews), total=len(file.reviews), problems=file.problems))
    reviewed = labels_of(file.reviews, data)
    check_reviews(reviewed)
    if settings.merge == "crowdlab":
        check_reviewers(file.reviews)
    return data.replace(*file.problems), file, reviewed
