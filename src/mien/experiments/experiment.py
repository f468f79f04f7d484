"""What every experiment does: check, lock its folder, read the data, plan, agree with what is there, do the rest."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from mien.data.checks import by_kind
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.errors import RunError
from mien.events import Event, OnEvent, ignore
from mien.experiments.executor import get_executor
from mien.experiments.identity import is_begun, machine_of
from mien.experiments.progress import Task, watched
from mien.experiments.settings import ClassifierSettings, CompareSettings
from mien.machine import machine, versions
from mien.storage.identity import identity
from mien.storage.output import prepare_output_dir
from mien.storage.run import Run
from mien.types import Dataset, Split

AnyTask = TypeVar("AnyTask", bound=Task)
AnySettings = TypeVar("AnySettings", bound=ClassifierSettings | CompareSettings)
Splits = Mapping[int, Split]
"""Seed → its split."""
Manifest = Mapping[str, Any]
MARKER = "run.json"


@dataclass(frozen=True)
class Plan(Generic[AnyTask]):
    """What there is to do.

    Attributes
    ----------
    tasks : the longest first, so that no core waits at the end.
    manifest : what run.json holds beside the fields that all experiments share.
    about_data : what its field "data" holds beside those.
    """

    tasks: Sequence[AnyTask]
    manifest: Manifest = field(default_factory=dict)
    about_data: Manifest = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment(ABC, Generic[AnySettings, AnyTask]):
    """An experiment in tasks, such as a study.

    Attributes
    ----------
    settings : all of them.
    kind : its name in run.json. lists : fields of run.json that may be given more later.
    """

    settings: AnySettings
    kind: ClassVar[str]
    lists: ClassVar[tuple[str, ...]] = ("seeds",)

    @staticmethod
    @abstractmethod
    def do(task: Any) -> object:
        """Do one task. A function of a module, so that another process can import it."""

    @abstractmethod
    def check(self) -> None:
        """Refuse whatever can be refused before any picture is read."""

    @abstractmethod
    def plan(self, data: Dataset, splits: Splits, folder: Path) -> Plan[AnyTask]:
        """What there is to do in `folder`; DataError where these data do not allow it. Nothing is written."""

    @abstractmethod
    def identity(self, manifest: Manifest) -> dict[str, object]:
        """What makes two runs of this kind the same beside their data: a word for messages → value."""

    def grow(self, old: Manifest, new: Manifest) -> dict[str, Any]:
        """The manifest of a run that held `old` and continues with `new`: it reports all that it holds."""
        settings = {**new["settings"], "train": new["settings"]["train"] | machine_of(old)}
        command = "\n".join(dict.fromkeys([*old["command"].splitlines(), new["command"]])).strip()
        lists = {name: union(old[name], new[name]) for name in self.lists}
        splits = {**old.get("splits", {}), **new["splits"]}
        kept = {name: old[name] for name in ("started", "seconds")}
        return {**new, **kept, **lists, "splits": splits, "settings": settings, "command": command}

    def describe(self, data: Dataset, splits: Splits, run: Run) -> None:
        """Write what describes the data beside the manifest; nothing by default."""


def carry_out(
    experiment: Experiment[AnySettings, AnyTask],
    out: Path,
    *,
    executor: str = "processes",
    command: str = "",
    on_event: OnEvent = ignore,
    finish: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Do an experiment, or what is left of it, and return its run folder.

    Parameters
    ----------
    out : run folder. If it holds the same experiment, finished work is kept.
    executor : name of the way to do the tasks, see :mod:`mien.experiments.executor`; the numbers are the same.
    command : how to run it again, for the report.
    on_event : called with each :class:`mien.events.Event`.
    finish : called at the end, such as to write the report, while nobody else may write into the folder.

    Raises
    ------
    UsageError : a setting that cannot be used. DataError : the data do not allow it. RunError : the folder holds
        another run, or is in use. StorageError : it cannot be written. After a UsageError or DataError nothing is
        left in the folder.
    """
    run, workers = Run(out), get_executor(executor)
    experiment.check()
    with opened(out, experiment.kind, MARKER, experiment.settings.data, on_event) as data:
        tasks = begin(experiment, data, run, command)
        start = time.perf_counter()
        unfinished = [task for task in tasks if not task.finished()]
        with watched(tasks, on_event):
            for _ in workers.map(experiment.do, unfinished):
                pass  # each task keeps its own results in its folder
        if unfinished:
            manifest = run.manifest()
            seconds = manifest.get("seconds", 0) + time.perf_counter() - start
            run.write_manifest(manifest | {"seconds": round(seconds, 3)})
        finish(run)
    return run


@contextmanager
def opened(out: Path, kind: str, marker: str, data: DataSettings, on_event: OnEvent) -> Iterator[Dataset]:
    """Lock the folder that an experiment writes into, and read its pictures."""
    with prepare_output_dir(out, kind, marker, sources=[data.source]):
        data_read = prepare(data, on_event)
        on_event(Event("pictures", count=len(data_read), total=len(data_read), problems=data_read.problems))
        yield data_read


def begin(
    experiment: Experiment[AnySettings, AnyTask], data: Dataset, run: Run, command: str = ""
) -> Sequence[AnyTask]:
    """Plan, agree with what the folder holds, write the manifest, and return the tasks, finished ones too."""
    splits = {seed: split(data, seed) for seed in experiment.settings.seeds}
    plan = experiment.plan(data, splits, run.folder)
    manifest = manifest_of(experiment, plan, data, splits, command)
    if is_begun(run):
        old = run.manifest()
        check_same(experiment, old, manifest, run.folder)
        manifest = experiment.grow(old, manifest)
    run.write_manifest(manifest)
    every = {seed: splits.get(seed) or split(data, seed) for seed in manifest["seeds"]}
    experiment.describe(data, every, run)
    return plan.tasks


def manifest_of(
    experiment: Experiment[AnySettings, AnyTask], plan: Plan[AnyTask], data: Dataset, splits: Splits, command: str
) -> dict[str, Any]:
    """What run.json holds when an experiment begins."""
    settings = experiment.settings
    manifest = {
        "kind": experiment.kind,
        "command": command,
        "settings": asdict(replace(settings, data=settings.data.stored())),
        "classes": data.labelset.names,
        "seeds": settings.seeds,
        **plan.manifest,
        "data": {
            "name": data.name, "usable": len(data), "fingerprint": data.fingerprint(),
            "problems": {kind.name: kind.count for kind in by_kind(data.problems)},
            "size": settings.data.size, "colour": settings.data.colour, **plan.about_data,
        },
        "splits": {str(seed): parts.fingerprint for seed, parts in splits.items()},
        "versions": versions(),
        "machine": machine(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": 0.0,
    }  # fmt: skip
    same = experiment.identity(manifest)
    return {"id": identity(kind=experiment.kind, data=data.fingerprint(), same=same), **manifest}


def check_same(experiment: Experiment[AnySettings, AnyTask], old: Manifest, new: Manifest, folder: Path) -> None:
    """RunError where a folder holds another run: of another kind, data, training or parts of the same seeds."""
    _compare({"kind": old.get("kind")}, {"kind": new["kind"]}, folder)
    _compare({"data": old["data"]["fingerprint"]}, {"data": new["data"]["fingerprint"]}, folder)
    _compare(experiment.identity(old), experiment.identity(new), folder)
    splits = old.get("splits", {})
    shared = {seed: parts for seed, parts in new["splits"].items() if seed in splits}
    _compare({"parts": {seed: splits[seed] for seed in shared}}, {"parts": shared}, folder)


def _compare(before: Mapping[str, object], now: Mapping[str, object], folder: Path) -> None:
    for word, value in before.items():
        if now[word] != value:
            remedy = "give another folder with --out"
            raise RunError(f"holds a run with other {word}", place=str(folder), remedy=remedy)


def union(old: Iterable[Any], new: Iterable[Any]) -> list[Any]:
    """All of both, each once, in the order in which they came.

    >>> union([1, 2], [3, 2])
    [1, 2, 3]
    """
    return list(dict.fromkeys([*old, *new]))
