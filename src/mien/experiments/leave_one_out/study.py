"""The study: leave one class out, train, correct, score. Plan → cells → run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.data.checks import by_kind
from mien.data.prepare import prepare
from mien.data.samples import as_png, contact_sheet
from mien.data.split import split
from mien.errors import DataError, RunError
from mien.experiments.executor import engine
from mien.experiments.identity import is_begun, machine_of
from mien.experiments.leave_one_out.task import Cell, run_cell
from mien.experiments.preflight import check
from mien.experiments.settings import StudySettings
from mien.experiments.tables import TABLES
from mien.machine import machine, versions
from mien.nets import saved
from mien.nets.pretraining import check_synthetic
from mien.nets.settings import OF_THE_MACHINE, TrainSettings
from mien.storage.files import write_atomic
from mien.storage.identity import identity
from mien.storage.layout import FULL, RETRAINED, without
from mien.storage.output import prepare_output_dir
from mien.storage.run import Run
from mien.types import PARTS, Dataset, Split

SAMPLES = 10
PICTURES = ("size", "colour", "resize_mode")


def run(
    settings: StudySettings,
    out: Path,
    *,
    engine_name: str = "processes",
    kind: str = "study",
    command: str = "",
    watch: Callable[[list[Cell]], object] = lambda cells: None,
) -> Run:
    """Do the study, or what is left of it, and return its run folder (without report: see mien.report).

    Parameters
    ----------
    settings : the whole of it.
    out : run folder. If it holds the same study, finished work is kept; if another, RunError.
    engine_name : "processes" or "serial"; the numbers are the same.
    kind : "study", or "train" for the full model alone.
    command : how to run it again, for the report.
    watch : called now and then with the cells, for progress.

    Raises
    ------
    DataError : nothing to study. RunError : the folder holds another study, or is in use. StorageError : disk.
    UsageError : a setting that cannot be, or a device that is not there; then nothing is left in the folder.
    """
    target = Run(out)
    engine(engine_name)
    wanted = settings.correctors if kind == "study" else ()
    check(settings.train, [settings.base], wanted, colour=settings.data.colour)
    with prepare_output_dir(out, kind, "run.json", sources=[settings.data.source]):
        cells = plan(settings, target, kind=kind, command=command)
        start = time.time()
        unfinished = [cell for cell in cells if not cell.finished()]
        watch(cells)
        if unfinished:
            # another process would load every library again, which one cell alone does not repay
            chosen = "serial" if len(unfinished) == 1 else engine_name
            engine(chosen)(run_cell, unfinished, lambda: watch(cells))
            manifest = target.manifest()
            manifest["seconds"] = round(manifest.get("seconds", 0) + time.time() - start, 1)
            target.write_manifest(manifest)
    return target


def plan(settings: StudySettings, target: Run, *, kind: str = "study", command: str = "") -> list[Cell]:
    """Write manifest, splits and sample faces, and list the cells: dearest first, so that no core waits at the end."""
    data = prepare(settings.data)
    _check_classes(data, least=3 if kind == "study" else 2)
    if settings.train.synthetic:
        check_synthetic(settings.train.synthetic, data.labelset, settings.data.images)
    splits = {seed: split(data, seed) for seed in settings.seeds}
    left_out = _left_out(settings, data, splits) if kind == "study" else ()
    manifest = _manifest(settings, data, splits, left_out, kind, command)
    begun = is_begun(target)
    _agree(target, manifest)
    target.write_manifest(manifest)
    every = {seed: splits.get(seed) or split(data, seed) for seed in manifest["seeds"]}
    target.write_table(TABLES["splits"], _split_rows(data, every))
    if not (target.path("samples.png").exists() and begun):
        training = next(iter(splits.values())).rows("train")
        sheet = as_png(contact_sheet(data, training, SAMPLES))
        write_atomic(target.path("samples.png"), lambda file: file.write(sheet))
    keys = [RETRAINED] if settings.retrained and kind == "study" else []
    keys += [FULL, *map(without, left_out)]
    return [Cell(str(target.folder), settings, seed, key) for seed in settings.seeds for key in keys]


def _check_classes(data: Dataset, least: int) -> None:
    """A classifier needs two classes, also when one is left out."""
    present = [name for name, count in zip(data.labelset.names, data.counts().tolist(), strict=True) if count]
    if len(present) < least:
        raise DataError(
            f"all {len(data)} pictures are of class {' or '.join(present)}", place=data.name,
            remedy=f"give pictures of {least} classes: a classifier needs two, and a study leaves one out",
        )  # fmt: skip


def _left_out(settings: StudySettings, data: Dataset, splits: dict[int, Split]) -> tuple[str, ...]:
    """The classes that can be left out: enough pictures, with some to learn from and some to test on in every split."""
    wanted = [data.labelset.names[data.labelset.index(name, place="--classes")] for name in settings.classes]
    rare = _too_rare(settings, data, splits)
    chosen = tuple(name for name in data.labelset.names if (name in wanted or not wanted) and name not in rare)
    refused = [name for name in wanted if name not in chosen]
    if refused or not chosen:
        raise DataError(
            f"too few pictures to leave out {', '.join(refused) or 'any class'}", place=data.name,
            remedy=f"add pictures, or lower --min-pictures (now {settings.min_pictures})",
        )  # fmt: skip
    return chosen


def _too_rare(settings: StudySettings, data: Dataset, splits: dict[int, Split]) -> list[str]:
    """The classes with too few pictures to be left out, or with none to learn from or to test on in some split."""
    rare = []
    for index, (name, count) in enumerate(zip(data.labelset.names, data.counts().tolist(), strict=True)):
        parts = [np.bincount(part.parts[data.labels == index], minlength=len(PARTS)) for part in splits.values()]
        least = dict(zip(PARTS, np.min(parts, axis=0).tolist(), strict=True))
        if count < settings.min_pictures or not (least["fit"] and least["test"]):
            rare.append(name)
    return rare


def _manifest(
    settings: StudySettings, data: Dataset, splits: dict[int, Split], left_out: tuple[str, ...], kind: str, command: str
) -> dict[str, Any]:
    base = saved.build(settings.base, np.ones(len(data.labelset), bool), settings.data.colour)
    return {
        "kind": kind,
        "id": identity(kind=kind, data=data.fingerprint(), base=settings.base, train=settings.train.anywhere),
        "command": command,
        "settings": asdict(replace(settings, data=settings.data.stored())),
        "classes": data.labelset.names,
        "left_out": left_out,
        "seeds": settings.seeds,
        "correctors": settings.correctors if kind == "study" else (),
        "base": {"name": settings.base, "taps": base.layers, "parameters": saved.parameters(base)},
        "policy": asdict(settings.policy),
        "data": {
            "name": data.name, "usable": len(data), "fingerprint": data.fingerprint(),
            "problems": {kind.name: kind.count for kind in by_kind(data.problems)},
            "size": settings.data.size, "colour": settings.data.colour,
            "too_rare": _too_rare(settings, data, splits) if kind == "study" else [],
        },
        "splits": {str(seed): part.fingerprint for seed, part in splits.items()},
        "versions": versions(),
        "machine": machine(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": 0.0,
    }  # fmt: skip


def _agree(target: Run, manifest: dict[str, Any]) -> None:
    """A folder with a run in it must hold this very run (data, base, training); seeds, classes, correctors may grow."""
    if not is_begun(target):
        return
    old = target.manifest()
    same_seeds = {seed: value for seed, value in manifest["splits"].items() if seed in old["splits"]}
    for place, before, now in (
        ("kind", old.get("kind"), manifest["kind"]),
        ("data", old["data"]["fingerprint"], manifest["data"]["fingerprint"]),
        ("pictures", *({key: of["settings"]["data"][key] for key in PICTURES} for of in (old, manifest))),
        ("base", old["base"]["name"], manifest["base"]["name"]),
        ("training", _learnt(old["settings"]["train"]), _learnt(manifest["settings"]["train"])),
        ("parts", {seed: old["splits"][seed] for seed in same_seeds}, same_seeds),
    ):
        if before != now:
            raise RunError(
                f"holds a run with other {place}", place=str(target.folder),
                remedy="give another folder with --out",
            )  # fmt: skip
    for key in ("seeds", "left_out", "correctors"):  # grown runs report all that they hold
        manifest[key] = list(dict.fromkeys([*old[key], *manifest[key]]))
    manifest["left_out"] = [name for name in manifest["classes"] if name in manifest["left_out"]]
    manifest["command"] = "\n".join(dict.fromkeys([*old["command"].splitlines(), manifest["command"]])).strip()
    manifest["started"], manifest["seconds"] = old["started"], old["seconds"]
    manifest["splits"] = old["splits"] | manifest["splits"]
    manifest["settings"] = {**manifest["settings"], "train": manifest["settings"]["train"] | machine_of(old)}


def _learnt(train: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run without those of its machine; those that it did not know yet are at their default."""
    return {
        name: value for name, value in (asdict(TrainSettings()) | dict(train)).items() if name not in OF_THE_MACHINE
    }


def _split_rows(data: Dataset, splits: dict[int, Split]) -> Iterator[dict[str, object]]:
    for seed, parts in splits.items():
        for index, name in enumerate(data.labelset.names):
            counts = np.bincount(parts.parts[data.labels == index], minlength=len(PARTS))
            for part, count in zip(PARTS, counts.tolist(), strict=True):
                yield {"seed": seed, "class": name, "part": part, "count": count}
