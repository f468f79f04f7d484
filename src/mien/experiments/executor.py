"""How the cells of a study are done: one after the other, or several processes at once. The results are the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TypeVar

from mien.errors import choice_error
from mien.machine import cores
from mien.workers import worker_processes

Task = TypeVar("Task")
ENGINES = ("processes", "serial")
POLL_SECONDS = 0.5


def serial(function: Callable[[Task], object], tasks: Sequence[Task], poll: Callable[[], object]) -> None:
    """Do the tasks in this process, one after the other; `poll` is called twice a second from a thread."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            poll()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        for task in tasks:
            function(task)
    finally:
        done.set()
        watcher.join()
        poll()


def processes(
    function: Callable[[Task], object], tasks: Sequence[Task], poll: Callable[[], object], workers: int | None = None
) -> None:
    """Do the tasks in as many processes as there are cores; `poll` is called twice a second.

    The first error stops what has not begun and is raised. A process that dies is a RunError. Finished work is kept,
    and cells under way resume from their checkpoints.
    """
    count = max(1, min(workers or cores(), len(tasks)))
    remedy = "run the same command again, with --engine serial if it happens twice: finished work is kept"
    with worker_processes(count, "engine processes", remedy) as pool:
        pending: set[Future[object]] = {pool.submit(function, task) for task in tasks}
        while pending:
            done, pending = wait(pending, POLL_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            poll()


def engine(name: str) -> Callable[[Callable[[Task], object], Sequence[Task], Callable[[], object]], None]:
    """The engine called `name`, one of ENGINES; UsageError where there is none."""
    if name not in ENGINES:
        raise choice_error("engine", name, ENGINES, place="--engine")
    return serial if name == "serial" else processes
