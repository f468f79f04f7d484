"""Decisions reach the store, also when it is away for a while."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mien.errors import StorageError
from mien.service.recorder import MOST_NEW, Record, Recorder
from mien.service.store import DecisionRow, Store, open_store


def record(name: str) -> Callable[[], Record]:
    return lambda: Record(
        DecisionRow(prediction=name, time=1, base="a", final="a"), (), b"png" if name == "a" else None
    )


def test_what_was_taken_is_written_at_the_end(store: Store) -> None:
    recorder = Recorder(store)
    recorder.start()
    for name in "abc":
        recorder.add([record(name)])
    assert recorder.flush()
    recorder.add([record("d")])
    recorder.stop()
    assert store.counts()["decisions"] == 4 and store.crops("ab") == {"a": b"png"}


def test_while_the_store_is_away_decisions_wait_and_the_oldest_are_lost(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    write, is_away = store.add, [True]

    def add(*rows: object) -> None:
        if is_away[0]:
            raise StorageError("gone", place="store")
        write(*rows)  # type: ignore[arg-type]

    store.add = add  # type: ignore[method-assign]
    recorder = Recorder(store, most=3)
    recorder.start()
    recorder.add([record(name) for name in "abcde"])
    assert not recorder.flush(0.1) and recorder.failing is not None and recorder.lost == 2
    is_away[0] = False
    recorder.stop()  # a last try
    assert recorder.failing is None
    assert {row.prediction for row in store.decisions_since()} == set("cde")
    store.close()


def test_a_fault_of_the_store_ends_no_writing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    write, is_faulty = store.add, [True]

    def add(*rows: object) -> None:
        if is_faulty[0]:
            raise ZeroDivisionError("a fault")
        write(*rows)  # type: ignore[arg-type]

    store.add = add  # type: ignore[method-assign]
    recorder = Recorder(store)
    recorder.start()
    recorder.add([record("a")])
    assert not recorder.flush(0.1) and isinstance(recorder.failing, ZeroDivisionError)
    is_faulty[0] = False
    recorder.stop()
    assert recorder.failing is None and store.counts()["decisions"] == 1
    store.close()


def test_decisions_that_are_lost_at_the_end_stand_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        def add(self, *_: object) -> None:
            raise StorageError("gone", place="store")

    recorder = Recorder(Away())  # type: ignore[arg-type]
    recorder.start()
    recorder.add([record(name) for name in "abc"])
    recorder.stop()
    assert recorder.lost == 3 and "3 decisions are lost" in caplog.text


def test_crops_beyond_the_limit_of_memory_are_left_out_and_their_decisions_kept(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        recorder = Recorder(store, most_bytes=7)
        for name in "abc":
            recorder.add([partial(Record, DecisionRow(prediction=name, time=1, base="a", final="a"), (), b"png")])
        recorder.start()
        recorder.stop()
        assert store.counts()["decisions"] == 3 and set(store.crops("abc")) == {"a", "b"}
        assert recorder._bytes == 0


def test_a_decision_without_a_record_is_counted_as_lost_and_others_are_kept(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Record:
        raise ZeroDivisionError("a fault")

    recorder = Recorder(store)
    recorder.start()
    recorder.add([record("a"), broken, record("b")])
    assert recorder.flush() and recorder.waiting == 0
    recorder.stop()
    assert store.counts()["decisions"] == 2 and recorder.lost == 1
    assert "a decision could not be kept" in caplog.text


def test_many_decisions_are_made_into_records_while_the_store_is_busy(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        recorder = Recorder(store)
        count = 2 * MOST_NEW
        for number in range(count):
            recorder.add([record(f"{number}x")])
        assert recorder.waiting == count and len(recorder._new) <= MOST_NEW
        recorder.start()
        recorder.stop()
        assert store.counts()["decisions"] == count and recorder.lost == 0
