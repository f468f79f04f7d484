"""One cell of a comparison: one classifier trained under one treatment, and what is made of its answers afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import combine_proposals
from mien.certify.policy import decide
from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.classifiers.network import NetworkClassifier
from mien.data.load import absolute
from mien.data.prepare import prepare
from mien.data.provenance import TrainedOn, training_rows
from mien.data.split import group_ids, split
from mien.experiments.identity import training_identities
from mien.experiments.layers import last_layer, last_vectors
from mien.experiments.progress import announce
from mien.experiments.settings import CompareSettings
from mien.experiments.training.base import Lesson, Recipe, base_of
from mien.imbalance import FittedTrainPart, Latents, TrainPart, Treatment, get_treatment
from mien.imbalance.neighbours import knn_predict
from mien.imbalance.weights import class_weights
from mien.metrics.classification import common_classes
from mien.nets.device import torch_runtime
from mien.nets.examples import Examples
from mien.nets.extraction import extract
from mien.nets.generator import generate, train_generator
from mien.nets.network import Network
from mien.nets.settings import with_changes
from mien.storage.files import read_arrays, read_json, write_arrays, write_json
from mien.storage.layout import CellFolder
from mien.storage.run import Run
from mien.types import Dataset, Floats, Ints, Outputs, Proposal, Split, Texts

KNN = "knn"
JUDGED = ("calibrate", "test")
"""The parts that answers are kept for: the first chooses, the second is reported."""
FOLDS = 5
"""Of *calibrate*, where a corrector is judged on it."""
FEWEST = 3
"""Pictures on *fit* below which no corrector is fitted for a class."""
Answered = tuple[str, Floats, Ints, float]
"""Treatment, probs (N, K), answers (N,), seconds."""


@dataclass(frozen=True)
class TreatedCell:
    """A task of a comparison: names a folder, so that any engine on the same disk can do it.

    Attributes
    ----------
    folder : of the run. settings : of the comparison.
    seed : of split and model. model : its name.
    training : name of the treatment that it is trained under.
    treatments : names of those that share this training, and differ in what comes afterwards.
    """

    folder: str
    settings: CompareSettings
    seed: int
    model: str
    training: str
    treatments: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.model} {self.training}"

    @property
    def files(self) -> CellFolder:
        return CellFolder.of(Path(self.folder), self.seed, self.model, self.training)

    @property
    def path(self) -> Path:
        return self.files.path

    def file(self, treatment: str) -> Path:
        """What was answered under a treatment."""
        return self.files.answers(treatment)

    def missing(self) -> list[str]:
        """Treatments without answers so far."""
        return [name for name in self.treatments if not self.file(name).exists()]

    def finished(self) -> bool:
        return not self.missing()


@dataclass(frozen=True)
class _Pictures:
    """The pictures of a cell.

    Attributes
    ----------
    data, parts : all of them, and their split. train : their training part, as treatments see it.
    judged : rows of *calibrate* and *test*.
    """

    data: Dataset
    parts: Split
    train: TrainPart
    judged: Ints

    @classmethod
    def of(cls, cell: TreatedCell) -> Self:
        data = prepare(cell.settings.data)
        parts = split(data, cell.seed)
        train = TrainPart(data.labels[parts.rows("train")], len(data.labelset), cell.seed)
        return cls(data, parts, train, np.concatenate([parts.rows(name) for name in JUDGED]))

    def groups(self, rows: Ints) -> Texts:
        return group_ids(self.data)[rows].astype(str)


def run_treated(task: TreatedCell) -> dict[str, float]:
    """Do what is not done yet: train, then answer under each treatment. Each is kept as soon as it is there.

    Returns the seconds of each treatment that was done.
    """
    settings, seconds = task.settings, {}
    with threadpool_limits(max(1, settings.train.threads)), torch_runtime(settings.train) as (device, _):
        pictures = _Pictures.of(task)
        if task.model == KNN:
            answered = _by_neighbours(task, pictures)
        else:
            model, trained = _model(task, get_treatment(task.training), pictures)
            answered = _by_network(task, model.to(device), trained, pictures)
        data, rows = pictures.data, pictures.judged
        sources = np.full(len(rows), "") if data.sources is None else data.sources[rows]
        for name, probs, final, spent in answered:
            seconds[name] = spent
            write_arrays(
                task.file(name), ids=data.ids[rows], truth=data.labels[rows], answers=final, probs=probs,
                part=pictures.parts.parts[rows], groups=pictures.groups(rows), sources=sources,
                seconds=np.array(spent),
            )  # fmt: skip
    announce(task, "done")
    return seconds


def _by_neighbours(cell: TreatedCell, pictures: _Pictures) -> Iterator[Answered]:
    """Nearest neighbours on pixels; class weights weigh their votes."""
    train = pictures.train
    pixels = pictures.data.pictures.reshape(len(pictures.data), -1)
    for name in cell.missing():
        announce(cell, name)
        start, treatment = time.perf_counter(), get_treatment(name)
        chosen = np.arange(len(train.labels)) if treatment.rows is None else treatment.rows(train)
        part = replace(train, labels=train.labels[chosen])
        weights = class_weights(part.counts, float(treatment.train.get("weight_power", 0.0)))
        learnt = pixels[pictures.parts.rows("train")[chosen]].astype(np.float32)
        judged = pixels[pictures.judged].astype(np.float32)
        probs = knn_predict(part, learnt, judged, cell.settings.neighbours, weights)
        yield name, probs, probs.argmax(1), time.perf_counter() - start


def _by_network(cell: TreatedCell, model: Network, trained: float, pictures: _Pictures) -> Iterator[Answered]:
    """One training, and what each treatment makes of it."""
    announce(cell, "reading out")
    data, layer = pictures.data, last_layer(model)[:2]

    def read(rows: Ints) -> Outputs:
        return extract(model, data.pictures[rows], data.ids[rows], vectors=layer)

    def latents(read_out: Outputs) -> Latents:
        return Latents(last_vectors(model, read_out), read_out.probs)

    outputs = read(pictures.judged)
    fitted: FittedTrainPart | None = None
    reading = 0.0
    for name in cell.missing():
        announce(cell, name)
        start, treatment = time.perf_counter(), get_treatment(name)
        probs, final = outputs.probs, outputs.predicted
        if treatment.postprocess is not None:
            if fitted is None:
                fitted = FittedTrainPart(pictures.train, latents(read(pictures.parts.rows("train"))))
                reading = time.perf_counter() - start
                start = time.perf_counter()
            probs = treatment.postprocess(fitted, latents(outputs))
            final = probs.argmax(1)
        if treatment.corrector:
            final = _corrected(cell, treatment.corrector, model, pictures)
        spent = time.perf_counter() - start + (reading if treatment.postprocess else 0.0)
        yield name, probs, final, trained + spent


def _model(cell: TreatedCell, treatment: Treatment, pictures: _Pictures) -> tuple[Network, float]:
    """The cell's classifier, and the seconds that it took, with those of a generator."""
    data, parts, part = pictures.data, pictures.parts, pictures.train
    settings = with_changes(cell.settings.train, treatment.train)
    identities = training_identities(
        Run(cell.folder), data.fingerprint(), parts.fingerprint, cell.settings.data.images, settings, cell.seed,
        cell.training,
    )  # fmt: skip

    def lesson() -> Lesson:
        train = Examples.of(data, learnt_from(treatment, parts, part))
        if treatment.generated:
            train = _with_generated(cell, treatment.generated, train, part.counts)
        if len(train) != len(part.labels):  # no treatment is shown more pictures than another
            train = replace(train, epoch=len(part.labels))
        # generated pictures are made of the same rows
        learnt = training_rows(parts, *(["fit"] if treatment.adds_fit_part else []))
        trained_on = TrainedOn.from_dataset(data, learnt, absolute(cell.settings.data.source), cell.seed)
        return Lesson(train, Examples.of(data, _choosing(data, parts)), trained_on)

    model, cost = base_of(cell, Recipe(cell.model, data.labelset, cell.settings.data, settings, identities), lesson)
    made = cell.files.generated.with_suffix(".json")
    return model, (cost.seconds if cost else 0.0) + (float(read_json(made)["seconds"]) if made.exists() else 0.0)


def learnt_from(treatment: Treatment, parts: Split, part: TrainPart) -> Ints:
    """Rows of the data that are learnt from, some more than once."""
    rows = parts.rows("train")
    if treatment.rows is not None:
        rows = rows[treatment.rows(part)]
    return np.concatenate([rows, parts.rows("fit")]) if treatment.adds_fit_part else rows


def _choosing(data: Dataset, parts: Split) -> Ints:
    """Rows of validation, which choose the epoch: without classes that are too rare for the means, where it can be."""
    rows = parts.rows("validation")
    common = rows[common_classes(data.counts())[data.labels[rows]]]
    return common if len(common) else rows


def _with_generated(cell: TreatedCell, target: int, train: Examples, counts: Ints) -> Examples:
    """The training part with made pictures of the classes that have fewer than `target`; near-copies are left out."""
    kept = cell.files.generated
    about = kept.with_suffix(".json")
    if not about.exists():
        start = time.perf_counter()

        def say(share: float) -> None:
            announce(cell, f"learning to generate, {math.floor(10 * share)} of 10")

        wanted = np.where(counts > 0, np.maximum(target - counts, 0), 0)
        pixels, labels, copies = train.pixels[:0], np.zeros(0, int), np.zeros(0, bool)
        if wanted.any():
            made = generate(
                train_generator(train, cell.settings.train, seed=cell.seed, progress=say), train, wanted, cell.seed
            )
            pixels, labels, copies = made.pixels, made.labels, made.copies
        write_arrays(kept, pixels=pixels[~copies], labels=labels[~copies])
        counted = {"made": len(labels), "copies": int(copies.sum())}
        write_json(about, {**counted, "seconds": time.perf_counter() - start})
    stored = read_arrays(kept)
    onehot = np.eye(train.targets.shape[1], dtype=np.float32)[stored["labels"]]
    return Examples(np.concatenate([train.pixels, stored["pixels"]]), np.concatenate([train.targets, onehot]))


def _corrected(cell: TreatedCell, name: str, model: Network, pictures: _Pictures) -> Ints:
    """(N,) answers with a corrector beside the classifier for each class that has less than an equal share.

    It has the pictures of *fit* besides. Its threshold is certified on *calibrate*; there each fold is answered by a
    threshold certified on the others.
    """
    data, parts, rows = pictures.data, pictures.parts, pictures.judged
    counts, fitting = pictures.train.counts, np.bincount(data.labels[parts.rows("fit")], minlength=len(data.labelset))
    targets = np.flatnonzero((counts < counts.sum() / (counts > 0).sum()) & (fitting >= FEWEST))
    classifier = NetworkClassifier.of(model, data)
    correctors = [build_correctors([name], classifier, int(target))[name] for target in targets]
    looked = np.unique(np.concatenate([parts.rows("fit"), rows]))
    store = FeatureStore.of(classifier, data, cell.settings.train.augment, looked, correctors)
    for corrector in correctors:
        store.fit(corrector, parts.rows("fit"))

    def proposed(judged: Ints) -> tuple[Proposal, Ints]:
        outputs = store.seen(judged)
        proposals = [corrector.propose(outputs) for corrector in correctors]
        return combine_proposals(proposals, outputs.predicted), outputs.predicted

    def answered(judged: Ints, held: Ints) -> Ints:
        proposal, base = proposed(held)
        calibration = CalibrationSet.of(proposal, data.labels[held], base, pictures.groups(held))
        known = model.known.cpu().numpy()
        thresholds = calibration.certify(cell.settings.policy, data.labelset, known).thresholds
        return decide(*proposed(judged), thresholds).final

    final = store.seen(rows).predicted.copy()
    held = parts.rows("calibrate")
    fold = group_ids(data)[held] % FOLDS
    judged = [(held[fold == number], held[fold != number]) for number in np.unique(fold)]
    for part, others in [(parts.rows("test"), held), *judged] if correctors else ():
        if len(others):
            final[np.isin(rows, part)] = answered(rows[np.isin(rows, part)], others)
    return final
