"""How far results depend on threads and engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import Figure, Parts, Result
from mien.machine import cores
from mien.metrics.classification import macro_recall
from mien.nets import saved
from mien.nets.extraction import probabilities


def agreement(result: Result, parts: Parts, engines: tuple[Path, Path], threads: tuple[Path, Path]) -> None:
    """The table, judged on the correct part.

    Parameters
    ----------
    engines : folders of two models of the same training, by the engine "serial" and by "processes".
    threads : the same, with one thread and with as many as there are cores.
    """
    rows = parts.rows["correct"]
    pixels, labels = parts.data.pictures[rows], parts.data.labels[rows]
    read = {folder: answers(folder, pixels, 1) for folder in (*engines, *threads)}
    pairs = {
        "one model, read out by one thread or by all cores": (read[threads[0]], answers(threads[0], pixels, cores())),
        "trained in one process or in another": (read[engines[0]], read[engines[1]]),
        "trained by one thread or by all cores": (read[threads[0]], read[threads[1]]),
    }
    table = [{"the same but": what, **compared(one, other, labels)} for what, (one, other) in pairs.items()]
    for key, line in zip(("reading_threads", "engines", "training_threads"), table, strict=True):
        result.figures[f"same_answers_{key}"] = Figure.over([line["same answers"]], len(rows))
    result.table("Agreement of threads and engines, correct part", table)


def compared(one: np.ndarray, other: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Two readings of the same pictures, (N, K) probabilities each."""
    first, second = one.argmax(1), other.argmax(1)
    recalls = [macro_recall(labels, found, one.shape[1]) for found in (first, second)]
    return {
        "same answers": float((first == second).mean()),
        "largest difference of a probability": float(np.abs(one - other).max()),
        "change in macro recall": recalls[1] - recalls[0],
    }


def answers(folder: Path, pixels: np.ndarray, threads: int) -> np.ndarray:
    """(N, K) probabilities by a saved model."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = probabilities(saved.load(folder)[0], pixels)
    torch.set_num_threads(before)
    return found
