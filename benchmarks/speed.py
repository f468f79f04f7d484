"""How fast mien is beside the plain loop of reference_loop.py, and how far from what the processor can do.

    python benchmarks/speed.py --data PATH/TO/ferplus

Everything is measured in one run, one thing at a time: nothing else should run on the machine meanwhile. The data must
be picture files, which the plain loop reads; drawn faces are written to files first.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import processor
import reference_loop
from common import Figure, Parts, Result, described, main, parser, parts_of, seeds_of, settings_of
from footprint import faces_per_second, help_seconds, memory, start_seconds

from mien.data.faces import FaceSettings, draw, write
from mien.metrics.classification import macro_recall
from mien.models import saved
from mien.models.classifier import Classifier
from mien.models.device import seed_everything
from mien.models.examples import Examples
from mien.models.latents import probabilities
from mien.models.settings import TrainSettings
from mien.models.training import fit
from mien.runs import write_text
from mien.study.engines import processes
from mien.study.results import Corrected

BATCH = 32
EPOCHS = 12


@dataclass(frozen=True)
class Training:
    """One training by mien, in a process of its own; what it was like is written to `out`."""

    source: str
    quick: bool
    seed: int
    epochs: int
    threads: int
    out: str


def train(task: Training) -> None:
    """Train, judge on the correct part, and write pictures a second and macro recall."""
    parts = parts_of(settings_of(task.source, quick=task.quick), None, task.seed)
    settings = TrainSettings(epochs=task.epochs, patience=task.epochs, batch_size=BATCH, threads=task.threads)
    model, started, seen = trained(parts, settings, task.seed)
    card = saved.ModelCard("attention", parts.data.labelset.names, (True,) * len(model.known), 48, False, "pad")
    saved.save(model, card, Path(task.out))
    found = {"started": started, "ended": time.time(), "pictures": seen, "macro_recall": judged(parts, model)}
    write_text(Path(task.out, "found.json"), json.dumps(found))


def trained(parts: Parts, settings: TrainSettings, seed: int) -> tuple[Classifier, float, int]:
    """A model, when its training began, and how many pictures it was shown."""
    examples, validation = (Examples.of(parts.data, parts.rows[part]) for part in ("train", "validation"))
    seed_everything(seed, 0)
    model = saved.build("attention", np.ones(len(parts.data.labelset), bool), colour=False)
    started = time.time()
    history = fit(model, examples, validation, settings, seed=seed)
    return model, started, len(history) * (len(examples) // settings.batch_size) * settings.batch_size


def judged(parts: Parts, model: Classifier) -> float:
    """Macro recall on the correct part."""
    rows = parts.rows["correct"]
    answers = probabilities(model, parts.data.pictures[rows]).argmax(1)
    return macro_recall(parts.data.labels[rows], answers, len(parts.data.labelset))


def plain(parts: Parts, part: str, *, train: bool) -> reference_loop.Pictures:
    """A part, as the plain loop wants it."""
    rows = parts.rows[part]
    paths = [Path(path) for path in parts.data.paths[rows].tolist()]
    return reference_loop.Pictures(paths, parts.data.labels[rows].tolist(), 48, train)


def training(result: Result, source: str, seeds: tuple[int, ...], epochs: int, folder: Path) -> Path:
    """The table of training: the plain loop, one model on all cores, a study's models one on each core."""
    quick = result.options.quick
    make = partial(Training, source, quick, epochs=epochs)
    alone = make(seed=seeds[0], threads=2, out=str(folder / "alone"))
    cells = [
        make(seed=seed, threads=1, out=str(folder / f"cell{seed}"))
        for seed in (*seeds, seeds[-1] + 1)[: max(2, len(seeds))]
    ]
    slow = []
    for seed in seeds:
        parts = parts_of(settings_of(source, quick=quick), None, seed)
        network, rate = reference_loop.train(
            plain(parts, "train", train=True), len(parts.data.labelset), epochs, BATCH, seed
        )
        answers = reference_loop.predict(network, plain(parts, "correct", train=False), 256)[0].argmax(1)
        recall = macro_recall(parts.data.labels[parts.rows["correct"]], answers, len(parts.data.labelset))
        slow.append({"rate": rate, "macro_recall": recall})
    processes(train, [alone], lambda: None)
    processes(train, cells[:2], lambda: None)
    processes(train, cells[2:], lambda: None) if cells[2:] else None
    found = {task: json.loads(Path(task.out, "found.json").read_text()) for task in (alone, *cells)}
    single = found[alone]["pictures"] / (found[alone]["ended"] - found[alone]["started"])
    pair = [found[task] for task in cells[:2]]
    both = sum(one["pictures"] for one in pair) / (
        max(one["ended"] for one in pair) - min(one["started"] for one in pair)
    )
    reference = Figure.over([one["rate"] for one in slow], len(seeds), seeds)
    recalls = Figure.over([found[task]["macro_recall"] for task in cells[: len(seeds)]], len(seeds), seeds)
    result.table(f"Training, {epochs} epochs of batches of {BATCH}", [
        {"loop": "plain PyTorch loop", "pictures/s": reference.value, "ratio": 1.0,
         "macro recall": Figure.over([one["macro_recall"] for one in slow], len(seeds), seeds)},
        {"loop": "mien, one model on both cores", "pictures/s": single, "ratio": single / reference.value,
         "macro recall": found[alone]["macro_recall"]},
        {"loop": "mien, two models of a study at once", "pictures/s": both, "ratio": both / reference.value,
         "macro recall": recalls},
    ])  # fmt: skip
    result.figures["train_ratio"] = Figure(
        both / reference.value, both / reference.high, both / reference.low, 2, seeds
    )
    result.figures["train_pictures_per_second"] = Figure.over([both], 2, seeds)
    return Path(alone.out)


def inference(result: Result, source: str, model_folder: Path) -> None:
    """The table of inference: picture files to probabilities."""
    parts = parts_of(settings_of(source, quick=result.options.quick), None, 0)
    pictures = plain(parts, "correct", train=False)
    network = reference_loop.Network(len(parts.data.labelset))
    slow = [reference_loop.predict(network, pictures, 256)[1] for _ in range(3)]
    corrected = Corrected(*saved.load(model_folder))
    fast = []
    for _ in range(4):
        start = time.perf_counter()
        corrected.answer(pictures.paths)
        fast.append(len(pictures) / (time.perf_counter() - start))
    fast = fast[1:]  # the first also loads libraries
    result.table("Inference, picture files to probabilities", [
        {"loop": "plain PyTorch loop", "pictures/s": Figure.over(slow, len(pictures)).value, "ratio": 1.0},
        {"loop": "mien", "pictures/s": np.mean(fast), "ratio": np.mean(fast) / np.mean(slow)},
    ])  # fmt: skip
    ratio = np.mean(fast) / np.mean(slow)
    result.figures["inference_ratio"] = Figure(ratio, min(fast) / max(slow), max(fast) / min(slow), len(pictures), ())


def run() -> None:
    """Measure everything, print the tables, write the result."""
    options = parser(__doc__ or "").parse_args()
    epochs = 1 if options.quick else EPOCHS
    result = Result("speed", options, {"train": asdict(TrainSettings()), "epochs": epochs})
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = options.data
        if source.startswith("faces"):
            write(draw(FaceSettings.parse(source)), folder / "faces")
            source = str(folder / "faces")
        parts = parts_of(settings_of(source, quick=options.quick), None, 0)
        model = training(result, source, seeds_of(options), epochs, folder)
        inference(result, source, model)
        processor.report(result)
        result.table("Elsewhere", [help_seconds(result), faces_per_second(result), start_seconds(result, source)])
        result.table("Memory", memory(source, folder, [Path(path) for path in parts.data.paths.tolist()]))
        result.write(described(parts))


if __name__ == "__main__":
    main(run)
