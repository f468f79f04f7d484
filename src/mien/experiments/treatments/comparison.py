"""The comparison of treatments: plan → cells → run folder, as for a study."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.data.checks import by_kind
from mien.data.prepare import prepare
from mien.data.split import split
from mien.errors import DataError, RunError, UsageError
from mien.experiments.executor import engine
from mien.experiments.identity import is_begun, machine_of
from mien.experiments.preflight import check
from mien.experiments.settings import CompareSettings
from mien.experiments.treatments.task import KNN, TreatedCell, run_treated
from mien.imbalance import TREATMENTS, Treatment, get_treatment, supports_knn
from mien.machine import machine, versions
from mien.metrics.classification import common_classes
from mien.nets import saved
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.nets.pretraining import check_synthetic
from mien.nets.settings import TrainSettings, with_changes
from mien.outside import import_optional
from mien.storage.output import prepare_output_dir
from mien.storage.run import Run
from mien.types import Dataset, Split, digest

GROWS = ("seeds", "models", "treatments")
"""What a run may be given more of later."""


def compare(
    settings: CompareSettings,
    out: Path,
    *,
    engine_name: str = "processes",
    command: str = "",
    watch: Callable[[list[TreatedCell]], object] = lambda cells: None,
) -> Run:
    """Train and judge every model under every treatment, or what is left of that, and return the run folder.

    Parameters
    ----------
    settings : the whole of it. out : run folder; a run of the same data and training goes on there.
    engine_name : "processes" or "serial"; the numbers are the same.
    command : how to run it again, for the report. watch : called now and then with the cells.

    Raises
    ------
    UsageError : no such model, treatment or device. DataError : fewer than two classes. RunError : the folder holds
        another run, or is in use. After a UsageError or DataError nothing is left in the folder.
    """
    target = Run(out)
    engine(engine_name)
    check_all(settings)
    with prepare_output_dir(out, "compare", "run.json", sources=[settings.data.source]):
        cells = plan(settings, target, command)
        start, unfinished = time.time(), [cell for cell in cells if not cell.finished()]
        watch(cells)
        if unfinished:
            engine("serial" if len(unfinished) == 1 else engine_name)(run_treated, unfinished, lambda: watch(cells))
            manifest = target.manifest()
            manifest["seconds"] = round(manifest["seconds"] + time.time() - start, 1)
            target.write_manifest(manifest)
    return target


def check_all(settings: CompareSettings) -> None:
    """Check what can be checked before any picture is read: device, models, packages that treatments need."""
    treatments = [get_treatment(name) for name in settings.treatments]
    try:
        models = [model for model in settings.models if model != KNN]
        check(
            settings.train, models, [one.corrector for one in treatments if one.corrector], colour=settings.data.colour
        )
    except UsageError as error:
        place = error.place.replace("--base", "--models").replace("--corrector", "--treatments")
        raise UsageError(error.cause, place=place, remedy=error.remedy) from None
    for treatment in treatments:
        if treatment.package:
            import_optional("imblearn", treatment.package, "imbalance")


def plan(settings: CompareSettings, target: Run, command: str = "") -> list[TreatedCell]:
    """Write the manifest and list the cells, after all that can be wrong was looked at."""
    trainings = grouped(settings.treatments)
    data = prepare(settings.data)
    for name in settings.treatments:
        _check(get_treatment(name), settings, data)
    given = {model: possible(model, settings, data) for model in settings.models}
    splits = {seed: split(data, seed) for seed in settings.seeds}
    for seed, parts in splits.items():
        _check_parts(data, parts, seed)
    target.write_manifest(_grown(target, settings, _manifest(settings, data, splits, given, command)))
    cells = []
    for seed in settings.seeds:
        for model, names in given.items():
            groups = {"none": names} if model == KNN else trainings
            for training, of in groups.items():
                if chosen := tuple(name for name in of if name in names):
                    cells.append(TreatedCell(str(target.folder), settings, seed, model, training, chosen))
    return cells


def possible(model: str, settings: CompareSettings, data: Dataset) -> tuple[str, ...]:
    """The treatments that a model can be given; errors of building it are raised now, not after hours.

    Who has no map has no adapter.
    """
    if model == KNN:
        return tuple(name for name in settings.treatments if supports_knn(get_treatment(name)))
    base = saved.build(model, np.ones(len(data.labelset), bool), settings.data.colour)
    if base.adapter_layer or _has_map(base, settings):
        return settings.treatments
    return tuple(name for name in settings.treatments if not get_treatment(name).corrector)


def _has_map(base: Network, settings: CompareSettings) -> bool:
    """Whether the first layer of a classifier is a map, which an adapter may stand on."""
    blank = np.zeros((1, settings.data.size, settings.data.size) + ((3,) if settings.data.colour else ()), np.uint8)
    outputs = extract(base, blank, np.array(["blank"]))
    return any(name.startswith(f"{base.layers[0]}/") for name in outputs.vectors)


def _check(treatment: Treatment, settings: CompareSettings, data: Dataset) -> None:
    """Whatever a treatment can fail of: its settings, and packages that it needs."""
    train = with_changes(settings.train, treatment.train)
    if train.drawn:
        check_synthetic(train.drawn, data.labelset, settings.data.images)


def _check_parts(data: Dataset, parts: Split, seed: int) -> None:
    """DataError where there are not two classes to learn, or none of those that means are over to choose by or test."""
    common = common_classes(data.counts())
    for part, least in (("train", 2), ("validation", 1), ("calibrate", 1), ("test", 2)):
        there = np.unique(data.labels[parts.rows(part)])
        count = len(there) if part in ("train", "validation") else int(common[there].sum())
        if count < least:
            raise DataError(
                f"seed {seed} leaves pictures of {count} classes that count for {part}", place=data.name,
                remedy="give more pictures, of two classes or more and of several persons",
            )  # fmt: skip


def grouped(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Training → the treatments that share it: what comes afterwards needs no training of its own.

    Examples
    --------
    >>> grouped(("weights", "new-head", "none", "logit-adjustment"))
    {'weights': ('weights',), 'none': ('new-head', 'none', 'logit-adjustment')}
    """
    found: dict[str, list[str]] = {}
    for name in names:
        treatment = get_treatment(name)
        alike = (
            key
            for key in TREATMENTS
            if not (_own_pictures(treatment) or _own_pictures(get_treatment(key)))
            and get_treatment(key).train == treatment.train
        )
        found.setdefault(next(alike, treatment.name), []).append(name)
    return {training: tuple(of) for training, of in found.items()}


def _own_pictures(treatment: Treatment) -> bool:
    """Whether it learns from other pictures than the training part as it is."""
    return bool(treatment.rows or treatment.generated or treatment.adds_fit_part)


def _manifest(
    settings: CompareSettings,
    data: Dataset,
    splits: Mapping[int, Split],
    given: Mapping[str, tuple[str, ...]],
    command: str,
) -> dict[str, Any]:
    counts = {
        str(seed): np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset)).tolist()
        for seed, parts in splits.items()
    }
    return {
        "kind": "compare",
        "command": command,
        "settings": asdict(replace(settings, data=settings.data.stored())),
        "training": _known_by(settings, settings.train.anywhere),
        "classes": data.labelset.names,
        "models": settings.models,
        "treatments": settings.treatments,
        "given": given,
        "seeds": settings.seeds,
        "train_counts": counts,
        "data": {
            "name": data.name, "usable": len(data), "fingerprint": data.fingerprint(),
            "counts": data.counts().tolist(), "size": settings.data.size, "colour": settings.data.colour,
            "problems": {kind.name: kind.count for kind in by_kind(data.problems)},
        },
        "splits": {str(seed): parts.fingerprint for seed, parts in splits.items()},
        "versions": versions(),
        "machine": machine(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": 0.0,
    }  # fmt: skip


def _known_by(settings: CompareSettings, train: TrainSettings) -> str:
    return digest(train, settings.policy, settings.neighbours, settings.data.images)


def _grown(target: Run, settings: CompareSettings, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest, with what the folder holds already; RunError where that is another run."""
    if not is_begun(target):
        return manifest
    old = target.manifest()
    earlier = _known_by(settings, replace(settings.train, **machine_of(old)))  # as in fingerprints of earlier versions
    trained = manifest["training"] if old["training"] == earlier else old["training"]
    same = {seed: value for seed, value in manifest["splits"].items() if seed in old.get("splits", {})}
    for place, before, now in (
        ("kind", old.get("kind"), manifest["kind"]),
        ("data", old["data"]["fingerprint"], manifest["data"]["fingerprint"]),
        ("training", trained, manifest["training"]),
        ("parts", {seed: old["splits"][seed] for seed in same}, same),
    ):
        if before != now:
            remedy = "give another folder with --out"
            raise RunError(f"holds a run with other {place}", place=str(target.folder), remedy=remedy)
    for key in GROWS:
        manifest[key] = list(dict.fromkeys([*old[key], *manifest[key]]))
    manifest["given"] = {
        model: list(dict.fromkeys([*old["given"].get(model, ()), *manifest["given"].get(model, ())]))
        for model in manifest["models"]
    }
    for key in ("splits", "train_counts"):
        manifest[key] = old[key] | manifest[key]
    manifest["command"] = "\n".join(dict.fromkeys([*old["command"].splitlines(), manifest["command"]])).strip()
    manifest["started"], manifest["seconds"] = old["started"], old["seconds"]
    manifest["settings"] = {**manifest["settings"], "train": manifest["settings"]["train"] | machine_of(old)}
    return manifest
