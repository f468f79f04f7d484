"""The k of nearest neighbours: on pixels, and on the latents of the network without a treatment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Figure
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.experiments.layers import last_layer, last_vectors
from mien.imbalance import TrainPart, class_weights
from mien.imbalance.neighbours import knn_predict
from mien.metrics.classification import common_classes, macro_recall
from mien.nets import saved
from mien.nets.extraction import extract

NEIGHBOURS = (1, 5, 21, 51, 101, 201)


def table(folder: Path, settings: DataSettings, network: str, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """A line for each k. The network is that of a comparison in `folder`."""
    found: dict[tuple[str, int], list[float]] = {}
    for seed in seeds:
        for key, value in _of_seed(folder / "cells" / f"seed{seed}" / network / "none", settings, seed).items():
            found.setdefault(key, []).append(value)
    lines = []
    for k in NEIGHBOURS:
        own = {of: values for (of, number), values in found.items() if number == k}
        lines.append({"k": k, **{of: Figure.over(values, len(values), seeds) for of, values in own.items()}})
    return lines


def _of_seed(network: Path, settings: DataSettings, seed: int) -> dict[tuple[str, int], float]:
    """(what is compared, k) → macro recall on *calibrate*."""
    data = prepare(settings)
    parts, K = split(data, seed), len(data.labelset)
    learn, judge = parts.rows("train"), parts.rows("calibrate")
    judge = judge[common_classes(data.counts())[data.labels[judge]]]
    part, truth = TrainPart(data.labels[learn], K), data.labels[judge]
    model, _ = saved.load(network)
    outputs = [extract(model, data.pictures[of], data.ids[of], vectors=last_layer(model)) for of in (learn, judge)]
    seen = {
        "pixels": [data.pictures[of].reshape(len(of), -1).astype(np.float32) for of in (learn, judge)],
        "latents": [last_vectors(model, one) for one in outputs],
    }
    found = {}
    for of, (vectors, new) in seen.items():
        for name, power in ((of, 0.0), (f"{of}, votes weigh N/n", 1.0)):
            for k in NEIGHBOURS:
                probs = knn_predict(part, vectors, new, k, class_weights(part.counts, power))
                found[name, k] = macro_recall(truth, probs.argmax(1), K)
    return found
