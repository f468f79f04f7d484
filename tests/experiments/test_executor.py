"""Executors: the ways to do the tasks of an experiment."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from mien.data.prepare import DataSettings
from mien.errors import RunError, UsageError
from mien.experiments import executor
from mien.experiments.executor import EXECUTORS, Processes, Serial, get_executor
from mien.experiments.leave_one_out.study import run
from mien.experiments.settings import CompareSettings, StudySettings
from mien.experiments.treatments.comparison import compare


def leave(number: int) -> None:
    os._exit(1)


def inverse(number: int) -> float:
    return 1 / number


class Backwards:
    """An executor from outside."""

    def map(self, task, items):  # type: ignore[no-untyped-def]
        yield from Serial().map(task, items[::-1])


@pytest.mark.parametrize("name", EXECUTORS)
def test_each_returns_what_every_task_returned(name: str) -> None:
    found = list(get_executor(name).map(abs, [-1, 2, -3]))
    assert sorted((result.item, result.value) for result in found) == [(-3, 3), (-1, 1), (2, 2)]
    assert all(result.seconds >= 0 for result in found)
    assert list(get_executor(name).map(abs, [])) == []


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_first_error_is_raised_and_what_was_done_before_is_kept(name: str) -> None:
    results = get_executor(name).map(inverse, [1, 0])
    with pytest.raises(ZeroDivisionError):
        for result in results:
            assert result.value == 1


def test_a_process_that_dies_is_an_error_with_a_remedy() -> None:
    with pytest.raises(RunError, match=r"(?s)died.*--engine serial"):
        list(Processes(1).map(leave, [1]))


def test_a_single_task_needs_no_process() -> None:
    [result] = Processes().map(getpid, [0])
    assert result.value == os.getpid()
    [result] = Processes(1).map(getpid, [0])
    assert result.value != os.getpid()


def getpid(number: int) -> int:
    return os.getpid()


def test_packages_outside_mien_register_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("backwards", f"{__name__}:Backwards", executor.GROUP)
    monkeypatch.setattr(executor, "entry_points", lambda group: [point] if group == executor.GROUP else [])
    assert [result.value for result in get_executor("backwards").map(abs, [-1, -2])] == [2, 1]
    with pytest.raises(UsageError, match="did you mean 'backwards'"):
        get_executor("backward")


@pytest.mark.parametrize("name", ["ray", "", "proceses"])
def test_an_unknown_one_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    data = DataSettings("synthetic:n=60,size=16", size=16)
    with pytest.raises(UsageError, match="choose from: processes, serial"):
        get_executor(name)
    with pytest.raises(UsageError):
        run(StudySettings(data), tmp_path / "run", executor=name)
    with pytest.raises(UsageError):
        compare(CompareSettings(data), tmp_path / "run", executor=name)
    assert not list(tmp_path.iterdir())
