"""Work handed to threads and processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mien import workers
from mien.errors import RunError
from mien.workers import cores_to_use, in_order, map_on_cores, worker_processes


def test_results_come_in_order_and_items_are_not_taken_too_early() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(20):
            taken += 1
            yield item

    with ThreadPoolExecutor(3) as pool:
        for done, result in enumerate(in_order(pool, lambda item: item * item, items(), 4)):
            assert result == done * done
            assert taken <= done + 4
    assert taken == 20


def test_an_error_reaches_the_caller() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        list(in_order(pool, lambda item: 1 // item, range(3), 2))


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(RunError, match=r"(?s)there: .*died.*again"), worker_processes(1, "there", "again") as pool:
        pool.submit(os._exit, 1).result()


def test_several_items_are_shared_among_the_cores_and_one_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 3)

    def where(item: int) -> tuple[int, int, bool]:
        return item, cores_to_use(), threading.current_thread() is threading.main_thread()

    assert list(map_on_cores(where, range(4))) == [(item, 1, False) for item in range(4)]
    assert list(map_on_cores(where, [7])) == [(7, 3, True)]
    assert cores_to_use() == 3
