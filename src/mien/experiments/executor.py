"""Executors: the ways to do the tasks of an experiment. The results are the same with each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, Protocol, TypeVar

from mien.errors import choice_error
from mien.machine import cores
from mien.outside import import_class
from mien.workers import worker_processes

Item = TypeVar("Item")
Result = TypeVar("Result")
GROUP = "mien.executors"
"""Entry points under which packages outside mien register executors."""
EXECUTORS = {
    "processes": "mien.experiments.executor:Processes",
    "serial": "mien.experiments.executor:Serial",
}
"""Name → module:Name. The first one is the default."""
WAIT_SECONDS = 1.0
"""Ctrl-C interrupts no wait without an end on Windows."""


@dataclass(frozen=True)
class TaskResult(Generic[Item, Result]):
    """What a task returned.

    Attributes
    ----------
    item : what the task was called with. value : what it returned. seconds : how long it took.
    """

    item: Item
    value: Result
    seconds: float


class Executor(Protocol):
    """A way to do many tasks. It is made without arguments."""

    def map(
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[TaskResult[Item, Result]]:  # pragma: no cover
        """Call `task` with each item, and yield each result as soon as it is there.

        The first error is raised, and what has not begun then is not done. Tasks begin in the order of the items.

        Parameters
        ----------
        task : a function of a module, so that another process can import it. items : can be pickled.
        """
        ...


class Serial:
    """One task after the other, in this process.

    Examples
    --------
    >>> [result.value for result in Serial().map(abs, [-1, 2])]
    [1, 2]
    """

    def map(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[TaskResult[Item, Result]]:
        for item in items:
            yield _timed(task, item)


class Processes:
    """Several processes at once, which end with this one.

    A process that dies is a RunError. Tasks under way are stopped after an error; they resume from their checkpoints.

    Parameters
    ----------
    workers : how many processes; by default as many as there are cores, and none for a single task, because a new
        process would load every library again.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def map(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[TaskResult[Item, Result]]:
        if self.workers is None and len(items) < 2:
            yield from Serial().map(task, items)
            return
        count = max(1, min(self.workers or cores(), len(items)))
        remedy = "run the same command again, with --engine serial if it happens twice: finished work is kept"
        with worker_processes(count, "engine processes", remedy) as pool:
            pending: set[Future[TaskResult[Item, Result]]] = {pool.submit(_timed, task, item) for item in items}
            while pending:
                done, pending = wait(pending, WAIT_SECONDS, FIRST_COMPLETED)
                for future in done:
                    yield future.result()


def get_executor(name: str) -> Executor:
    """The executor of this name: one of EXECUTORS, or of a package outside mien.

    Raises
    ------
    UsageError : there is none, or it cannot be imported.
    """
    outside = {point.name: point.value for point in entry_points(group=GROUP)} if name not in EXECUTORS else {}
    known = {**outside, **EXECUTORS}
    if name not in known:
        raise choice_error("engine", name, known, place="--engine")
    executor: Executor = import_class(known[name], Executor, place=f"--engine {name}:")()
    return executor


def _timed(task: Callable[[Item], Result], item: Item) -> TaskResult[Item, Result]:
    start = time.perf_counter()
    value = task(item)
    return TaskResult(item, value, time.perf_counter() - start)
