"""Several processes and threads share a store: nothing that was acknowledged is lost, and no reader misses a row."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import pytest

from mien.errors import DataError
from mien.service.store import DecisionRow, LogEntry, Store, open_store
from mien.service.store.connecting import DECISIONS, writing
from mien.service.store.tables import decisions

WORKER = """
import sys
from mien.service.store import DecisionRow, LogEntry, open_store

place, worker, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with open_store(place) as store:
    for batch in range(batches):
        names = [f"{worker}-{batch}-{number}" for number in range(5)]
        store.add([DecisionRow(prediction=name, time=0, base="joy", final="joy") for name in names])
        for name in names[:2]:
            store.add_verdict(name, "fear")
            print(name, flush=True)
        store.log(LogEntry(action="propose", patch=names[0]))
"""


def start(place: str, worker: str, batches: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORKER, place, worker, str(batches)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def go(worker: subprocess.Popen[str]) -> None:
    """Let a worker begin, once all have loaded what they need."""
    assert worker.stdin
    worker.stdin.write("\n")
    worker.stdin.flush()


def test_four_processes_make_one_store_and_write_it_and_nothing_is_lost(place: str) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(start(place, str(number), 20)) for number in range(4)]
        for worker in workers:
            assert worker.stdout and worker.stdout.readline() == "ready\n"
        for worker in workers:
            go(worker)
        results = [worker.communicate(timeout=120) for worker in workers]
        assert [errors for _, errors in results] == [""] * 4 and not any(worker.returncode for worker in workers)
    with open_store(place) as store:
        assert store.counts() == {"decisions": 400, "shadows": 0, "verdicts": 160, "crops": 0, "patch_log": 80}
        acknowledged = {name for output, _ in results for name in output.split()}
        assert {each.prediction for each in store.verdicts_since()} == acknowledged and len(acknowledged) == 160
        for worker in range(4):
            entries = [each.patch for each in store.patch_log() if each.patch.startswith(f"{worker}-")]
            assert entries == [f"{worker}-{batch}-0" for batch in range(20)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_process_loses_no_verdict_that_it_acknowledged(place: str) -> None:
    with start(place, "killed", 1_000_000) as worker:
        assert worker.stdout and worker.stdout.readline() == "ready\n"
        go(worker)
        acknowledged = [worker.stdout.readline().strip() for _ in range(25)]
        worker.kill()
        acknowledged += worker.stdout.read().split()
    assert worker.returncode == -signal.SIGKILL and len(acknowledged) >= 25
    with open_store(place) as store:
        kept = [each.prediction for each in store.verdicts_since()]
        assert kept[: len(acknowledged)] == acknowledged and len(kept) <= len(acknowledged) + 1
        assert len(store.patch_log()) in (len(kept) // 2, (len(kept) - 1) // 2)
        assert store.add_verdict(acknowledged[0], "joy") == "changed"


def rows(worker: int, batch: int) -> list[DecisionRow]:
    return [DecisionRow(prediction=f"{worker}-{batch}-{n}", time=0, base="joy", final="joy") for n in range(3)]


def test_a_reader_that_follows_several_writers_misses_no_row(place: str) -> None:
    done = threading.Event()
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(place)) for _ in range(4)]

        def write(worker: int) -> None:
            for batch in range(25):
                stores[worker].add(rows(worker, batch))

        def follow() -> list[str]:
            names: list[str] = []
            seq = 0
            while True:
                is_last = done.is_set()
                page = stores[3].decisions_since(seq, 7)
                names += [each.prediction for each in page]
                seq = page[-1].seq if page else seq
                if is_last and not page:
                    return names

        with ThreadPoolExecutor(4) as pool:
            reader = pool.submit(follow)
            for written in [pool.submit(write, worker) for worker in range(3)]:
                written.result(timeout=120)
            done.set()
            names = reader.result(timeout=120)
    assert len(names) == len(set(names)) == 225


def test_no_number_is_drawn_while_an_earlier_one_is_not_committed(place: str) -> None:
    """Without that, a reader would pass over the rows of the slower writer for ever."""
    with open_store(place) as slow, open_store(place) as quick, ThreadPoolExecutor(1) as pool:
        with writing(slow._engine, DECISIONS) as connection:
            row = {"prediction": "slow", "time": 0, "patch": "", "base": "joy", "overridden": False, "action": "",
                   "group": "", "image_hash": ""}  # fmt: skip
            connection.execute(decisions.insert(), row)
            added = pool.submit(quick.add, rows(0, 0))
            with pytest.raises(TimeoutError):
                added.result(timeout=0.2)
            assert slow.decisions_since() == [], "the quick one waits for the slow one"
        added.result(timeout=60)
        assert slow.decisions_since()[0].prediction == "slow"


def test_threads_share_a_store(store: Store) -> None:
    store.add(rows(0, 0))
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda label: store.add_verdict("0-0-0", label), ["joy", "fear"] * 20))
    kept = [each.label for each in store.verdicts_since()]
    assert outcomes.count("new") == 1 and len(kept) == 40 - outcomes.count("repeated")
    assert all(first != second for first, second in pairwise(kept))


def test_verdicts_come_while_decisions_expire(place: str) -> None:
    with open_store(place) as store, open_store(place) as other, ThreadPoolExecutor(1) as pool:
        names = [f"n{number}" for number in range(60)]
        store.add([DecisionRow(prediction=name, time=number, base="joy", final="joy")
                   for number, name in enumerate(names)])  # fmt: skip
        expiry = pool.submit(lambda: [other.expire(number) for number in range(60)])
        late = 0
        for name in reversed(names):
            try:
                store.add_verdict(name, "fear")
            except DataError:
                late += 1
        assert sum(expiry.result(timeout=120)) == 59 and late < 60
        assert [each.prediction for each in store.verdicts_since()] == ["n59"]


def test_of_workers_that_swap_at_once_one_succeeds_and_all_notice_it(place: str) -> None:
    with ExitStack() as stack:
        stores = [stack.enter_context(open_store(place)) for _ in range(4)]
        version = stores[0].log(LogEntry(action="start", patch="p"))

        def swap(number: int) -> bool:
            try:
                stores[number].log(LogEntry(action="swap", patch=f"q{number}", previous="p"), after=version)
            except DataError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            swapped = list(pool.map(swap, range(4)))
        assert sum(swapped) == 1
        for store in stores:
            in_force = store.in_force()
            assert store.version() > version and in_force and in_force.patch == f"q{swapped.index(True)}"
