"""A real PostgreSQL server for the session, and a store in a database of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from serving import make_patches

from mien.service.store import Store, open_store

PASSWORD = "pw/@:#secret"
QUOTED = "pw%2F%40%3A%23secret"
NUMBERS = count()


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server that the tests have started."""

    binaries: Path
    folder: Path
    port: int

    def run(self, program: str, *arguments: str) -> None:
        """Run one of its programs, as the user postgres where this process is root: root is refused."""
        command = [*as_other_user(), str(self.binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")

    def control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", *arguments)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self.control("-o", options, "start")

    def url(self, database: str = "postgres", *, user: str = f"mien:{QUOTED}") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """The URL of a new, empty database."""
        name = f"store_{next(NUMBERS)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def disconnect(self, url: str) -> None:
        """End all connections to a database, as an administrator may."""
        name = url.rpartition("/")[2]
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def execute(self, statement: str) -> None:
        import pg8000.native

        with pg8000.native.Connection("mien", "127.0.0.1", "postgres", self.port, PASSWORD) as connection:
            connection.run(statement)


def as_other_user() -> Sequence[str]:
    """The beginning of a command that root runs as the user postgres."""
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if _is_root() else ()


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server with a cluster of its own; the test is skipped where PostgreSQL is not installed."""
    pytest.importorskip("pg8000", reason="pg8000 is not installed")
    in_debian = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    at = shutil.which("initdb") or (in_debian[-1] if in_debian else "")
    if not at:
        pytest.skip("no PostgreSQL: initdb is neither on the PATH nor in /usr/lib/postgresql")
    if _is_root() and not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv")
    folder = Path(tempfile.mkdtemp(prefix="mien-pg-"))  # pytest's own folders are closed to other users
    try:
        (folder / "password").write_text(PASSWORD)
        if _is_root():
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = Postgres(Path(at).resolve().parent, folder, port)
        server.run(
            "initdb", "-D", str(folder / "data"), "-U", "mien", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8",
            f"--pwfile={folder / 'password'}", "--no-locale",
        )  # fmt: skip
        server.start()
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store may be made, on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return str(request.getfixturevalue("postgres").create())


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """An empty store on each kind of database."""
    with open_store(place) as store:
        yield store


Execute = Callable[[str], None]


@pytest.fixture
def execute(place: str) -> Execute:
    """Run SQL beside mien, as somebody with another program would."""
    import sqlalchemy as sql

    def run(statement: str) -> None:
        engine = sql.create_engine(place.replace("postgresql:", "postgresql+pg8000:"))
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    return run


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two patches. Read it only."""
    folder = tmp_path_factory.mktemp("patches")
    make_patches(folder)
    return folder
