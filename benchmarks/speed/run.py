"""How fast mien is beside the plain loop of reference_loop.py, and how far from what the processor can do.

    python -m benchmarks.speed.run --data PATH/TO/ferplus

Everything is measured in one run, one thing at a time: nothing else should run on the machine meanwhile. The data must
be picture files, which the plain loop reads; drawn faces are written to files first.
"""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Figure, Parts, Result, described, do_all, main, parser, parts_of, seeds_of, settings_of
from benchmarks.speed import processor, reference_loop
from benchmarks.speed.agreement import agreement
from benchmarks.speed.footprint import faces_per_second, help_seconds, memory, start_seconds
from mien.classifiers.network import NetworkClassifier
from mien.data.faces import FaceSettings, draw, write
from mien.data.images import decode
from mien.deploy.predictor import Predictor
from mien.experiments.executor import Executor, Processes, Serial
from mien.machine import cores
from mien.metrics.classification import macro_recall
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.training import fit
from mien.storage.files import write_text

BATCH = 32
EPOCHS = 10


@dataclass(frozen=True)
class Training:
    """One training, by mien or by the plain loop, in a process of its own; what it was like is written to `out`."""

    source: str
    quick: bool
    epochs: int
    out: str
    plain: bool
    seed: int
    threads: int

    def parts(self) -> Parts:
        """Read the data without votes, which the plain loop does not learn from."""
        return parts_of(settings_of(self.source, quick=self.quick, labels="plurality"), None, self.seed)

    @property
    def found(self) -> Path:
        return Path(self.out, f"{'plain' if self.plain else 'mien'}-{self.seed}-{self.threads}", "found.json")


def train(task: Training) -> None:
    """Train, judge on the correct part, and write when it was, how many pictures were shown, and the macro recall."""
    parts = task.parts()
    rows, classes = parts.rows["correct"], len(parts.data.labelset)
    torch.set_num_threads(task.threads)
    started = time.time()
    if task.plain:
        pictures = files(parts, "train", train=True)
        network = reference_loop.train(pictures, classes, task.epochs, BATCH, task.seed)
        ended = time.time()
        answers = reference_loop.predict(network, files(parts, "correct", train=False), 256)[0].argmax(1)
    else:
        model = by_mien(parts, task)
        ended = time.time()
        answers = probabilities(model, parts.data.pictures[rows]).argmax(1)
        card = saved.ModelCard("attention", parts.data.labelset.names, (True,) * classes, 48, False, "pad")
        saved.save(model, card, task.found.parent)
    shown = len(parts.rows["train"]) // BATCH * BATCH * task.epochs
    recall = macro_recall(parts.data.labels[rows], answers, classes)
    write_text(task.found, json.dumps({"started": started, "ended": ended, "shown": shown, "macro_recall": recall}))


def by_mien(parts: Parts, task: Training) -> Network:
    """A model with mien's default settings, but for the number of epochs."""
    examples, validation = (Examples.of(parts.data, parts.rows[part]) for part in ("train", "validation"))
    settings = TrainSettings(
        epochs=task.epochs, patience=task.epochs, batch_size=BATCH, threads=task.threads, device="cpu"
    )
    seed_everything(task.seed, 0)
    model = saved.build("attention", np.ones(len(parts.data.labelset), bool), colour=False)
    fit(model, examples, validation, settings, seed=task.seed)
    return model


def files(parts: Parts, part: str, *, train: bool) -> reference_loop.Pictures:
    """A part, as the plain loop wants it."""
    rows = parts.rows[part]
    paths = [Path(path) for path in parts.data.paths[rows].tolist()]
    return reference_loop.Pictures(paths, parts.data.labels[rows].tolist(), 48, train)


def at_once(tasks: list[Training], extra: float = 0.0) -> tuple[float, list[float]]:
    """Do the trainings at the same time: pictures a second of them all, and their macro recalls."""
    do_all(train, tasks, len(tasks))
    found = [json.loads(task.found.read_text()) for task in tasks]
    seconds = max(one["ended"] for one in found) - min(one["started"] for one in found) + extra
    return sum(one["shown"] for one in found) / seconds, [one["macro_recall"] for one in found]


def decoding(parts: Parts) -> float:
    """Seconds to decode the training part, which mien does once and the plain loop every epoch."""
    listed = parts.data.take(parts.rows["train"]).replace(pixels=None, hashes=None)
    start = time.perf_counter()
    decode(listed, keep=False)
    return time.perf_counter() - start


def training(result: Result, source: str, seeds: tuple[int, ...], epochs: int, folder: Path) -> Path:
    """The table of training: each loop with one model on all cores, and with a model on each core."""
    make = partial(Training, source, result.options.quick, epochs, str(folder))
    once = decoding(make(False, seeds[0], 1).parts())
    lines: dict[tuple[bool, bool], tuple[list[float], list[float]]] = {}
    for plain in (True, False):
        extra = 0.0 if plain else once
        alone = [at_once([make(plain, seed, cores())], extra) for seed in seeds]
        lines[plain, False] = [rate for rate, _ in alone], [recalls[0] for _, recalls in alone]
        each = [make(plain, seeds[0] + number, 1) for number in range(cores())]
        rate, recalls = at_once(each, extra)
        lines[plain, True] = [rate], recalls
    slow, slow_each = (float(np.mean(lines[True, many][0])) for many in (False, True))
    table = []
    for (plain, many), (rates, recalls) in lines.items():
        name = "plain PyTorch loop" if plain else "mien"
        rate = Figure.over(rates, len(rates), seeds)
        table.append({
            "loop": f"{name}, {'one model on each core' if many else 'one model on all cores'}",
            "pictures/s": rate.value, "times the plain loop": rate.value / slow,
            "times a plain loop on each core": rate.value / slow_each,
            "macro recall": Figure.over(recalls, len(recalls), seeds),
        })  # fmt: skip
        key = f"{'plain' if plain else 'mien'}_{'cells' if many else 'alone'}"
        result.figures[f"{key}_pictures_per_second"] = rate
        result.figures[f"{key}_macro_recall"] = Figure.over(recalls, len(recalls), seeds)
    result.table(f"Training, {epochs} epochs of batches of {BATCH}, the same network", table)
    for key, column in (("train_ratio", "the plain loop"), ("train_ratio_each_core", "a plain loop on each core")):
        result.figures[key] = Figure.over([table[-1][f"times {column}"]], cores(), seeds)
    return make(False, seeds[0], cores()).found.parent


def agreeing(result: Result, source: str, seed: int, epochs: int, folder: Path) -> None:
    """The table of agreement: one epoch by each engine, and the models of the table of training by threads."""
    make = partial(Training, source, result.options.quick, plain=False, seed=seed)
    by_engine = []
    executors: dict[str, Executor] = {"serial": Serial(), "processes": Processes(1)}
    for name, executor in executors.items():
        task = make(1, str(folder / name), threads=1)
        list(executor.map(train, [task]))
        by_engine.append(task.found.parent)
    by_threads = [make(epochs, str(folder), threads=threads).found.parent for threads in (1, cores())]
    agreement(result, task.parts(), (by_engine[0], by_engine[1]), (by_threads[0], by_threads[1]))


def inference(result: Result, source: str, model_folder: Path) -> None:
    """The table of inference: picture files to probabilities. The first run of each loads libraries; it is left out."""
    parts = parts_of(settings_of(source, quick=result.options.quick), None, 0)
    pictures = files(parts, "correct", train=False)
    network = reference_loop.Network(len(parts.data.labelset))
    lines = {"plain PyTorch loop": [reference_loop.predict(network, pictures, 256)[1] for _ in range(4)][1:]}
    model, card = saved.load(model_folder)
    for name, mirrored in (("mien, each picture once", False), ("mien, with the mirror image (default)", True)):
        model.flip_tta = mirrored
        times = []
        for _ in range(4):
            start = time.perf_counter()
            deque(Predictor(NetworkClassifier(model, card)).stream_files(pictures.paths), maxlen=0)
            times.append(time.perf_counter() - start)
        lines[name] = [len(pictures) / seconds for seconds in times[1:]]
    slow = lines["plain PyTorch loop"]
    table = []
    for name, rates in lines.items():
        ratio = Figure(
            np.mean(rates) / np.mean(slow), min(rates) / max(slow), max(rates) / min(slow), len(pictures), ()
        )
        table.append({"loop": name, "pictures/s": np.mean(rates), "times the plain loop": ratio})
        key = "inference_ratio_mirrored" if "mirror image" in name else "inference_ratio"
        if name != "plain PyTorch loop":
            result.figures[key] = ratio
    result.table("Inference, picture files to probabilities", table)


def run() -> None:
    """Measure everything, print the tables, write the result."""
    options = parser(__doc__ or "", tests=False).parse_args()
    epochs = 1 if options.quick else EPOCHS
    result = Result("speed", options, {"train": asdict(TrainSettings()), "epochs": epochs})
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = options.data
        if source.startswith("synthetic"):
            write(draw(FaceSettings.parse(source)), folder / "faces")
            source = str(folder / "faces")
        parts = parts_of(settings_of(source, quick=options.quick), None, 0)
        model = training(result, source, seeds_of(options), epochs, folder)
        inference(result, source, model)
        agreeing(result, source, seeds_of(options)[0], epochs, folder)
        processor.report(result)
        result.table("Elsewhere", [help_seconds(result), faces_per_second(result), start_seconds(result, source)])
        result.table("Memory", memory(source, folder, [Path(path) for path in parts.data.paths.tolist()]))
        result.write(described(parts))


if __name__ == "__main__":
    main(run)
