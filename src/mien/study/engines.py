"""How the cells of a study are done: one after the other, or several processes at once. The results are the same."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from mien.errors import RunError
from mien.machine import cores

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

    The first error stops what has not begun and is raised. A process that dies is a RunError; finished work is kept.
    """
    count = max(1, min(workers or cores(), len(tasks)))
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, initializer=_die_with_parent)
    pending: set[Future[object]] = set()
    try:
        pending = {pool.submit(function, task) for task in tasks}
        while pending:
            done, pending = wait(pending, POLL_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            poll()
    except BrokenProcessPool:
        raise RunError(
            "a worker process died, perhaps for want of memory",
            place="engine processes",
            remedy="run the same command again, with --engine serial if it happens twice: finished work is kept",
        ) from None
    finally:
        # after an error or Ctrl-C nobody waits for the cells under way: they resume from their checkpoints
        workers_now = list((pool._processes or {}).values())
        pool.shutdown(wait=not pending, cancel_futures=True)
        for process in workers_now if pending else []:
            process.terminate()


def _die_with_parent() -> None:
    """End this worker as soon as the process that started it is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def engine(name: str) -> Callable[[Callable[[Task], object], Sequence[Task], Callable[[], object]], None]:
    """The engine called `name`."""
    return serial if name == "serial" else processes


__all__ = ["ENGINES", "engine", "processes", "serial"]
