"""How fast a CUDA device trains a base classifier, and whether it does so the same way every time.

    python -m benchmarks.speed.gpu --data PATH/TO/PICTURES

The plain loop of reference_loop.py has the device, pinned memory and a worker for every core; mien is measured with its
steps started kernel by kernel, recorded as graphs (what it does by default), and with several models at once. Nothing
else should run on the machine meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Figure, Parts, Result, described, do_all, main, parser, parts_of, seeds_of, settings_of
from benchmarks.speed import reference_loop
from benchmarks.speed.run import BATCH, files
from mien.errors import UsageError
from mien.machine import cores
from mien.metrics.classification import macro_recall
from mien.nets import saved, training
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import TrainSettings
from mien.nets.step import Step

EPOCHS = 5
AT_ONCE = 4


@dataclass(frozen=True)
class Training:
    """One training by mien, in any process; when it began and ended is written to `out`."""

    source: str
    quick: bool
    base: str
    settings: TrainSettings
    seed: int
    out: str = ""

    def parts(self) -> Parts:
        return parts_of(settings_of(self.source, quick=self.quick, labels="plurality"), None, self.seed)

    @property
    def shown(self) -> int:
        return len(self.parts().rows["train"]) // BATCH * BATCH * self.settings.epochs


def trained(task: Training, checkpoint: Path | None = None, killed_after: int = 0) -> tuple[Network, float]:
    """The model and the seconds that its training took."""
    parts = task.parts()
    examples, validation = (Examples.of(parts.data, parts.rows[part]) for part in ("train", "validation"))
    seed_everything(task.seed, 0)
    model = saved.build(task.base, np.ones(len(parts.data.labelset), bool), colour=False)

    def kill(epoch: training.Epoch) -> None:
        if epoch["epoch"] == killed_after:
            raise KeyboardInterrupt

    start = time.perf_counter()
    training.fit(model, examples, validation, task.settings, seed=task.seed, checkpoint=checkpoint, progress=kill)
    return model, time.perf_counter() - start


def timed(task: Training) -> None:
    """Train twice, the first time a short one that loads libraries; write when the second began and ended."""
    trained(replace(task, settings=replace(task.settings, epochs=1)))
    start = time.time()
    trained(task)
    Path(task.out, f"{task.seed}.txt").write_text(f"{start} {time.time()}")


@contextmanager
def kernel_by_kernel() -> Iterator[None]:
    """Training without recorded steps."""
    before = training.step_on
    training.step_on = lambda device: Step
    try:
        yield
    finally:
        training.step_on = before


def judged(model: Network, parts: Parts) -> float:
    """Macro recall on the correct part."""
    rows = parts.rows["correct"]
    answers = probabilities(model, parts.data.pictures[rows]).argmax(1)
    return macro_recall(parts.data.labels[rows], answers, len(parts.data.labelset))


def alone(result: Result, make: Training, seeds: tuple[int, ...]) -> list[dict[str, object]]:
    """Lines of one model at a time: the plain loop, mien kernel by kernel, mien recorded."""
    lines = []
    for name in ("plain PyTorch loop", "mien, kernel by kernel", "mien"):
        rates, recalls = [], []
        for seed in (seeds[0], *seeds):  # the first of all loads libraries; it is left out
            task = replace(make, seed=seed)
            if name.startswith("plain"):
                start = time.perf_counter()
                pictures = files(task.parts(), "train", train=True)
                classes, epochs = len(task.parts().data.labelset), task.settings.epochs
                network = reference_loop.train(pictures, classes, epochs, BATCH, seed, "cuda", cores())
                seconds = time.perf_counter() - start
                judge = files(task.parts(), "correct", train=False)
                answers = reference_loop.predict(network, judge, 256)[0].argmax(1)
                recall = macro_recall(np.array(judge.labels), answers, classes)
            elif "kernel" in name:
                with kernel_by_kernel():
                    model, seconds = trained(task)
                recall = judged(model, task.parts())
            else:
                model, seconds = trained(task)
                recall = judged(model, task.parts())
            rates.append(task.shown / seconds)
            recalls.append(recall)
        rate, recall_over = (Figure.over(values[1:], len(seeds), seeds) for values in (rates, recalls))
        lines.append({"loop": name, "models at once": 1, "pictures/s": rate, "macro recall": recall_over})
    return lines


def together(make: Training, count: int) -> dict[str, object]:
    """A line of several models at once, each in a process of its own."""
    with TemporaryDirectory() as out:
        tasks = [replace(make, seed=seed, out=out) for seed in range(count)]
        do_all(timed, tasks, count)
        times = [tuple(map(float, Path(out, f"{seed}.txt").read_text().split())) for seed in range(count)]
    seconds = max(end for _, end in times) - min(start for start, _ in times)
    return {"loop": "mien", "models at once": count, "pictures/s": sum(task.shown for task in tasks) / seconds}


def same(one: Network, other: Network) -> float:
    """Largest difference between the weights of two models."""
    state = other.state_dict()
    return max(float((value.float() - state[name].float()).abs().max()) for name, value in one.state_dict().items())


def repeated(make: Training, device: str) -> dict[str, object]:
    """Whether a training gives the same weights again, and when it was killed half-way."""
    task = replace(make, settings=replace(make.settings, epochs=4, device=device))
    first, again = trained(task)[0], trained(task)[0]
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint.safetensors")
        try:
            trained(task, checkpoint, killed_after=2)
        except KeyboardInterrupt:
            resumed = trained(task, checkpoint)[0]
    return {
        "base": make.base, "device": device,
        "largest difference, repeated": same(first, again), "killed and resumed": same(first, resumed),
    }  # fmt: skip


def run() -> None:
    """Measure everything, print the tables, write the result."""
    options = parser(__doc__ or "", tests=False).parse_args()
    if not torch.cuda.is_available():
        raise UsageError("no CUDA device is there", place="benchmarks/speed/gpu.py", remedy="run it where there is one")
    seeds, settings = seeds_of(options), TrainSettings(epochs=2 if options.quick else EPOCHS, device="cuda")
    result = Result("gpu", options, {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda})
    for base in ("attention", "residual"):
        make = Training(options.data, options.quick, base, settings, seeds[0])
        lines = alone(result, make, seeds) if base == "attention" else []
        lines.append(together(make, AT_ONCE))
        result.table(f"Training {base}, {settings.epochs} epochs of batches of {BATCH}", lines)
        for line in lines:
            key = f"{base}_{str(line['loop']).replace(', ', '_').replace(' ', '_')}_{line['models at once']}"
            rate = line["pictures/s"]
            result.figures[key] = rate if isinstance(rate, Figure) else Figure.over([float(str(rate))], 1)
    make = Training(options.data, options.quick, "attention", settings, seeds[0])
    result.table("The same again", [repeated(replace(make, base=base), "cuda") for base in ("attention", "residual")])
    result.write(described(make.parts()))


if __name__ == "__main__":
    main(run)
