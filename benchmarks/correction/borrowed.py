"""Correctors that read the features of an encoder beside those of f: all pictures, few of them, and the cost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import Figure, Parts, Result, do_all
from benchmarks.correction.cases import equal_harm, mean_over_classes
from benchmarks.correction.few_fits import DRAWN, KINDS, Few
from benchmarks.correction.few_shot import DRAWS, draws
from benchmarks.correction.scored import network_score
from benchmarks.correction.trained import Task
from mien import correctors
from mien.classifiers.borrowing import Encoder, borrowing
from mien.classifiers.contract import Batch, Classifier
from mien.classifiers.declare import InputSettings
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.foreign import ForeignClassifier
from mien.classifiers.network import NetworkClassifier
from mien.deploy.adoption import adopt
from mien.errors import UsageError
from mien.metrics.ranking import auroc, gain_at_harm
from mien.nets.device import keep_freed_memory, one_thread
from mien.nets.settings import AugmentSettings
from mien.storage.files import read_arrays, write_arrays
from mien.types import Bools, Dataset, FeatureRequest, Floats, Ints, Outputs, Texts, digest

if TYPE_CHECKING:
    from benchmarks.correction.cases import Study

KEPT = Path("runs/benchmark-borrowed")
NAME = "faces"
ON_VECTORS = ("lda", "logistic", "nystroem")
BESIDE = (*ON_VECTORS, "adapter")
"""Correctors of the study that those with borrowed features are compared with, or blended with."""
BLENDS = {
    "adapter and kernel": ("adapter", "nystroem"),
    "adapter, kernel, logistic": ("adapter", "nystroem", "logistic"),
}
FEW = (0, 1, 2, 5, 10, 20, 50, 100)
HARMS = (1, 2, 5)
TIMED = 256
"""Pictures that the cost is measured on."""


@dataclass(frozen=True)
class Job:
    """Correctors beside one classifier, with the features of the encoder in an ONNX file."""

    task: Task
    model: str

    @property
    def scores(self) -> Path:
        """File of the scores of the correctors that were fitted on all of *correct*."""
        return KEPT / f"{digest(self.task.folder.name, Path(self.model).name, ON_VECTORS)}.npz"

    @property
    def few(self) -> Path:
        """File of what few pictures give."""
        return KEPT / f"{digest(self.task.folder.name, Path(self.model).name, KINDS, FEW, DRAWS)}.npz"


@dataclass(frozen=True)
class Scored:
    """A score of the test part, as `equal_harm` reads it."""

    score_all: Floats
    new: Bools
    counts: Bools
    groups: Texts

    def quality(self) -> dict[str, float]:
        gains = {f"Gain at {harm} %": gain_at_harm(self.score_all, self.new, self.counts, harm / 100) for harm in HARMS}
        return {"AUROC": auroc(self.score_all, self.new), **gains}


@lru_cache(maxsize=1)
def encoder(model: str) -> Encoder:
    """The encoder of an ONNX file that reads RGB from 0 to 255."""
    settings = InputSettings(answers="none", order="rgb", scaling="0..255")
    network = adopt(model, settings).classifier
    assert isinstance(network, ForeignClassifier)
    return Encoder(NAME, network)


def vectors(model: str, data: Dataset, rows: Ints) -> dict[str, Floats]:
    """The features of the encoder for some rows, kept in half precision: they are the same beside every f."""
    file = KEPT / f"{digest(data.fingerprint(), rows.tolist(), encoder(model).id)}.npz"
    if not file.exists():
        found = encoder(model).vectors(Batch.of(data, rows), FeatureRequest())
        write_arrays(file, **{name.replace("/", "|"): values.astype(np.float16) for name, values in found.items()})
    return {name.replace("|", "/"): values.astype(np.float32) for name, values in read_arrays(file).items()}


def score(job: Job) -> None:
    """Every corrector on both kinds of vectors, and every number of pictures, beside one classifier."""
    if job.scores.exists() and job.few.exists():
        return
    one_thread()
    keep_freed_memory()
    parts, model = job.task.parts(), job.task.load()
    target = parts.data.labelset.index(job.task.left_out)
    learnt, tested = (
        _outputs(NetworkClassifier.of(model, data), data, rows, job.model)
        for data, rows in ((parts.data, parts.rows["correct"]), (parts.tested, parts.test))
    )
    labels = parts.data.labels[parts.rows["correct"]]
    if not job.scores.exists():
        made = {name: correctors.get_corrector(name)(target).fit(learnt, labels) for name in ON_VECTORS}
        write_arrays(job.scores, **{name: corrector.propose(tested).score for name, corrector in made.items()})
    if not job.few.exists():
        f = borrowing(NetworkClassifier.of(model, parts.data), [encoder(job.model)])
        write_arrays(job.few, few=_few(learnt, tested, labels, parts, target, f))


def _outputs(f: NetworkClassifier, data: Dataset, rows: Ints, model: str) -> Outputs:
    return FeatureStore.of(f, data, AugmentSettings(), rows, []).outputs.with_features(vectors(model, data, rows))


def _few(learnt: Outputs, tested: Outputs, labels: Ints, parts: Parts, target: int, f: Classifier) -> Floats:
    """(R, 5) number of pictures, draw, corrector, AUROC, Gain at Harm 2 %."""
    few = Few.of(target, learnt, labels, tested, parts.tested.labels[parts.test], f, parts.data.labelset)
    found = []
    for kind, count, draw, chosen in draws(labels, target, DRAWS):
        if kind == "new" and count in FEW:
            for name, given in few.scores(chosen):
                found.append((count, draw, KINDS.index(name), *few.judged(given)))
    return np.array(found, np.float64).reshape(-1, 5)


def table(study: Study, result: Result) -> None:
    """With the features of the encoder, without them, and retraining."""
    model = getattr(result.options, "encoder", None)
    if not model:
        raise UsageError("no encoder", place="--encoder", remedy="give its ONNX file, or leave the part borrowed out")
    for of in study.parts.values():  # once, before many processes need them
        for data, rows in ((of.data, of.rows["correct"]), (of.tested, of.test)):
            vectors(model, data, rows)
    jobs = {key: Job(job.task, model) for key, job in study.jobs.items()}
    do_all(score, list(jobs.values()))
    all_pictures(study, result, jobs)
    few_pictures(study, result, jobs)
    cost(study, result, model)


def all_pictures(study: Study, result: Result, jobs: dict[tuple[int, str], Job]) -> None:
    """Means over the classes, fitted on all of *correct*, and P against R1."""
    lines = []
    for source in ("f", f"f and {NAME}"):
        for name in (*BESIDE, *BLENDS):
            if name == "adapter" and source != "f":
                continue
            found = {left: [_scored(study, jobs[s, left], s, left, name, source) for s in study.seeds]
                     for left in study.classes}  # fmt: skip
            line: dict[str, Any] = {"corrector": name, "reads": source}
            for key in found[study.classes[0]][0].quality():
                values = mean_over_classes([[one.quality()[key] for one in of] for of in found.values()])
                line[key] = Figure.over(values, len(study.classes), study.seeds)
            for harm in HARMS:
                values = mean_over_classes(
                    equal_harm(of, _retrained(study, left), harm)[0]  # type: ignore[arg-type]
                    for left, of in found.items()
                )
                line[f"P= {harm} %, R1"] = Figure.over(values, len(study.classes), study.seeds)
                if source != "f" and name == next(iter(BLENDS)):
                    result.figures[f"borrowed_restored_at_equal_harm_{harm}"] = line[f"P= {harm} %, R1"]
            lines.append(line)
    result.table(f"Borrowed features ({NAME}): means over the classes, fitted on all of correct", lines)


def _retrained(study: Study, left: str) -> list[Floats]:
    """Scores of each seed's network that was trained on all classes (R1)."""
    index = study.labelset.index(left)
    return [network_score(study.r1[seed], study.parts[seed], index) for seed in study.seeds]


def _scored(study: Study, job: Job, seed: int, left: str, name: str, source: str) -> Scored:
    own = study.reading(seed, left, "adapter")
    members = []
    for member in BLENDS.get(name, (name,)):
        borrowed = source != "f" and member != "adapter"
        members.append(read_arrays(job.scores)[member] if borrowed else study.reading(seed, left, member).score_all)
    return Scored(np.mean(members, axis=0), own.new, own.counts, own.groups)


def few_pictures(study: Study, result: Result, jobs: dict[tuple[int, str], Job]) -> None:
    """Means over classes, seeds and draws, by the number of pictures of the new class."""
    found: dict[tuple[str, int], dict[str, list[Sequence[float]]]] = defaultdict(lambda: defaultdict(list))
    for (_, left), job in jobs.items():
        for count, _, number, area, gain in read_arrays(job.few)["few"]:
            found[KINDS[int(number)], int(count)][left].append((float(area), float(gain)))
    lines = []
    for name in KINDS:
        line: dict[str, Any] = {"corrector": name}
        for count in FEW:
            if (name, count) in found:
                areas, gains = np.array([np.mean(of, axis=0) for of in found[name, count].values()]).T
                line[f"{count}"] = f"{areas.mean():.3f} / {gains.mean():.2f}"
                if name == DRAWN:
                    result.figures[f"few_borrowed_{count}_auroc"] = Figure.over(areas, len(areas), study.seeds)
                    result.figures[f"few_borrowed_{count}_gain"] = Figure.over(gains, len(gains), study.seeds)
        lines.append(line)
    title = (
        f"Borrowed features ({NAME}), pictures of the new class: AUROC / Gain at Harm 2 %, mean over classes and draws"
    )
    result.table(title, lines)


def cost(study: Study, result: Result, model: str) -> None:
    """Milliseconds a picture of f with its layers, and of the encoder, on one thread."""
    one_thread()
    seed = study.seeds[0]
    parts, job = study.parts[seed], study.jobs[seed, study.classes[0]]
    f, batch = NetworkClassifier.of(job.task.load(), parts.data), Batch.of(parts.tested, parts.test[:TIMED])
    seconds = [
        _seconds(lambda: f.outputs(batch, FeatureRequest())),
        _seconds(lambda: encoder(model).vectors(batch, FeatureRequest())),
    ]
    own, borrowed = (1e3 * each / len(batch) for each in seconds)
    result.figures["borrowed_times_of_f"] = Figure.over([borrowed / own], 1, study.seeds[:1])
    line = {"f with its layers, ms": own, f"{NAME}, ms": borrowed, "times f": borrowed / own}
    result.table("Cost of borrowed features, a picture", [line])


def _seconds(compute: Any) -> float:
    compute()
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start
