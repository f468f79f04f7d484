"""Three failures of the report that mien's comparison began with, repeated and mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.common import Figure, mean_of_defined
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.imbalance import TrainPart
from mien.imbalance.resampling import oversampled
from mien.imbalance.treatments import STILL
from mien.metrics.classification import common_classes, f1, macro_recall, recall
from mien.nets import saved
from mien.nets.augment import augment
from mien.nets.device import keep_freed_memory, one_thread, seed_everything
from mien.nets.examples import Examples, to_tensor
from mien.nets.extraction import probabilities
from mien.nets.network import Network
from mien.nets.settings import AugmentSettings, TrainSettings, with_changes
from mien.nets.training import fit
from mien.types import Bools, Dataset, Ints

BASE = "oneconv"
TARGET = 3000
UNNATURAL = AugmentSettings(flip=0.5, rotate=40, shift=0.2, scale=0.3, light=0.5, erase=0)
"""Changes that no camera makes of a face."""
Look = Callable[[Network], object]
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
        model = _trained(replace(Examples.of(data, learn), epoch=len(part.labels)), unweighted(train), seed)
        for title, of in zip(found, (np.concatenate([learn, parts.rows("test")]), parts.rows("test")), strict=True):
            answers = probabilities(model, data.pictures[of]).argmax(1)
            found[title].append(float(np.nanmean(f1(data.labels[of], answers, K).values[common])))
    return [{"scored": title, "macro F1": Figure.over(values, len(values), seeds)} for title, values in found.items()]


def jumping(data: Dataset, train: TrainSettings, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Raw weights make the loss as large as the rarest picture in the batch is heavy: does what is answered jump about?

    The first mend is to divide by the sum of the weights in the batch; mien's loop has a warm-up, clipped steps and
    averaged weights besides.
    """
    weighted = with_changes(train, {"weight_power": 1.0, "class_weight_target": "pictures", "patience": train.epochs})
    arms: dict[str, Callable[[Examples, int, Look], Network]] = {
        "a plain loop, weights as they are": partial(_plain_loop, train.epochs, False),
        "the same loop, weights that average 1 in a batch": partial(_plain_loop, train.epochs, True),
        "mien, the same weights": lambda examples, seed, look: _trained(examples, weighted, seed, look),
    }
    kept, lines = np.flatnonzero(common_classes(data.counts())), []
    for title, arm in arms.items():
        answered, shares, recalls = [], [], []
        for seed in seeds:
            parts, history = split(data, seed), []
            examples, watched = Examples.of(data, parts.rows("train")), data.pictures[parts.rows("validation")]

            def look(model: Network, watched: Any = watched, history: list[int] = history) -> None:
                history.append(int(np.bincount(probabilities(model, watched).argmax(1)).argmax()))

            answers = probabilities(arm(examples, seed, look), data.pictures[parts.rows("test")]).argmax(1)
            truth = data.labels[parts.rows("test")]
            answered.append(len(set(history)))
            shares.append(Counter(answers.tolist()).most_common(1)[0][1] / len(answers))
            own = np.isin(truth, kept)
            recalls.append(macro_recall(truth[own], answers[own], len(data.labelset)))
        named = {
            "classes that were the most frequent answer in some epoch": answered,
            "share of the most frequent answer at the end": shares,
            "macro recall": recalls,
        }
        lines.append({"training": title, **{name: Figure.over(of, len(seeds), seeds) for name, of in named.items()}})
    return lines


def _plain_loop(epochs: int, normalised: bool, examples: Examples, seed: int, look: Look) -> Network:
    """Adam, cross entropy times N/(K·n) as sklearn has it, nothing else."""
    generator = seed_everything(seed, 0)
    counts = np.bincount(examples.labels, minlength=examples.targets.shape[1])
    model = saved.build(BASE, counts > 0, colour=False)
    model.measure(to_tensor(examples.pixels[:4096]))
    weights = torch.tensor(np.where(counts > 0, counts.sum() / (len(counts) * np.maximum(counts, 1)), 0.0)).float()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    labels = torch.tensor(examples.labels)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(examples), generator=generator).split(32):
            if len(rows) < 2:
                continue
            pictures, own = to_tensor(examples.pixels[rows.numpy()]), weights[labels[rows]]
            own = own / own.mean() if normalised else own
            loss = (functional.cross_entropy(model(pictures), labels[rows], reduction="none") * own).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        look(model.eval())
    return model.eval()


def distorted(data: Dataset, train: TrainSettings, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Rare classes alone got distorted copies, so a distorted picture meant "rare" and an undistorted one "neutral".

    Two mends, one at a time: every class distorted alike, and every class changed no more than cameras do.
    """
    K = len(data.labelset)
    lines: dict[tuple[str, str], dict[str, list[float]]] = {}
    still = with_changes(unweighted(train), STILL)
    for seed in seeds:
        parts = split(data, seed)
        part = TrainPart(data.labels[parts.rows("train")], K, seed)
        learn = parts.rows("train")[oversampled(part, TARGET)]
        rare, generator = part.counts < TARGET, torch.Generator().manual_seed(seed)
        pixels, targets = np.array(data.pictures[learn]), np.eye(K, dtype=np.float32)[data.labels[learn]]
        copies = rare[data.labels[learn]] & ~_first(learn)
        half = np.random.default_rng(seed).random(len(learn)) < 0.5
        test = parts.rows("test")
        seen = {"as they are": data.pictures[test], "distorted": _changed(data.pictures[test], generator)}
        for title, which, settings in (
            ("distorted copies of rare classes alone", copies, still),
            ("half of every class distorted as much", half, still),
            ("every class changed alike, a little", np.zeros(len(learn), bool), unweighted(train)),
        ):
            shown = pixels.copy()
            if which.any():
                shown[which] = _changed(shown[which], generator)
            model = _trained(Examples(shown, targets, len(part.labels)), settings, seed)
            for kind, pictures in seen.items():
                line = lines.setdefault((title, kind), {"rare": [], "common": []})
                values = recall(data.labels[test], probabilities(model, pictures).argmax(1), K).values
                enough = common_classes(data.counts())
                for name, own in (("rare", rare & enough), ("common", ~rare & enough)):
                    line[name].append(float(mean_of_defined(values[own])))
    found = []
    for (title, kind), line in lines.items():
        named = {f"recall of {name} classes": Figure.over(values, len(seeds), seeds) for name, values in line.items()}
        found.append({"training": title, "test pictures": kind, **named})
    return found


def unweighted(train: TrainSettings) -> TrainSettings:
    """The same without class weights."""
    return replace(train, weight_power=0.0)


def _first(rows: Ints) -> Bools:
    """(N,) whether a row stands there for the first time."""
    found = np.zeros(len(rows), bool)
    found[np.unique(rows, return_index=True)[1]] = True
    return found


def _changed(pixels: Any, generator: torch.Generator) -> Any:
    lots = [augment(to_tensor(lot), UNNATURAL, generator) for lot in np.array_split(pixels, max(1, len(pixels) // 512))]
    return (torch.cat(lots).clamp(0, 1) * 255).round().byte().numpy()[:, 0]


def _trained(examples: Examples, settings: TrainSettings, seed: int, look: Look = lambda model: None) -> Network:
    """A model of the last epoch; `look` is called with it after each."""
    seed_everything(seed, 0)
    model = saved.build(BASE, examples.targets.sum(0) > 0, colour=False)

    def progress(_: Any) -> None:
        look(model.eval())
        model.train()

    fit(model, examples, None, settings, seed=seed, progress=progress)
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
