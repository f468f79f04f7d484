"""The skeleton of all experiments, with tasks that only count."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.prepare import DataSettings
from mien.errors import RunError, UsageError
from mien.events import Event
from mien.experiments.experiment import Experiment, Manifest, Plan, Splits, carry_out, union
from mien.experiments.progress import announce
from mien.experiments.settings import ClassifierSettings
from mien.nets.settings import TrainSettings
from mien.storage.files import write_json
from mien.storage.run import Run
from mien.types import Dataset

SETTINGS = ClassifierSettings(DataSettings("synthetic:n=40,size=16", size=16), TrainSettings(epochs=1))


@dataclass(frozen=True)
class Count:
    """A task that adds a line to a file."""

    folder: str
    seed: int
    fails: bool = False
    key: str = "count"

    @property
    def path(self) -> Path:
        return Path(self.folder, "cells", f"seed{self.seed}")

    def finished(self) -> bool:
        return (self.path / "model.json").exists()


def count(task: Count) -> int:
    announce(task, "counting", 1, 2)
    if task.fails:
        raise KeyboardInterrupt
    with (task.path / "lines").open("a") as file:
        file.write("done\n")
    write_json(task.path / "model.json", {})
    announce(task, "done")
    return task.seed


@dataclass(frozen=True)
class Counting(Experiment[ClassifierSettings, Count]):
    kind: ClassVar[str] = "counting"
    do = staticmethod(count)
    fails: tuple[int, ...] = ()
    refuses: bool = False
    described: list[int] = field(default_factory=list)

    def check(self) -> None:
        if self.refuses:
            raise UsageError("cannot be")

    def plan(self, data: Dataset, splits: Splits, folder: Path) -> Plan[Count]:
        tasks = [Count(str(folder), seed, seed in self.fails) for seed in splits]
        return Plan(tasks, {"base": self.settings.base}, {"people": 3})

    def identity(self, manifest: Manifest) -> dict[str, object]:
        return {"base": manifest["base"]}

    def describe(self, data: Dataset, splits: Splits, run: Run) -> None:
        self.described.extend(splits)


def with_seeds(*seeds: int, **changes: Any) -> Counting:
    return Counting(replace(SETTINGS, seeds=seeds), **changes)


def lines(run: Run) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in run.path("cells").rglob("lines")}


def test_a_manifest_has_the_common_fields_and_those_of_the_plan(tmp_path: Path) -> None:
    run = carry_out(with_seeds(0, 1), tmp_path / "run", executor="serial", command="mien count")
    manifest = run.manifest()
    assert (manifest["kind"], manifest["command"], manifest["base"]) == ("counting", "mien count", "attention")
    assert manifest["data"]["people"] == 3 and manifest["data"]["usable"] > 30
    assert manifest["seeds"] == [0, 1] and set(manifest["splits"]) == {"0", "1"}
    assert {"versions", "machine", "started", "seconds", "classes"} <= set(manifest)


def test_finished_tasks_are_not_done_again_and_lists_grow(tmp_path: Path) -> None:
    carry_out(with_seeds(0), tmp_path / "run", executor="serial", command="first")
    experiment = with_seeds(1, 0)
    run = carry_out(experiment, tmp_path / "run", executor="serial", command="second")
    assert lines(run) == {"seed0": "done\n", "seed1": "done\n"}
    assert run.manifest()["seeds"] == [0, 1] and run.manifest()["command"] == "first\nsecond"
    assert experiment.described == [0, 1]
    started = run.manifest()["started"]
    assert carry_out(with_seeds(0), tmp_path / "run").manifest()["started"] == started


def test_seconds_add_up_and_a_run_with_nothing_left_costs_nothing(tmp_path: Path) -> None:
    run = carry_out(with_seeds(0), tmp_path / "run", executor="serial")
    manifest = json.loads(run.path("run.json").read_text())
    run.write_manifest({**manifest, "seconds": 100.0})
    assert carry_out(with_seeds(0), tmp_path / "run").manifest()["seconds"] == 100.0
    assert carry_out(with_seeds(1), tmp_path / "run", executor="serial").manifest()["seconds"] >= 100.0


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("data", replace(SETTINGS, data=DataSettings("synthetic:n=41,size=16", size=16))),
        ("base", replace(SETTINGS, base="oneconv")),
    ],
)
def test_a_folder_with_another_run_is_refused_and_left_as_it_is(
    tmp_path: Path, word: str, other: ClassifierSettings
) -> None:
    run = carry_out(with_seeds(0), tmp_path / "run", executor="serial")
    before = run.path("run.json").read_text()
    with pytest.raises(RunError, match=f"holds a run with other {word}"):
        carry_out(Counting(other), tmp_path / "run")
    assert run.path("run.json").read_text() == before


def test_one_of_another_kind_is_refused_by_its_kind(tmp_path: Path) -> None:
    run = carry_out(with_seeds(0), tmp_path / "run", executor="serial")
    run.write_manifest({"kind": "study"})
    with pytest.raises(RunError, match="other kind"):
        carry_out(with_seeds(0), tmp_path / "run")


def test_a_folder_where_no_work_was_done_may_hold_another(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write_manifest({"kind": "study", "data": {"fingerprint": "other"}})
    assert carry_out(with_seeds(0), tmp_path / "run", executor="serial").manifest()["kind"] == "counting"


def test_stopped_at_a_task_it_keeps_those_before_and_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        carry_out(with_seeds(0, 1, 2, fails=(1,)), tmp_path / "run", executor="serial")
    run = Run(tmp_path / "run")
    assert lines(run) == {"seed0": "done\n"}
    carry_out(with_seeds(0, 1, 2), tmp_path / "run", executor="serial")
    assert lines(run) == {f"seed{seed}": "done\n" for seed in range(3)}


def test_what_cannot_be_is_refused_before_anything_is_read_or_written(tmp_path: Path) -> None:
    data = DataSettings(str(tmp_path / "no such folder"))
    with pytest.raises(UsageError, match="cannot be"):
        carry_out(Counting(replace(SETTINGS, data=data), refuses=True), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_events_tell_pictures_tasks_and_stages_and_the_end_comes_last(tmp_path: Path) -> None:
    events: list[Event] = []
    finished: list[int] = []
    carry_out(
        with_seeds(0, 1), tmp_path / "run", executor="serial", on_event=events.append,
        finish=lambda run: finished.append(len(events)),
    )  # fmt: skip
    assert events[0].stage == "pictures" and events[0].count == events[0].total
    assert Event("tasks", count=2, total=2) in events and Event("done", "seed 1 count") in events
    assert finished == [len(events)]


@given(st.lists(st.integers()), st.lists(st.integers()))
def test_a_union_has_all_of_both_once_and_begins_with_the_old(old: list[int], new: list[int]) -> None:
    found = union(old, new)
    assert sorted(found) == sorted({*old, *new})
    assert found[: len(set(old))] == list(dict.fromkeys(old))
    assert union(found, new) == found


def test_growing_changes_neither_manifest(tmp_path: Path) -> None:
    machine = {"device": "cpu", "threads": 2}
    old = {"seeds": [1], "command": "a", "started": "s", "seconds": 1.0, "settings": {"train": machine}, "splits": {}}
    new = {**old, "seeds": [0], "command": "b", "settings": {"train": {"device": "cuda", "threads": 9, "epochs": 1}}}
    copies = json.loads(json.dumps([old, new]))
    grown = with_seeds(0).grow(old, new)
    assert [old, new] == copies
    assert grown["seeds"] == [1, 0] and grown["settings"]["train"] == {**machine, "epochs": 1}
