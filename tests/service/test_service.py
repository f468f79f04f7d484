"""A classifier in service: what is done beside the answers goes on whatever fails, and explanations have a limit."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from serving import make_service, pictures, png

from mien.errors import DataError, OverloadError, StorageError
from mien.service.service import EXPLAINED
from mien.service.store import DecisionRow


@pytest.mark.parametrize("fault", [StorageError("away", place="store"), ZeroDivisionError("a fault")])
def test_what_fails_beside_the_answers_keeps_nothing_else_from_being_done(
    patches: Path, tmp_path: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.service.service.RETRY", 0.01)
    service, expired, failures = make_service(patches, tmp_path / "s.db", patch="first"), threading.Event(), [0]

    def fail() -> None:
        failures[0] += 1
        raise fault

    service.in_force.follow = service.learning.look = fail  # type: ignore[assignment, method-assign]
    service.store.expire = lambda before: expired.set()  # type: ignore[method-assign, assignment, return-value]
    service.start()
    try:
        assert expired.wait(30)
        deadline = time.monotonic() + 30
        while failures[0] < 4:  # they are tried again
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        service.stop()
        service.store.close()


def test_a_verdict_waits_for_a_decision_of_another_worker_and_delays_no_writer(
    patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, other = make_service(patches, tmp_path / "s.db"), make_service(patches, tmp_path / "s.db")
    add, tries = service.store.add_verdict, []

    def counted(*arguments: Any, **named: Any) -> str:
        tries.append(arguments)
        return add(*arguments, **named)

    monkeypatch.setattr(service.store, "add_verdict", counted)
    with pytest.raises(DataError, match="no decision"):
        service.verdict("nothing", "upper", seconds=0.2)
    assert len(tries) == 2
    late = threading.Timer(0.1, other.store.add, [[DecisionRow(prediction="a", time=1, base="upper", final="upper")]])
    late.start()
    assert service.verdict("a", "upper", seconds=30) == "new"
    late.join()
    for each in (service, other):
        each.store.close()


def test_after_the_end_the_store_is_whole_in_its_file(patches: Path, tmp_path: Path) -> None:
    service = make_service(patches, tmp_path / "s.db", patch="first").start()
    service.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["s.db"]


def test_more_explanations_than_may_wait_are_refused(patches: Path, tmp_path: Path) -> None:
    service, go, begun = make_service(patches, tmp_path / "s.db"), threading.Event(), threading.Semaphore(0)

    def slow(*_: Any) -> dict[str, Any]:
        begun.release()
        go.wait(30)
        return {}

    service.reasons.of = slow  # type: ignore[method-assign]
    content = png(pictures(1)[0][0])
    threads = [threading.Thread(target=service.explain, args=(content,)) for _ in range(EXPLAINED)]
    for thread in threads:
        thread.start()
    try:
        assert all(begun.acquire(timeout=30) for _ in threads)
        with pytest.raises(OverloadError, match="wait for it"):
            service.explain(content)
    finally:
        go.set()
        for thread in threads:
            thread.join()
    assert service.explain(content) == {}
    service.store.close()
