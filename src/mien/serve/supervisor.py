"""Several processes that serve together: one that ends is replaced, and all end with their parent."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

log = logging.getLogger("mien.serve")
EARLY = 10.0
"""Seconds: a process that ends before has a fault that another one would have, too."""


def supervise(work: Callable[[], object], count: int, seconds: float = 60.0) -> None:
    """Run `work` in so many new processes until this one is asked to stop (SIGTERM or Ctrl-C); then they stop, too.

    A process that ends by itself is replaced; one that ends at once is replaced after some seconds. One that has not
    stopped after `seconds`, or when this process is asked a second time, is killed.
    """
    stopping, killing = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        (killing if stopping.is_set() else stopping).set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    processes = [_started(work) for _ in range(count)]
    began = time.monotonic()
    try:
        while not stopping.is_set():
            ended = wait([process.sentinel for process in processes], timeout=0.2)
            for place, process in enumerate(processes):
                if process.sentinel in ended and not stopping.is_set():
                    log.error("a worker ended with code %s and is replaced", process.exitcode)
                    if time.monotonic() - began < EARLY:
                        stopping.wait(EARLY)
                    processes[place], began = _started(work), time.monotonic()
    finally:
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + seconds
        while any(map(BaseProcess.is_alive, processes)) and time.monotonic() < deadline and not killing.is_set():
            wait([process.sentinel for process in processes if process.is_alive()], timeout=0.2)
        for process in processes:
            process.kill()
            process.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _started(work: Callable[[], object]) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(work,))
    process.start()
    return process


def _work(work: Callable[[], object]) -> None:
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)  # the parent was killed

    threading.Thread(target=watch, daemon=True).start()
    work()
