"""How good the base classifiers are, and what each part of their recipe is worth.

    python -m benchmarks.bases.run --data PATH/TO/ferplus

A recipe is judged by a model trained without a class (another one for each seed), on the *correct* part, which it never
saw: accuracy and macro recall on the classes that it knows, and the AUROC of a logistic probe for the one that it does
not, fitted on *fit* and scored on the rest. What only shows in a long training is judged there too, by models of all
classes, of the first seed. The test part is for the default recipes alone, with models of all classes.
Every training done is kept in runs/benchmark-base: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import (
    Figure,
    Parts,
    Result,
    commit,
    described,
    do_all,
    main,
    parsed,
    parser,
    parts_of,
    seeds_of,
    settings_of,
)
from mien import correctors
from mien.data.picture import ImageSettings
from mien.errors import choice_error
from mien.metrics.classification import accuracy, macro_recall
from mien.metrics.ranking import auroc
from mien.nets import saved
from mien.nets.device import seed_everything
from mien.nets.examples import Examples
from mien.nets.extraction import extract, probabilities
from mien.nets.network import Network
from mien.nets.pretraining import pretrain_on_synthetic, synthetic_examples
from mien.nets.settings import AugmentSettings, TrainSettings, recipe
from mien.nets.training import fit
from mien.storage.files import write_text
from mien.storage.identity import identity
from mien.types import Outputs

KEPT = Path("runs/benchmark-base")
LEFT_OUT = ("happiness", "sadness", "surprise")
JUDGED = {"accuracy": "accuracy", "macro recall": "macro_recall", "probe AUROC": "probe"}
DRAWN = 8000
IMAGES = ImageSettings(size=48)
TRAIN = TrainSettings()
SHORT = 20
"""Epochs of the ablation; the default recipes themselves are judged on the test part with all theirs."""


@dataclass(frozen=True)
class Recipe:
    """A way to train a base classifier. `drawn` says what drawn faces are for: "", "added" or "first"."""

    base: str = "attention"
    train: TrainSettings = TRAIN
    votes: bool = True
    drawn: str = ""


def but(base: str = "attention", *, votes: bool = True, drawn: str = "", **changes: object) -> Recipe:
    """The default recipe, but for some settings; `augment_…` are those of augmentation."""
    inner = {name.removeprefix("augment_"): value for name, value in changes.items() if name.startswith("augment_")}
    outer = {name: value for name, value in changes.items() if not name.startswith("augment_")}
    train = replace(TRAIN, augment=replace(TRAIN.augment, **inner), **outer)  # type: ignore[arg-type]
    return Recipe(base, train, votes, drawn)


RECIPES = {
    "attention": but(),
    "one label a picture": but(votes=False),
    "no class weights": but(weight_power=0.0),
    "the paper's class weights": but(weight_power=1.0),
    "no augmentation": but(**{f"augment_{name}": 0.0 for name in asdict(AugmentSettings())}),
    "stronger augmentation": but(augment_rotate=12.0, augment_shift=0.07, augment_scale=0.12, augment_erase=0.35),
    "mixup and CutMix": but(augment_mixup=0.2, augment_cutmix=1.0),
    "full size from the start": but(low_res_share=0.0),
    "no averaging of weights": but(ema=0.0),
    "no label smoothing": but(label_smoothing=0.0),
    "drawn faces first": but(drawn="first"),
    "drawn faces added": but(drawn="added"),
    "residual": but("residual"),
}
MIXED = {"augment_mixup": 0.2, "augment_cutmix": 1.0}
LONG = {
    "attention, 45 epochs": but(),
    "attention, 45 epochs, drawn faces first": but(drawn="first"),
    "attention, 90 epochs": but(epochs=90, patience=90),
    "attention, 90 epochs, mixup and CutMix": but(epochs=90, patience=90, **MIXED),
    "residual, 45 epochs": but("residual"),
    "residual, 60 epochs, mixup and CutMix, drawn faces first": but(
        "residual", epochs=60, patience=60, drawn="first", **MIXED
    ),
    "residual, 90 epochs": but("residual", epochs=90, patience=90),
    "residual, 90 epochs, class weights (N/n)^0.25": but("residual", epochs=90, patience=90, weight_power=0.25),
    "residual, 90 epochs, no class weights": but("residual", epochs=90, patience=90, weight_power=0.0),
    "residual, 90 epochs, mixup and CutMix": but("residual", epochs=90, patience=90, **MIXED),
    "residual, 90 epochs, mixup and CutMix, class weights (N/n)^0.25": but(
        "residual", epochs=90, patience=90, weight_power=0.25, **MIXED
    ),
}
"""Recipes that are judged with all their epochs."""
FEWER = {"residual": 2}
"""Seeds of a base whose final training takes most of half an hour on a core."""
FINAL = {base: Recipe(base, recipe(base)) for base in ("attention", "residual")}


@dataclass(frozen=True)
class Task:
    """One training: data, recipe, seed, and the class left out ("" for none)."""

    source: str
    test: str | None
    quick: bool
    recipe: Recipe
    seed: int
    left_out: str

    @property
    def path(self) -> Path:
        return KEPT / f"{identity(task=asdict(self), epochs=self.train().epochs, drawn=DRAWN, marks=self.marks)}.json"

    @property
    def marks(self) -> tuple[str, ...]:
        """What tells it from another kind of task."""
        return ()

    def parts(self) -> Parts:
        labels = None if self.recipe.votes else "plurality"
        return parts_of(settings_of(self.source, quick=self.quick, labels=labels), self.test, self.seed)

    def train(self) -> TrainSettings:
        """Two epochs if it is only to be seen that it runs."""
        epochs = 2 if self.quick else SHORT if self.left_out else self.recipe.train.epochs
        return replace(self.recipe.train, epochs=epochs)

    def judged(self, model: Network, parts: Parts) -> dict[str, float]:
        """Its figures."""
        return probed(model, parts, self.left_out) if self.left_out else tested(model, parts)


@dataclass(frozen=True)
class Long(Task):
    """One training at full length, of a model of all classes, that is judged on *correct*."""

    @property
    def marks(self) -> tuple[str, ...]:
        return ("long",)

    def judged(self, model: Network, parts: Parts) -> dict[str, float]:
        rows, classes = parts.rows["correct"], len(model.known)
        labels, answers = parts.data.labels[rows], probabilities(model, parts.data.pictures[rows]).argmax(1)
        return {"accuracy": accuracy(labels, answers), "macro_recall": macro_recall(labels, answers, classes)}


def do(task: Task) -> None:
    """Train and judge one model; what was found is kept in the task's file."""
    if task.path.exists():
        return
    parts = task.parts()
    start = time.perf_counter()
    model = trained(task, parts)
    found: dict[str, object] = {"seconds": time.perf_counter() - start, "commit": commit()}
    found["parameters"] = saved.parameters(model)
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
    found |= task.judged(model, parts)
    write_text(task.path, json.dumps(found))


def trained(task: Task, parts: Parts) -> Network:
    """A model after the recipe, drawn faces first or added where it says so."""
    names = parts.data.labelset.names
    absent = names.index(task.left_out) if task.left_out else -1
    train, validation = (Examples.of(parts.data, parts.rows[part], absent) for part in ("train", "validation"))
    seed_everything(task.seed, 0)
    model = saved.build(task.recipe.base, train.targets.sum(0) > 0, colour=False)
    settings = task.train()
    count = (DRAWN // 10 if task.quick else DRAWN) if task.recipe.drawn else settings.synthetic
    drawn = replace(settings, synthetic=count)
    if task.recipe.drawn == "added":
        known = tuple(name for name in names if name != task.left_out)
        faces = synthetic_examples(parts.data.labelset, known, IMAGES, drawn.synthetic, task.seed)
        train = Examples(np.concatenate([train.pixels, faces.pixels]), np.concatenate([train.targets, faces.targets]))
        drawn = settings
    begun = pretrain_on_synthetic(model, parts.data.labelset, IMAGES, drawn, seed=task.seed)
    fit(model, train, validation, settings, seed=task.seed, fresh=not begun)
    return model


def tested(model: Network, parts: Parts) -> dict[str, float]:
    """Accuracy and macro recall on the test part, as it answers by default and without the mirror image."""
    labels, classes = parts.tested.labels[parts.test], len(model.known)
    found = {}
    for suffix, mirrored in (("", True), ("_unmirrored", False)):
        model.flip_tta = mirrored
        answers = probabilities(model, parts.tested.pictures[parts.test]).argmax(1)
        found[f"accuracy{suffix}"] = accuracy(labels, answers)
        found[f"macro_recall{suffix}"] = macro_recall(labels, answers, classes)
    return found


def probed(model: Network, parts: Parts, left_out: str) -> dict[str, float]:
    """On *correct*: accuracy and macro recall on the known classes, AUROC of a logistic probe for the other."""
    absent = parts.data.labelset.index(left_out)
    rows = parts.rows["correct"]
    labels, fitting = parts.data.labels[rows], np.isin(rows, parts.rows["fit"])
    outputs: Outputs = extract(model, parts.data.pictures[rows], parts.data.ids[rows])
    known, answers = labels != absent, outputs.predicted
    probe = correctors.get_corrector("logistic")(target=absent).fit(outputs.take(fitting), labels[fitting])
    return {
        "accuracy": accuracy(labels[known], answers[known]),
        "macro_recall": macro_recall(labels[known], answers[known], len(model.known)),
        "probe": auroc(probe.propose(outputs.take(~fitting)).score, labels[~fitting] == absent),
    }


Found = dict[Task, dict[str, float]]


def ablation(names: list[str], found: Found) -> list[dict[str, object]]:
    """A line for each recipe: means, and the differences from the first, seed by seed, as mean (lowest to highest)."""
    own = {
        name: [one for task, one in found.items() if task.recipe == RECIPES[name] and task.left_out] for name in names
    }
    lines: list[dict[str, object]] = []
    for name in names:
        line: dict[str, object] = {"recipe": name}
        for title, key in JUDGED.items():
            line[title] = float(np.mean([one[key] for one in own[name]]))
            changes = [one[key] - first[key] for one, first in zip(own[name], own[names[0]], strict=True)]
            line[f"change in {title}"] = None if name == names[0] else Figure.over(changes, len(changes))
        lines.append(line)
    return lines


def at_length(found: Found) -> list[dict[str, object]]:
    """A line for each recipe that was trained at full length."""
    own = {task.recipe: one for task, one in found.items() if isinstance(task, Long)}
    return [
        {"recipe": name, "accuracy": own[recipe]["accuracy"], "macro recall": own[recipe]["macro_recall"],
         "trained on": own[recipe].get("device", "processor")}
        for name, recipe in LONG.items() if recipe in own
    ]  # fmt: skip


def final(names: list[str], found: Found, seeds: tuple[int, ...], n: int) -> dict[str, Figure]:
    """Figures of the default recipes on the test part, and without the mirror image."""
    figures: dict[str, Figure] = {}
    for name in names:
        own = [
            one
            for task, one in found.items()
            if task.recipe == FINAL[name] and not task.left_out and not isinstance(task, Long)
        ]
        for key in ("accuracy", "macro_recall", "accuracy_unmirrored", "macro_recall_unmirrored"):
            figures[f"{name}_{key}"] = Figure.over([one[key] for one in own], n, seeds[: len(own)])
    return figures


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "")
    flags.add_argument("--recipes", default=",".join(RECIPES), help="which recipes, by name")
    options = parsed(flags)
    names, seeds = options.recipes.split(","), seeds_of(options)
    for name in names:
        if name not in RECIPES:
            raise choice_error("recipe", name, RECIPES, place="--recipes")
    result = Result("base", options, {"short": SHORT, "recipes": {name: asdict(RECIPES[name]) for name in names}})
    finals = [name for name in FINAL if name in names]
    long = list(LONG) if set(names) == set(RECIPES) else []
    make = partial(Task, options.data, options.test, options.quick)
    wanted = [make(RECIPES[name], seed, LEFT_OUT[seed % len(LEFT_OUT)]) for seed in seeds for name in names]
    wanted += [Long(options.data, options.test, options.quick, LONG[name], seeds[0], "") for name in long]
    wanted += [make(FINAL[name], seed, "") for name in finals for seed in seeds[: FEWER.get(name)]]
    do_all(do, wanted)
    found = {task: json.loads(task.path.read_text()) for task in wanted}
    parts = wanted[0].parts()
    lines = ablation(names, found)
    result.settings["trained at commits"] = sorted({str(one["commit"]) for one in found.values()})
    result.table(f"Recipes, {SHORT} epochs, judged on the correct part", lines)
    if long:
        result.table("At full length, all classes, one seed, judged on the correct part", at_length(found))
    if finals:
        result.figures |= final(finals, found, seeds, len(parts.test))
        recall = {str(line["recipe"]): line["macro recall"] for line in lines}
        best = max(finals, key=lambda name: recall[name])  # never by the test part
        result.figures |= {key: result.figures[f"{best}_{key}"] for key in ("accuracy", "macro_recall")}
        keys = {"accuracy": "accuracy", "macro recall": "macro_recall"}
        keys |= {f"{title}, no mirror image": f"{key}_unmirrored" for title, key in keys.items()}
        rows = [{title: result.figures[f"{name}_{key}"] for title, key in keys.items()} for name in finals]
        sizes = {
            name: max(one["parameters"] for task, one in found.items() if task.recipe == FINAL[name]) for name in finals
        }
        title = "Default recipes, models of all classes, test part"
        result.table(
            title,
            [
                {"base": name, "parameters": sizes[name], "seeds": len(result.figures[f"{name}_accuracy"].seeds), **row}
                for name, row in zip(finals, rows, strict=True)
            ],
        )
    result.write(described(parts))


if __name__ == "__main__":
    main(run)
