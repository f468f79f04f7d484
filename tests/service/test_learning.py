"""When a patch is made and what becomes of it: the process, its end, other workers, and the policy of swaps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from serving import Bars, make_patches, make_service

from mien.errors import RunError, UsageError
from mien.service import learning
from mien.service.comparison import Comparison
from mien.service.learning import Elsewhere, Learning
from mien.service.refit import Outcome
from mien.service.service import Service
from mien.service.store.turns import is_taken, keep_turn

SETTINGS: dict[str, Any] = {"keep": "crop", "patch": "first"}


def endless() -> Bars:
    """A classifier that takes longer to open than any test lasts."""
    time.sleep(600)
    return Bars()


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def serving(folder: Path, open_classifier: Callable[[], Bars] = Bars, **settings: Any) -> Iterator[Service]:
    if not (folder / "first.patch").exists():
        make_patches(folder)
    service = make_service(folder, folder / "service.db", **{**SETTINGS, **settings})
    service.learning.elsewhere = Elsewhere(open_classifier, str(folder / "service.db"))
    service.start()
    try:
        yield service
    finally:
        service.stop()
        service.store.close()


def actions(service: Service) -> list[str]:
    return [entry.action for entry in service.store.patch_log()]


def outcome(service: Service, **changes: Any) -> Outcome:
    second = service.patches.find("second")
    assert second is not None
    better = Comparison(100, 0, (0.5, 0.9), (0.5, 0.9), repaired=40, p=1e-9)
    made = Outcome("better", second.id, "second", service.in_force.now.id, {"holds": True}, better, True, "draws", 7, 9)
    return replace(made, **changes)


def test_a_killed_refit_leaves_no_patch_and_harms_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, endless) as service:
        before = service.in_force.now
        service.learning.start()
        until(multiprocessing.active_children)
        with pytest.raises(RunError, match="a refit runs already"):
            service.learning.start()
        assert service.learning.shown()["running"]
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        until(lambda: not service.learning.running)
        assert "died" in service.learning.problem and service.in_force.now is before and not service.problem
        assert not is_taken(service.store, "refit") and actions(service) == ["start"]
        assert sorted(path.name for path in tmp_path.glob("*.patch")) == ["first.patch", "second.patch"]
        service.learning.elsewhere = Elsewhere(Bars, str(tmp_path / "service.db"))
        service.learning.start()  # again, and now to its end
        until(lambda: not service.learning.running)
        assert actions(service) == ["start", "refit"] and service.learning.problem == ""
        assert service.learning.shown()["last"]["reason"] == "no patch: verdicts: no picture has a verdict and is kept"


def test_a_server_that_stops_ends_its_refit(tmp_path: Path) -> None:
    with serving(tmp_path, endless) as service:
        service.learning.start()
        until(multiprocessing.active_children)
    until(lambda: not multiprocessing.active_children())
    assert not service.learning.running


def test_a_refit_gives_way_to_what_answers(tmp_path: Path) -> None:
    with serving(tmp_path, endless) as service:
        service.learning.start()
        until(multiprocessing.active_children)
        [process] = multiprocessing.active_children()
        assert process.pid is not None
        until(lambda: os.getpriority(os.PRIO_PROCESS, process.pid) >= learning.NICE)
        until(lambda: len(os.sched_getaffinity(process.pid)) == 1)


def test_two_workers_make_one_patch_between_them(tmp_path: Path) -> None:
    with serving(tmp_path, endless) as first, serving(tmp_path, endless) as second:
        assert first.learning._begin() and not second.learning._begin()
        with pytest.raises(RunError, match="a refit runs already"):
            second.learning.start()
        assert second.learning.shown()["running"] and not second.learning.running


def test_a_worker_that_lost_its_turn_gives_up(tmp_path: Path) -> None:
    with serving(tmp_path, endless) as service:
        service.learning.start()
        from mien.service.store.tables import facts

        def steal() -> None:
            with service.store._writing(3) as connection:
                connection.execute(facts.update().where(facts.c.name == "refit").values(value=1))

        until(multiprocessing.active_children)
        steal()
        until(lambda: not service.learning.running)
        assert "another worker" in service.learning.problem and actions(service) == ["start"]


def test_enough_verdicts_begin_a_refit_and_failures_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LOOKED", 0.0)
    begun: list[int] = []
    with serving(tmp_path) as service:
        mine = Learning(service.in_force, service.store, replace(service.settings, refit_after=3), Elsewhere(Bars, ""))
        monkeypatch.setattr(mine, "_begin", lambda: begun.append(1))
        from mien.service.store import DecisionRow

        now = time.time_ns() // 1000  # older ones would expire meanwhile
        service.store.add([DecisionRow(prediction=name, time=now, base="upper", final="upper") for name in "abc"])
        for name in "ab":
            service.store.add_verdict(name, "lower")
        mine.look()
        assert not begun
        service.store.add_verdict("c", "lower")
        mine.look()
        assert len(begun) == 1
        mine._failed("no memory")
        mine.look()
        assert len(begun) == 1 and mine.problem == "no memory"
        mine._not_before = 0.0
        mine._conclude(Outcome("no certificate", verdict=3))
        mine.look()
        assert len(begun) == 1 and mine.shown()["verdicts"] == 0


@pytest.mark.parametrize(
    ("swap", "change", "swapped"),
    [
        ("better", {}, True), ("by-hand", {}, False), ("better", {"better": False}, False),
        ("better", {"previous": "another"}, False),
    ],
)  # fmt: skip
def test_only_what_is_better_is_swapped_and_only_by_policy(
    tmp_path: Path, swap: str, change: dict[str, Any], swapped: bool
) -> None:
    with serving(tmp_path, swap=swap) as service:
        service.learning._conclude(outcome(service, **change))
        assert actions(service) == ["start", "propose", *(["swap"] if swapped else [])]
        entry = service.store.patch_log()[1]
        assert entry.certificate is not None and entry.certificate["holds"] and entry.certificate["until"] == 7
        assert entry.certificate["comparison"]["repaired"] == 40 and entry.who == "mien"
        assert (service.in_force.now.name == "second") == swapped
        assert len(service.learning.shown()["proposals"]) == (not swapped)


def test_an_alarm_leaves_the_swap_to_a_person(tmp_path: Path) -> None:
    with serving(tmp_path, swap="better") as service:
        service.in_force.restrain("silence", "harm")
        service.learning._conclude(outcome(service))
        assert actions(service) == ["start", "restrain", "propose"]


def test_a_proposal_is_declined_once(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        with pytest.raises(UsageError, match="no proposal that waits"):
            service.learning.decline("second")
        service.learning._conclude(outcome(service))
        service.learning.decline("second", reason="too bold", who="Ann")
        entry = service.store.patch_log()[-1]
        assert (entry.action, entry.name, entry.who, entry.reason) == ("decline", "second", "Ann", "too bold")
        with pytest.raises(UsageError, match="no proposal that waits"):
            service.learning.decline("second")
        service.in_force.swap("second")  # by name, it may still be


def test_what_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    make_patches(tmp_path)
    service = make_service(tmp_path, tmp_path / "service.db", keep="crop", refit_after=3)
    service.patches.folder = None
    with pytest.raises(UsageError, match="has no place"):
        Learning(service.in_force, service.store, service.settings, Elsewhere(Bars, ""))
    with pytest.raises(UsageError, match="cannot open the classifier"):
        Learning(service.in_force, service.store, service.settings)
    plain = make_service(tmp_path, tmp_path / "service.db")
    with pytest.raises(UsageError, match="teach nothing without pictures"):
        plain.learning.start()
    for each in (service, plain):
        each.store.close()


def test_the_store_may_fail_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.errors import StorageError

    calls: list[int] = []

    def fails(*given: Any) -> int:
        calls.append(1)
        if len(calls) < 3:
            raise StorageError("locked")
        return keep_turn(*given)

    monkeypatch.setattr(learning, "LOOKED", 0.05)
    monkeypatch.setattr(learning, "keep_turn", fails)
    with serving(tmp_path) as service:
        service.learning.start()
        until(lambda: not service.learning.running)
        assert len(calls) >= 3 and actions(service) == ["start", "refit"]
