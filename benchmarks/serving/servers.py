"""Servers in processes of their own, for the time of a measurement."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

SECONDS = 120.0
"""Until a server must answer."""


@dataclass
class Server:
    """A server that answers.

    Attributes
    ----------
    process : its first process. port : on the loopback address.
    """

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> float:
        """MiB of memory that it holds, with the processes that it started."""
        return sum(_resident(pid) for pid in [self.process.pid, *_children(self.process.pid)]) / 2**20

    def kill(self) -> None:
        """End all of its processes at once, as a crash does."""
        for pid in [*_children(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def mien_server(base: Path, store: Path | str, *flags: str) -> Iterator[Server]:
    """`mien serve`, with the flags; its output goes into the file `store` + ".log"."""
    command = [sys.executable, "-m", "mien", "serve", str(base), "--store", str(store), *flags]
    with _started(command, "/readyz", {}) as server:
        yield server


@contextmanager
def plain_server(model: Path) -> Iterator[Server]:
    """The endpoint of `benchmarks.serving.plain`, by uvicorn as it is by default."""
    command = [sys.executable, "-m", "uvicorn", "benchmarks.serving.plain:app", "--log-level", "warning"]
    with _started([*command, "--no-access-log"], "/docs", {"PLAIN_MODEL": str(model)}) as server:
        yield server


@contextmanager
def bare_server(base: Path) -> Iterator[Server]:
    """The application of `benchmarks.serving.bare`, run as `mien serve` runs its own."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.serving.bare:application"]
    flags = ["--log-level", "warning", "--no-access-log", "--no-server-header"]
    with _started([*command, *flags], "/docs", {"BARE_BASE": str(base)}) as server:
        yield server


@contextmanager
def _started(command: list[str], ready: str, environment: dict[str, str]) -> Iterator[Server]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port)], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    server = Server(process, port)
    try:
        _wait(server, ready)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _wait(server: Server, path: str) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(server.url + path, timeout=5):
                return
        except (URLError, OSError):
            if server.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"a server did not start: {server.process.args}") from None
            time.sleep(0.1)


def _children(pid: int) -> list[int]:
    """Processes that a process started, and those that these started."""
    try:
        direct = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*direct, *(grandchild for child in direct for grandchild in _children(child))]


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds and shares with no other."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
