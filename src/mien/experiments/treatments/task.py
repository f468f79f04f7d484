"""One cell of a comparison: one classifier trained under one treatment, and what is made of its answers afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.certify.calibration_set import Calibration
from mien.certify.combine import combine_proposals
from mien.certify.policy import decide
from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.data.load import absolute
from mien.data.prepare import prepare
from mien.data.provenance import TrainedOn, learnt_rows
from mien.data.split import group_ids, split
from mien.experiments.identity import known_as
from mien.experiments.progress import announce
from mien.experiments.settings import CompareSettings
from mien.experiments.training.base import Lesson, base_of
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
from mien.storage.run import Run
from mien.types import Dataset, Floats, Ints, Outputs, Proposal, Split, digest

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
    def path(self) -> Path:
        model, training = (name.replace(":", "-") for name in (self.model, self.training))
        return Path(self.folder, "cells", f"seed{self.seed}", model, training)

    def file(self, treatment: str) -> Path:
        """What was answered under a treatment."""
        return self.path / f"answers-{treatment.replace(':', '-')}.npz"

    def missing(self) -> list[str]:
        """Treatments without answers so far."""
        return [name for name in self.treatments if not self.file(name).exists()]

    def finished(self) -> bool:
        return not self.missing()


def run_treated(cell: TreatedCell) -> None:
    """Do what is not done yet: train, then answer under each treatment. Each is kept as soon as it is there."""
    if cell.finished():
        return
    settings = cell.settings
    with threadpool_limits(max(1, settings.train.threads)), torch_runtime(settings.train) as (device, _):
        data = prepare(settings.data)
        parts = split(data, cell.seed)
        part = TrainPart(data.labels[parts.rows("train")], len(data.labelset), cell.seed)
        rows = np.concatenate([parts.rows(name) for name in JUDGED])
        if cell.model == KNN:
            answered = _by_neighbours(cell, data, parts, part, rows)
        else:
            model, seconds = _model(cell, get_treatment(cell.training), data, parts, part)
            answered = _by_network(cell, model.to(device), seconds, data, parts, part, rows)
        for name, probs, final, spent in answered:
            write_arrays(
                cell.file(name), ids=data.ids[rows], truth=data.labels[rows], answers=final, probs=probs,
                part=parts.parts[rows], groups=group_ids(data)[rows].astype(str), sources=_sources(data, rows),
                seconds=np.array(spent),
            )  # fmt: skip
    announce(cell, "done")


def _by_neighbours(cell: TreatedCell, data: Dataset, parts: Split, part: TrainPart, rows: Ints) -> Iterator[Answered]:
    """Nearest neighbours on pixels; class weights weigh their votes."""
    pixels = data.pictures.reshape(len(data), -1)
    for name in cell.missing():
        announce(cell, name)
        start, treatment = time.perf_counter(), get_treatment(name)
        chosen = np.arange(len(part.labels)) if treatment.rows is None else treatment.rows(part)
        own = replace(part, labels=part.labels[chosen])
        weights = class_weights(own.counts, float(treatment.train.get("weight_power", 0.0)))
        vectors, new = (pixels[of].astype(np.float32) for of in (parts.rows("train")[chosen], rows))
        probs = knn_predict(own, vectors, new, cell.settings.neighbours, weights)
        yield name, probs, probs.argmax(1), time.perf_counter() - start


def _by_network(
    cell: TreatedCell, model: Network, trained: float, data: Dataset, parts: Split, part: TrainPart, rows: Ints
) -> Iterator[Answered]:
    """One training, and what each treatment makes of it."""
    announce(cell, "reading out")
    layers, learnt_from = last_taps(model), parts.rows("train")
    outputs = extract(model, data.pictures[rows], data.ids[rows], vectors=layers)
    learnt: FittedTrainPart | None = None
    reading = 0.0
    for name in cell.missing():
        announce(cell, name)
        start, treatment = time.perf_counter(), get_treatment(name)
        probs, final = outputs.probs, outputs.predicted
        if treatment.postprocess is not None:
            if learnt is None:
                seen = extract(model, data.pictures[learnt_from], data.ids[learnt_from], vectors=layers)
                learnt = FittedTrainPart(part, latents_of(seen))
                reading = time.perf_counter() - start
                start = time.perf_counter()
            probs = treatment.postprocess(learnt, latents_of(outputs))
            final = probs.argmax(1)
        if treatment.corrector:
            final = _corrected(cell, treatment.corrector, model, data, parts, rows)
        spent = time.perf_counter() - start + (reading if treatment.postprocess else 0.0)
        yield name, probs, final, trained + spent


def _model(
    cell: TreatedCell, treatment: Treatment, data: Dataset, parts: Split, part: TrainPart
) -> tuple[Network, float]:
    """The cell's classifier, and the seconds that it took, with those of a generator."""
    settings = with_changes(cell.settings.train, treatment.train)
    of_data = (data.fingerprint(), parts.fingerprint, cell.settings.data.images)
    identities = [digest(*of_data, train, cell.seed, cell.training) for train in known_as(settings, Run(cell.folder))]

    def lesson() -> Lesson:
        train = Examples.of(data, learnt_from(treatment, parts, part))
        if treatment.generated:
            train = _with_generated(cell, treatment.generated, train, part.counts)
        if len(train) != len(part.labels):  # no treatment is shown more pictures than another
            train = replace(train, epoch=len(part.labels))
        # synthetic pictures derive from the same rows
        learnt = learnt_rows(parts, *(["fit"] if treatment.adds_fit_part else []))
        trained_on = TrainedOn.of(data, learnt, absolute(cell.settings.data.source), cell.seed)
        return Lesson(train, Examples.of(data, _choosing(data, parts)), trained_on)

    model, cost = base_of(cell, cell.model, cell.settings.data, data.labelset, settings, identities, lesson)
    made = cell.path / "generated.json"
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
    kept, about = cell.path / "generated.npz", cell.path / "generated.json"
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


def _corrected(cell: TreatedCell, name: str, model: Network, data: Dataset, parts: Split, rows: Ints) -> Ints:
    """(N,) answers with a corrector beside the classifier for each class that has less than an equal share.

    It has the pictures of *fit* besides. Its threshold is certified on *calibrate*; there each fold is answered by a
    threshold certified on the others.
    """
    counts = np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset))
    fitting = np.bincount(data.labels[parts.rows("fit")], minlength=len(data.labelset))
    targets = np.flatnonzero((counts < counts.sum() / (counts > 0).sum()) & (fitting >= FEWEST))
    beside = [build_correctors([name], model, int(target))[name] for target in targets]
    looked = np.unique(np.concatenate([parts.rows("fit"), rows]))
    bench = FeatureStore.of(model, data, cell.settings.train.augment, looked, beside)
    for corrector in beside:
        bench.fit(corrector, parts.rows("fit"))

    def said(of: Ints) -> tuple[Proposal, Ints]:
        seen = bench.seen(of)
        return combine_proposals([one.propose(seen) for one in beside], seen.predicted), seen.predicted

    def answered(of: Ints, held: Ints) -> Ints:
        proposal, base = said(held)
        groups = group_ids(data)[held].astype(str)
        seen = Calibration(proposal.score, proposal.suggested, data.labels[held], base, groups)
        thresholds = seen.certified(data.labelset, cell.settings.policy, model.known.cpu().numpy()).thresholds
        return decide(*said(of), thresholds).final

    final = bench.seen(rows).predicted.copy()
    held = parts.rows("calibrate")
    fold = group_ids(data)[held] % FOLDS
    judged = [(held[fold == number], held[fold != number]) for number in np.unique(fold)]
    for of, by in [(parts.rows("test"), held), *judged] if beside else ():
        if len(by):
            final[np.isin(rows, of)] = answered(rows[np.isin(rows, of)], by)
    return final


def last_taps(model: Network) -> tuple[str, str]:
    """The feature that stands for the classifier's last layer but one: as a vector, or as a map's mean."""
    layer = "hidden" if "hidden" in model.layers else model.layers[-2]
    return layer, f"{layer}/1"


def latents_of(outputs: Outputs) -> Latents:
    """What a treatment may see of these: vectors of the layer that was read out, and answers."""
    return Latents(next(iter(outputs.vectors.values())), outputs.probs)


def _sources(data: Dataset, rows: Ints) -> np.ndarray:
    return np.full(len(rows), "") if data.sources is None else data.sources[rows]
