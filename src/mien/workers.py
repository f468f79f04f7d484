"""Processes and threads that work for this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TypeVar

from mien.errors import RunError

Item = TypeVar("Item")
Made = TypeVar("Made")


@contextmanager
def worker_processes(count: int, place: str, remedy: str) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes that end with this one. After an error or Ctrl-C nobody waits for what they are doing.

    They import the main module again: a script that uses them must begin `if __name__ == "__main__":`.

    Raises
    ------
    RunError : one of them died; `place` and `remedy` are told.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_serve)
    finished = False
    try:
        yield pool
        finished = True
    except BrokenProcessPool:
        cause = "a worker process died, perhaps for want of memory"
        raise RunError(cause, place=place, remedy=remedy) from None
    finally:
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=finished, cancel_futures=True)
        for process in [] if finished else workers:
            process.terminate()


def in_order(pool: Executor, function: Callable[[Item], Made], items: Iterable[Item], ahead: int) -> Iterator[Made]:
    """Like the pool's `map`, but no more than `ahead` items are taken before their results are wanted."""
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _serve() -> None:
    """Leave Ctrl-C to the process that started this one, and end as soon as it is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
