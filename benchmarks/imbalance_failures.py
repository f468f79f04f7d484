"""Three failures of the report that mien's comparison began with, repeated and mended (METHOD §4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from common import Figure, mean_of_defined
from torch import Tensor
from torch.nn import functional

from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.imbalance import TrainPart
from mien.imbalance.resampling import oversampled
from mien.metrics.classification import f1, macro_recall, recall
from mien.models import saved
from mien.models.augment import augment
from mien.models.device import keep_freed_memory, one_thread, seed_everything
from mien.models.examples import Examples, to_tensor
from mien.models.latents import probabilities
from mien.models.settings import AugmentSettings, TrainSettings, changed
from mien.models.training import fit
from mien.report.treated import common_classes
from mien.types import Bools, Dataset, Floats, Ints

BASE = "oneconv"
TARGET = 3000
UNNATURAL = AugmentSettings(flip=0.5, rotate=40, shift=0.2, scale=0.3, light=0.5, erase=0)
"""Changes that no camera makes of a face."""
RATE = 1e-3
"""Of the plain loop, as Keras has it by default."""


def tables(settings: DataSettings, train: TrainSettings, seeds: tuple[int, ...]) -> dict[str, list[dict[str, Any]]]:
    """Title → lines."""
    one_thread()
    keep_freed_memory()
    data = prepare(settings)
    return {
        "scored on added rows, beside the test part": added_rows(data, train, seeds),
        "weights of 0.3 to 250": jumping(data, train, seeds),
        "only rare classes distorted": distorted(data, train, seeds),
    }


def added_rows(data: Dataset, train: TrainSettings, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """The report counted copies of training pictures as test pictures: its scores are of what was learnt by heart."""
    K, common = len(data.labelset), common_classes(data.counts())
    found: dict[str, list[float]] = {"with the added training rows": [], "on the test part": []}
    for seed in seeds:
        parts = split(data, seed)
        part = TrainPart(data.labels[parts.rows("train")], K, seed)
        learn = parts.rows("train")[oversampled(part, TARGET)]
        model = _trained(Examples.of(data, learn), train, seed, part.counts > 0, epochs=_epochs(train, part, learn))
        for title, of in zip(found, (np.concatenate([learn, parts.rows("test")]), parts.rows("test")), strict=True):
            answers = probabilities(model, data.pictures[of]).argmax(1)
            found[title].append(float(np.nanmean(f1(data.labels[of], answers, K).values[common])))
    return [{"scored": title, "macro F1": Figure.over(values, len(values), seeds)} for title, values in found.items()]


def jumping(data: Dataset, train: TrainSettings, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Raw weights make the step as large as the rarest picture in the batch is heavy: what is answered jumps about.

    The mend: weights that average 1 over each batch, a warm-up, clipped steps and averaged weights, which `fit` has.
    """
    lines = []
    for title, raw in (("a plain loop, weights as they are", True), ("mien, the same weights", False)):
        answered, shares, recalls = [], [], []
        for seed in seeds:
            parts = split(data, seed)
            counts = np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset))
            examples = Examples.of(data, parts.rows("train"))
            if raw:
                history, model = _plain_loop(data, examples, parts.rows("validation"), counts, train.epochs, seed)
            else:
                weighted = changed(train, {"weight_power": 1.0, "patience": train.epochs})
                history = []
                model = _trained(
                    examples, weighted, seed, counts > 0, watch=history, rows=parts.rows("validation"), data=data
                )
            answered.append(len(set(history)))
            answers = probabilities(model, data.pictures[parts.rows("test")]).argmax(1)
            truth = data.labels[parts.rows("test")]
            shares.append(Counter(answers.tolist()).most_common(1)[0][1] / len(answers))
            kept = np.isin(truth, np.flatnonzero(common_classes(data.counts())))
            recalls.append(macro_recall(truth[kept], answers[kept], len(data.labelset)))
        lines.append(
            {
                "training": title,
                "classes that were the most frequent answer in some epoch": Figure.over(answered, len(seeds), seeds),
                "share of the most frequent answer at the end": Figure.over(shares, len(seeds), seeds),
                "macro recall": Figure.over(recalls, len(seeds), seeds),
            }
        )
    return lines


def _plain_loop(
    data: Dataset, examples: Examples, validation: Ints, counts: Ints, epochs: int, seed: int
) -> tuple[list[int], Any]:
    """Adam, cross entropy times N/(K·n) as sklearn has it, nothing else; and the most frequent answer of each epoch."""
    generator = seed_everything(seed, 0)
    model = saved.build(BASE, counts > 0, colour=False)
    model.measure(to_tensor(examples.pixels[:4096]))
    weights = torch.tensor(np.where(counts > 0, counts.sum() / (len(counts) * np.maximum(counts, 1)), 0.0)).float()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    labels, history = torch.tensor(examples.labels), []
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(examples), generator=generator).split(32):
            if len(rows) < 2:
                continue
            pictures: Tensor = to_tensor(examples.pixels[rows.numpy()])
            loss = (
                functional.cross_entropy(model(pictures), labels[rows], reduction="none") * weights[labels[rows]]
            ).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(_most_answered(model.eval(), data, validation))
    return history, model.eval()


def distorted(data: Dataset, train: TrainSettings, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Rare classes alone got distorted copies, so a distorted picture meant "rare" and an undistorted one "neutral".

    The mend: every class is changed alike, at random, and as much as cameras do.
    """
    K = len(data.labelset)
    lines: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        parts = split(data, seed)
        part = TrainPart(data.labels[parts.rows("train")], K, seed)
        learn = parts.rows("train")[oversampled(part, TARGET)]
        rare = part.counts < TARGET
        generator = torch.Generator().manual_seed(seed)
        pixels = np.array(data.pictures[learn])
        copies = rare[data.labels[learn]] & ~_first(learn)
        pixels[copies] = _changed(pixels[copies], generator)
        test = parts.rows("test")
        seen = {"as they are": data.pictures[test], "distorted": _changed(data.pictures[test], generator)}
        still = changed(
            train, {f"augment_{name}": 0.0 for name in ("flip", "rotate", "shift", "scale", "light", "erase")}
        )
        targets = np.eye(K, dtype=np.float32)[data.labels[learn]]
        for title, own, settings in (
            ("distorted copies of rare classes alone", Examples(pixels, targets), still),
            ("every class changed alike, a little", Examples(data.pictures[learn], targets), train),
        ):
            model = _trained(own, settings, seed, part.counts > 0, epochs=_epochs(train, part, learn))
            for kind, pictures in seen.items():
                line = lines.setdefault(f"{title}|{kind}", {"rare": [], "common": []})
                answers = probabilities(model, pictures).argmax(1)
                values = recall(data.labels[test], answers, K).values
                enough = common_classes(data.counts())
                for name, which in (("rare", rare & enough), ("common", ~rare & enough)):
                    line[name].append(float(mean_of_defined(values[which])))
    found = []
    for key, line in lines.items():
        title, kind = key.split("|")
        named = {f"recall of {name} classes": Figure.over(values, len(seeds), seeds) for name, values in line.items()}
        found.append({"training": title, "test pictures": kind, **named})
    return found


def _epochs(train: TrainSettings, part: TrainPart, learn: Ints) -> int:
    """As many steps as without the copies."""
    return max(1, round(train.epochs * len(part.labels) / len(learn)))


def _first(rows: Ints) -> Bools:
    """(N,) whether a row stands there for the first time."""
    found = np.zeros(len(rows), bool)
    found[np.unique(rows, return_index=True)[1]] = True
    return found


def _changed(pixels: Any, generator: torch.Generator) -> Any:
    lots = [augment(to_tensor(lot), UNNATURAL, generator) for lot in np.array_split(pixels, max(1, len(pixels) // 512))]
    return (torch.cat(lots).clamp(0, 1) * 255).round().byte().numpy()[:, 0]


def _most_answered(model: Any, data: Dataset, rows: Ints) -> int:
    answers: Floats = probabilities(model, data.pictures[rows])
    return int(np.bincount(answers.argmax(1), minlength=answers.shape[1]).argmax())


def _trained(
    examples: Examples,
    train: TrainSettings,
    seed: int,
    known: Bools,
    *,
    epochs: int = 0,
    watch: list[int] | None = None,
    rows: Ints | None = None,
    data: Dataset | None = None,
) -> Any:
    """A model of the last epoch; `watch` gets the most frequent answer on `rows` of each epoch."""
    settings = replace(
        train, epochs=epochs or train.epochs, weight_power=train.weight_power if watch is not None else 0.0
    )
    seed_everything(seed, 0)
    model = saved.build(BASE, known, colour=False)

    def look(_: Any) -> None:
        if watch is not None and data is not None and rows is not None:
            watch.append(_most_answered(model.eval(), data, rows))
            model.train()

    fit(model, examples, None, settings, seed=seed, progress=look)
    return model


def between_pixels(data: Dataset, seed: int) -> list[dict[str, Any]]:
    """How blurred SMOTE's pictures are when it works on pixels: the mean of two faces is no face."""
    from imblearn.over_sampling import SMOTE

    rows = split(data, seed).rows("train")
    labels, pixels = data.labels[rows], data.pictures[rows].reshape(len(rows), -1).astype(np.float32)
    counts = np.bincount(labels, minlength=len(data.labelset))
    rare = [c for c in np.flatnonzero(common_classes(data.counts())) if counts[c] < counts.max() / 2]
    wanted = {int(c): int(2 * counts[c]) for c in rare}
    made, given = SMOTE(sampling_strategy=wanted, random_state=seed).fit_resample(pixels, labels)
    side = data.pictures.shape[1]
    lines = []
    for c in rare:
        new = made[len(rows) :][given[len(rows) :] == c].reshape(-1, side, side)
        own = _sharpness(pixels[labels == c].reshape(-1, side, side))
        lines.append(
            {"class": data.labelset.names[c], "sharpness of real pictures": own, "of made ones": _sharpness(new)}
        )
    return lines


def _sharpness(pictures: Any) -> float:
    """Mean slope of the light, grey values a pixel."""
    down, across = np.gradient(pictures, axis=(1, 2))
    return float(np.hypot(down, across).mean())
