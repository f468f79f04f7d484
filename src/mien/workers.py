"""Worker processes that end with their parent, ordered results with a bounded look-ahead, and shares of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TypeVar

from mien.errors import RunError
from mien.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def worker_processes(count: int, place: str, remedy: str) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of new processes that end with this one; after an error or Ctrl-C they are terminated.

    They import the main module again, so a script that uses them needs `if __name__ == "__main__":`.

    Raises
    ------
    RunError : a worker process died; the error has the given `place` and `remedy`.
    """
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_serve)
    finished = False
    try:
        yield pool
        finished = True
    except BrokenProcessPool:
        cause = "a worker process died, perhaps because memory ran out"
        raise RunError(cause, place=place, remedy=remedy) from None
    finally:
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=finished, cancel_futures=True)
        for process in [] if finished else workers:
            process.terminate()


def in_order(pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Map a function over items in a pool, in order, with at most `ahead` items taken before their results."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


_thread = threading.local()


def use_one_core() -> None:
    """Let the calling thread use one core from now on: others work beside it, see `cores_to_use`."""
    _thread.alone = True


def cores_to_use() -> int:
    """Number of cores that the calling thread may use: one where it is one of several, else all."""
    return 1 if getattr(_thread, "alone", False) else cores()


def map_on_cores(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Map a function over items, in order, on all cores that the calling thread may use: each item on one of them.

    The function must release the GIL for most of its time. A single item is for the calling thread.

    >>> list(map_on_cores(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    count = min(cores_to_use(), len(items))
    if count <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(count, initializer=use_one_core) as pool:
        yield from in_order(pool, function, items, 2 * count)


def _serve() -> None:
    """Ignore Ctrl-C, which the parent process handles, and exit when the parent ends, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
