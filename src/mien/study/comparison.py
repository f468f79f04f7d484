"""The comparison of treatments: plan → cells → run folder, as for a study."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mien import correctors
from mien.data.checks import by_kind
from mien.data.prepare import prepare
from mien.data.split import split
from mien.errors import DataError, RunError
from mien.imbalance import TREATMENTS, find
from mien.machine import machine, versions
from mien.models import saved
from mien.runs import Run
from mien.study.engines import engine
from mien.study.folder import apart, sole_user
from mien.study.settings import CompareSettings
from mien.study.treated import KNN, TreatedCell, run_treated
from mien.types import Dataset, digest

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
    UsageError : no such model or treatment. DataError : fewer than two classes. RunError : the folder holds another
        run, or is in use.
    """
    target = Run(out)
    apart(out, settings.data.source)
    with sole_user(out):
        cells = plan(settings, target, command)
        start, unfinished = time.time(), [cell for cell in cells if not cell.finished()]
        watch(cells)
        if unfinished:
            engine("serial" if len(unfinished) == 1 else engine_name)(run_treated, unfinished, lambda: watch(cells))
            manifest = target.manifest()
            manifest["seconds"] = round(manifest["seconds"] + time.time() - start, 1)
            target.write_manifest(manifest)
    return target


def plan(settings: CompareSettings, target: Run, command: str = "") -> list[TreatedCell]:
    """Write the manifest and list the cells, after all that can be wrong was looked at."""
    for name in settings.models:
        if name != KNN:
            saved.find(name)
    trainings = grouped(settings.treatments)
    for name in settings.treatments:
        if find(name).corrector:
            correctors.find(find(name).corrector)()
    data = prepare(settings.data)
    if (data.counts() > 0).sum() < 2:
        raise DataError("pictures of one class", place=data.name, remedy="give pictures of two classes or more")
    target.write_manifest(_grown(target, _manifest(settings, data, command)))
    return [
        TreatedCell(str(target.folder), settings, seed, model, training, names)
        for seed in settings.seeds
        for model in settings.models
        for training, names in (
            {"none": _without_corrector(settings.treatments)} if model == KNN else trainings
        ).items()
        if names
    ]  # fmt: skip


def grouped(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Training → the treatments that share it: what comes afterwards needs no training of its own.

    Examples
    --------
    >>> grouped(("weights", "new-head", "none", "logit-adjustment"))
    {'weights': ('weights',), 'none': ('new-head', 'none', 'logit-adjustment')}
    """
    found: dict[str, list[str]] = {}
    for name in names:
        treatment = find(name)
        alike = (
            key
            for key in TREATMENTS
            if not (treatment.rows or treatment.generated or find(key).rows or find(key).generated)
            and find(key).train == treatment.train
        )
        found.setdefault(next(alike, treatment.name), []).append(name)
    return {training: tuple(of) for training, of in found.items()}


def _without_corrector(names: tuple[str, ...]) -> tuple[str, ...]:
    """Treatments that nearest neighbours can be given: numbers of pictures, weights of votes, a moved prior."""
    fit = ("none", "weights", "root-weights", "logit-adjustment")
    return tuple(name for name in names if name in fit or find(name).rows is not None)


def _manifest(settings: CompareSettings, data: Dataset, command: str) -> dict[str, Any]:
    splits = {str(seed): split(data, seed) for seed in settings.seeds}
    counts = {
        seed: np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset)).tolist()
        for seed, parts in splits.items()
    }
    return {
        "kind": "compare",
        "command": command,
        "settings": asdict(settings),
        "training": digest(settings.train, settings.policy, settings.neighbours),
        "classes": data.labelset.names,
        "models": settings.models,
        "treatments": settings.treatments,
        "seeds": settings.seeds,
        "train_counts": counts,
        "data": {
            "name": data.name, "usable": len(data), "fingerprint": data.fingerprint(),
            "counts": data.counts().tolist(), "size": settings.data.size, "colour": settings.data.colour,
            "problems": {kind.name: kind.count for kind in by_kind(data.problems)},
        },
        "splits": {seed: parts.fingerprint for seed, parts in splits.items()},
        "versions": versions(),
        "machine": machine(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": 0.0,
    }  # fmt: skip


def _grown(target: Run, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest, with what the folder holds already; RunError where that is another run."""
    if not target.path("run.json").exists():
        return manifest
    old = target.manifest()
    same = {seed: value for seed, value in manifest["splits"].items() if seed in old.get("splits", {})}
    for place, before, now in (
        ("kind", old.get("kind"), manifest["kind"]),
        ("data", old["data"]["fingerprint"], manifest["data"]["fingerprint"]),
        ("training", old.get("training"), manifest["training"]),
        ("parts", {seed: old["splits"][seed] for seed in same}, same),
    ):
        if before != now:
            remedy = "give another folder with --out, or remove this one"
            raise RunError(f"holds a run with other {place}", place=str(target.folder), remedy=remedy)
    for key in GROWS:
        manifest[key] = list(dict.fromkeys([*old[key], *manifest[key]]))
    for key in ("splits", "train_counts"):
        manifest[key] = old[key] | manifest[key]
    manifest["command"] = "\n".join(dict.fromkeys([*old["command"].splitlines(), manifest["command"]])).strip()
    manifest["started"], manifest["seconds"] = old["started"], old["seconds"]
    return manifest
