"""Correctors fitted beside kept classifiers, and what they say of the test part: computed once, kept as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import Parts, do_all
from benchmarks.correction.trained import QUICK_EPOCHS, Task
from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.guarantees import Certified
from mien.certify.policy import Policy, decide
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.blend import Blend
from mien.correctors.cascade import Cascade
from mien.correctors.contract import Corrector, Labels
from mien.data.split import group_ids
from mien.metrics.correction import scores
from mien.metrics.ranking import auroc, gain_at_harm, override_score, partial_auroc
from mien.nets.device import keep_freed_memory, one_thread
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_arrays, write_arrays
from mien.types import Bools, Decision, Floats, Ints, LabelSet, Outputs, Proposal, Scores, Texts, digest

KEPT = Path("runs/benchmark-correction")
BLENDED = "adapter and kernel"
JOINT = (BLENDED, "cascade")


class Once:
    """A corrector that is part of others: fitted once for the same pictures, and taken up by the others."""

    def __init__(self, corrector: Corrector) -> None:
        self.corrector, self._seen = corrector, np.empty(0, "<U1")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.corrector, name)

    def fit(self, outputs: Outputs, labels: Labels) -> Once:
        if not np.array_equal(self._seen, outputs.ids):
            self.corrector.fit(outputs, labels)
            self._seen = outputs.ids
        return self


def make(name: str, model: Network, target: int, quick: bool) -> Corrector:
    """A corrector by its name, and an adapter also by its epochs: "adapter, 36 epochs"."""
    kind, _, epochs = name.partition(", ")
    corrector = correctors.for_classifier(correctors.get_corrector(kind), model, target)
    if kind == "adapter" and (quick or epochs):
        corrector.set_params(epochs=QUICK_EPOCHS if quick else int(epochs.split()[0]))
    return corrector


def make_all(names: Sequence[str], model: Network, target: int, quick: bool) -> dict[str, Corrector]:
    """Correctors by name, with one more than mien names: the adapter and the kernel machine, blended.

    The cascade and the blend take up the adapter and the kernel machine that stand by themselves.
    """
    own = {name: make(name, model, target, quick) for name in names if name not in JOINT}
    if any(name in JOINT for name in names):
        for name in ("adapter", "nystroem", "logistic"):
            own[name] = Once(own.get(name) or make(name, model, target, quick))  # type: ignore[assignment]
    if BLENDED in names:
        own[BLENDED] = Blend(target, [own["adapter"], own["nystroem"]])
    if "cascade" in names:
        own["cascade"] = Cascade(target, own["logistic"], own["adapter"])
    return {name: own[name] for name in names}


@dataclass(frozen=True)
class Job:
    """Correctors to be fitted beside one classifier.

    Attributes
    ----------
    rows : what they are fitted on before they are certified: *fit*, or "most" of *correct*, for expected guarantees.
    """

    task: Task
    names: tuple[str, ...]
    rows: str = "fit"

    def file(self, name: str) -> Path:
        return KEPT / f"{digest(self.task.folder.name, name, *([] if self.rows == 'fit' else [self.rows]))}.npz"


def score(job: Job) -> None:
    """Fit each corrector on its rows, and by default on all of *correct* too, and keep its scores."""
    missing = [name for name in job.names if not job.file(name).exists()]
    if not missing:
        return
    one_thread()
    keep_freed_memory()
    with threadpool_limits(1):
        parts, model = job.task.parts(), job.task.load()
        target = parts.data.labelset.index(job.task.left_out)
        made = make_all(missing, model, target, job.task.quick)
        again = make_all(missing, model, target, job.task.quick)
        learnt = FeatureStore.of(
            NetworkClassifier.of(model, parts.data), parts.data, AugmentSettings(), parts.rows["correct"], made.values()
        )
        tested = FeatureStore.of(
            NetworkClassifier.of(model, parts.tested), parts.tested, AugmentSettings(), parts.test, made.values()
        )
        held = np.setdiff1d(parts.rows["correct"], parts.rows[job.rows])
        for name, corrector in made.items():
            learnt.fit(corrector, parts.rows[job.rows])
            proposal = whole = tested.propose(corrector, parts.test)
            calibration = learnt.calibration(corrector, held)
            if job.rows == "fit":
                whole = tested.propose(learnt.fit(again[name], parts.rows["correct"]), parts.test)
            write_arrays(
                job.file(name), score=proposal.score, suggested=proposal.suggested, score_all=whole.score,
                truth=parts.tested.labels[parts.test], probs=tested.seen(parts.test).probs, known=model.known.numpy(),
                groups=group_ids(parts.tested)[parts.test].astype(str), **calibration.cell_arrays(),
            )  # fmt: skip


def scored(jobs: Sequence[Job]) -> None:
    """Whatever is missing of the jobs."""
    do_all(score, [job for job in jobs if not all(job.file(name).exists() for name in job.names)])


@dataclass(frozen=True)
class Reading:
    """What one corrector did beside one f, on the test part.

    Attributes
    ----------
    task, name : the classifier and the corrector.
    left : class index. labelset : the classes.
    score, score_all : (N,) fitted on the job's rows, and on all of *correct*, or the same again if those are "most".
    """

    task: Task
    name: str
    left: int
    labelset: LabelSet
    score: Floats
    score_all: Floats
    suggested: Ints
    truth: Ints
    probs: Floats
    known: Bools
    groups: Texts
    calibration: CalibrationSet

    @classmethod
    def of(cls, job: Job, name: str, parts: Parts) -> Reading:
        stored, left = read_arrays(job.file(name)), parts.data.labelset.index(job.task.left_out)
        fields = ("score", "score_all", "suggested", "truth", "probs", "known", "groups")
        return cls(
            job.task, name, left, parts.data.labelset, *(stored[field] for field in fields),
            CalibrationSet.of_cell(stored, left),
        )  # fmt: skip

    @cached_property
    def base(self) -> Ints:
        answers: Ints = self.probs.argmax(1)
        return answers

    @property
    def new(self) -> Bools:
        found: Bools = self.truth == self.left
        return found

    @property
    def counts(self) -> Bools:
        """Known-class pictures that f had right."""
        found: Bools = (self.base == self.truth) & ~self.new
        return found

    def quality(self, given: Floats | None = None) -> dict[str, float]:
        """AUROC, partial AUROC, and Gain at Harm of a score; of the one fitted on all of *correct* by default."""
        given = self.score_all if given is None else given
        gains = {f"gain_{h}": gain_at_harm(given, self.new, self.counts, h / 100) for h in (1, 2, 5)}
        return {"auroc": auroc(given, self.new), "pauc": partial_auroc(given, self.new), **gains}

    def certified(self, policy: Policy) -> Certified:
        return self.calibration.certify(policy, self.labelset, self.known)

    def decision(self, policy: Policy) -> Decision:
        """What the certified corrector does on test."""
        proposal = Proposal(None, self.score, self.suggested)  # type: ignore[arg-type]  # None: row numbers
        return decide(proposal, self.base, self.certified(policy).thresholds)

    def corrected(self, policy: Policy) -> Scores:
        return scores(self.truth, self.base, self.decision(policy).final, len(self.labelset))


def network_score(task: Task, parts: Parts, left: int) -> Floats:
    """(N,) evidence of a fully trained network for a class, on the test part."""
    return override_score(network_probs(task, parts), left)


def network_probs(task: Task, parts: Parts) -> Floats:
    """(N, K) probabilities on the test part, kept."""
    file = KEPT / f"{digest(task.folder.name, 'probs', parts.tested.fingerprint())}.npz"
    if not file.exists():
        write_arrays(file, probs=probabilities(task.load(), parts.tested.pictures[parts.test]))
    return np.asarray(read_arrays(file)["probs"])


def pooled(done: Scores) -> float:
    """Harm over all pictures that f had right."""
    return float(done.harm.hits.sum() / done.harm.totals.sum())


def largest(done: Scores) -> float:
    """Harm of the class that is harmed most."""
    return float(done.harm.values[done.harm.totals > 0].max())
