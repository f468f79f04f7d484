"""One cell of a comparison: one classifier trained under one treatment, and what is made of its answers afterwards."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.correctors.calibration import Calibration
from mien.correctors.policy import decide
from mien.correctors.together import together
from mien.data.prepare import prepare
from mien.data.split import linked, split
from mien.imbalance import Latents, Learnt, TrainPart, Treatment, find
from mien.imbalance.neighbours import nearest
from mien.imbalance.weights import class_weights
from mien.models import saved
from mien.models.classifier import Classifier
from mien.models.device import prepared, seed_everything
from mien.models.examples import Examples
from mien.models.generator import generate, learn
from mien.models.latents import extract
from mien.models.settings import TrainSettings, changed
from mien.models.training import fit
from mien.runs import read_json, write_arrays, write_json
from mien.study.folder import announce
from mien.study.settings import CompareSettings
from mien.study.workbench import Workbench, built
from mien.types import Dataset, Floats, Ints, Proposal, Split

KNN = "knn"
JUDGED = ("calibrate", "test")
"""The parts that answers are kept for: the first chooses, the second is reported."""
SAMPLES = 8
"""Made pictures of each class that are kept to be shown."""
FEWEST = 3
"""Pictures on *fit* below which no corrector is fitted for a class."""


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

    def finished(self) -> bool:
        return all(self.file(name).exists() for name in self.treatments)


def run_treated(cell: TreatedCell) -> None:
    """Do what is not done yet: train, then answer under each treatment."""
    if cell.finished():
        return
    settings = cell.settings
    with threadpool_limits(max(1, settings.train.threads)), prepared(settings.train):
        data = prepare(settings.data)
        parts = split(data, cell.seed)
        part = TrainPart(data.labels[parts.rows("train")], len(data.labelset), cell.seed)
        answer = _by_neighbours if cell.model == KNN else _by_network
        rows = np.concatenate([parts.rows(name) for name in JUDGED])
        for name, (probs, final, seconds) in answer(cell, data, parts, part, rows).items():
            write_arrays(
                cell.file(name), ids=data.ids[rows], truth=data.labels[rows], answers=final, probs=probs,
                part=parts.parts[rows], groups=linked(data)[rows].astype(str), sources=_sources(data, rows),
                seconds=np.array(seconds),
            )  # fmt: skip
    announce(cell, "done")


Answered = dict[str, tuple[Floats, Ints, float]]
"""Treatment → (probs (N, K), answers (N,), seconds)."""


def _by_neighbours(cell: TreatedCell, data: Dataset, parts: Split, part: TrainPart, rows: Ints) -> Answered:
    """Nearest neighbours on pixels; class weights weigh their votes."""
    pixels = data.pictures.reshape(len(data), -1)
    found: Answered = {}
    for name in cell.treatments:
        announce(cell, name)
        start, treatment = time.perf_counter(), find(name)
        chosen = np.arange(len(part.labels)) if treatment.rows is None else treatment.rows(part)
        own = replace(part, labels=part.labels[chosen])
        weights = class_weights(own.counts, float(treatment.train.get("weight_power", 0.0)))
        vectors, new = (pixels[of].astype(np.float32) for of in (parts.rows("train")[chosen], rows))
        probs = nearest(own, vectors, new, cell.settings.neighbours, weights)
        if treatment.after is not None:
            learnt = Learnt(part, Latents(np.zeros((len(part.labels), 1)), np.zeros((len(part.labels), part.classes))))
            probs = treatment.after(learnt, Latents(np.zeros((len(rows), 1)), probs))
        found[name] = probs, probs.argmax(1), time.perf_counter() - start
    return found


def _by_network(cell: TreatedCell, data: Dataset, parts: Split, part: TrainPart, rows: Ints) -> Answered:
    """One training, and what each treatment makes of it."""
    model, trained = _trained(cell, find(cell.training), data, parts, part)
    announce(cell, "reading out")
    vectors = _vectors(model)
    outputs = extract(model, data.pictures[rows], data.ids[rows], vectors=(vectors,))
    learnt: Learnt | None = None
    found: Answered = {}
    for name in cell.treatments:
        announce(cell, name)
        start, treatment = time.perf_counter(), find(name)
        probs, final = outputs.probs, outputs.predicted
        if treatment.after is not None:
            if learnt is None:
                seen = extract(
                    model, data.pictures[parts.rows("train")], data.ids[parts.rows("train")], vectors=(vectors,)
                )
                learnt = Learnt(part, Latents(seen.features[vectors], seen.probs))
            probs = treatment.after(learnt, Latents(outputs.features[vectors], outputs.probs))
            final = probs.argmax(1)
        if treatment.corrector:
            final = _corrected(cell, treatment.corrector, model, data, parts, rows)
        found[name] = probs, final, trained + time.perf_counter() - start
    return found


def _trained(
    cell: TreatedCell, treatment: Treatment, data: Dataset, parts: Split, part: TrainPart
) -> tuple[Classifier, float]:
    """The cell's classifier, read back or trained (from its last checkpoint), and the seconds that it took."""
    done = cell.path / "training.json"
    if done.exists():
        return saved.load(cell.path, base=cell.model)[0], float(read_json(done)["seconds"])
    chosen = np.arange(len(part.labels)) if treatment.rows is None else treatment.rows(part)
    train = Examples.of(data, parts.rows("train")[chosen])
    if treatment.generated:
        train = _with_generated(cell, treatment.generated, train, part.counts)
    settings = as_long(changed(cell.settings.train, treatment.train), len(part.labels), len(train))
    seed_everything(cell.seed, 0)
    known = part.counts > 0
    model = saved.build(cell.model, known, cell.settings.data.colour)
    checkpoint = cell.path / "checkpoint.safetensors"
    history = fit(
        model, train, Examples.of(data, parts.rows("validation")), settings, seed=cell.seed, checkpoint=checkpoint,
        progress=lambda epoch: announce(cell, "training", epoch),
    )  # fmt: skip
    images = cell.settings.data.images
    card = saved.ModelCard(
        cell.model, data.labelset.names, tuple(known.tolist()), images.size, images.colour, images.fit
    )
    saved.save(model, card, cell.path)
    spent = sum(epoch["seconds"] for epoch in history)
    if treatment.generated:
        spent += float(read_json(cell.path / "generated.json")["seconds"])
    write_json(done, {"seconds": spent, "epochs": len(history), "pictures": len(train)})
    checkpoint.unlink(missing_ok=True)
    return model, spent


def _with_generated(cell: TreatedCell, target: int, train: Examples, counts: Ints) -> Examples:
    """The training part with made pictures of the classes that have fewer than `target`; near-copies are left out."""
    start = time.perf_counter()

    def say(share: float) -> None:
        announce(cell, f"learning to generate, {math.floor(10 * share)} of 10")

    wanted = np.where(counts > 0, np.maximum(target - counts, 0), 0)
    if not wanted.any():
        write_json(cell.path / "generated.json", {"made": 0, "copies": 0, "seconds": 0.0})
        return train
    maker = learn(train, cell.settings.train, seed=cell.seed, progress=say)
    made = generate(maker, train, wanted, cell.seed)
    shown = generate(maker, train, SAMPLES * (wanted > 0), cell.seed + 1)
    write_arrays(cell.path / "generated.npz", pixels=shown.pixels, labels=shown.labels)
    about = {"made": len(made.labels), "copies": int(made.copies.sum()), "seconds": time.perf_counter() - start}
    write_json(cell.path / "generated.json", about)
    kept = ~made.copies
    onehot = np.eye(train.targets.shape[1], dtype=np.float32)[made.labels[kept]]
    return Examples(np.concatenate([train.pixels, made.pixels[kept]]), np.concatenate([train.targets, onehot]))


def as_long(settings: TrainSettings, pictures: int, shown: int) -> TrainSettings:
    """As many steps with `shown` pictures an epoch as with all of them, so that no treatment trains for longer.

    Examples
    --------
    >>> as_long(TrainSettings(epochs=40), pictures=1000, shown=4000).epochs
    10
    """
    times = pictures / shown
    epochs, patience = (max(1, round(count * times)) for count in (settings.epochs, settings.patience))
    return replace(settings, epochs=epochs, patience=patience)


def _corrected(cell: TreatedCell, name: str, model: Classifier, data: Dataset, parts: Split, rows: Ints) -> Ints:
    """(N,) answers with a corrector beside the classifier for each class that has less than an equal share.

    It alone has the pictures of *fit* besides, and its threshold is certified on *calibrate*.
    """
    counts = np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset))
    fitting = np.bincount(data.labels[parts.rows("fit")], minlength=len(data.labelset))
    targets = np.flatnonzero((counts < counts.sum() / (counts > 0).sum()) & (fitting >= FEWEST))
    beside = [built([name], model, int(target))[name] for target in targets]
    looked = np.unique(np.concatenate([parts.rows("fit"), rows]))
    bench = Workbench.of(model, data, cell.settings.train.augment, looked, beside)
    for corrector in beside:
        bench.fit(corrector, parts.rows("fit"))

    def said(of: Ints) -> tuple[Proposal, Ints]:
        seen = bench.seen(of)
        return together([one.propose(seen) for one in beside], seen.predicted), seen.predicted

    if not beside:
        return bench.seen(rows).predicted
    held = parts.rows("calibrate")
    proposal, base = said(held)
    calibration = Calibration(
        proposal.score, proposal.suggested, data.labels[held], base, linked(data)[held].astype(str)
    )
    thresholds = calibration.certified(data.labelset, cell.settings.policy, model.known.numpy()).thresholds
    return decide(*said(rows), thresholds).final


def _vectors(model: Classifier) -> str:
    """The feature that stands for the classifier's last layer but one."""
    return "hidden" if "hidden" in model.taps else f"{model.taps[-2]}/1"


def _sources(data: Dataset, rows: Ints) -> np.ndarray:
    return np.full(len(rows), "") if data.sources is None else data.sources[rows]
