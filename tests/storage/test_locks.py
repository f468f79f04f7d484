"""Locks: one holder at a time, also on systems and file systems without the usual locks."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.storage import locks

WAYS = ("of the system", "refused by the file system", "by a file's name")
HOLDER = """
import sys
from pathlib import Path
from mien.storage import locks
locks.FCNTL = locks.FCNTL if sys.argv[2] == "of the system" else None
with locks.exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each way to lock, with another process that uses the same one."""

    class WithoutLocks:
        LOCK_EX = LOCK_NB = LOCK_UN = 0

        @staticmethod
        def flock(handle: int, mode: int) -> None:
            raise OSError(locks.UNSUPPORTED[0], "No locks available")

    if request.param != WAYS[0]:
        monkeypatch.setattr(locks, "FCNTL", None if request.param == WAYS[2] else WithoutLocks)
    yield request.param


def test_another_process_waits_its_turn_and_a_killed_one_holds_nothing(way: str, tmp_path: Path) -> None:
    place = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLDER, str(place), way]
    for end in ("quietly", "killed"):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline() == b"held\n"
            with pytest.raises(BlockingIOError), locks.exclusive_lock(place):
                pass
            if end == "killed":
                other.kill()
            other.communicate()
        with locks.exclusive_lock(place):
            pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_thread_may_hold_its_own_lock_again_and_no_other_thread_may(way: str, tmp_path: Path) -> None:
    refused = []

    def other() -> None:
        try:
            with locks.exclusive_lock(tmp_path / ".lock"):
                pass
        except BlockingIOError:
            refused.append(True)

    with locks.exclusive_lock(tmp_path / ".lock", "note"):
        with locks.exclusive_lock(tmp_path / "." / ".lock"):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused and (tmp_path / ".lock").read_text() == "note"


def test_a_temporary_lock_leaves_nothing(way: str, tmp_path: Path) -> None:
    with locks.exclusive_lock(tmp_path / ".a.lock", temporary=True):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_waiting_writers_lose_no_line(way: str, tmp_path: Path) -> None:
    def write(text: str) -> None:
        for _ in range(10):
            with (tmp_path / "log").open("a") as file, locks.locked(file):
                file.write(text)
                file.flush()

    threads = [threading.Thread(target=write, args=(f"{number}\n",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((tmp_path / "log").read_text().split()) == sorted(10 * ["0", "1", "2", "3"])


def test_windows_locks_a_byte_behind_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: set[int] = set()

    class Msvcrt:
        LK_NBLCK, LK_UNLCK = 1, 0

        @staticmethod
        def locking(handle: int, mode: int, count: int) -> None:
            place = os.lseek(handle, 0, os.SEEK_CUR)
            if mode == Msvcrt.LK_NBLCK and place in held:
                raise PermissionError(13, "Permission denied")
            (held.add if mode == Msvcrt.LK_NBLCK else held.remove)(place)

    monkeypatch.setattr(locks, "FCNTL", None)
    monkeypatch.setattr(locks, "MSVCRT", Msvcrt)
    with (tmp_path / "a").open("a+") as file, (tmp_path / "a").open("a+") as again:
        with locks.locked(file, wait=False):
            assert held == {locks.FAR}
            with pytest.raises(BlockingIOError), locks.locked(again, wait=False):
                pass
        assert not held
