"""What may be wrong with a database leads to an error with place, cause and remedy, and never shows a password."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from sqlalchemy import event

from mien.errors import DiskFullError, MienError, MissingExtraError, StorageError, UsageError
from mien.service.store import DecisionRow, Store, open_store
from mien.service.store.connecting import address_of

SECRET = "s3cr3t"


def refused(place: str | Path, kind: type[MienError]) -> str:
    """The message of the error that opening a store raises; it holds no password, nor does what leads to it."""
    with pytest.raises(kind) as caught:
        open_store(place)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown and "pw/" not in shown
    assert caught.value.place and caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"mysql://ann:{SECRET}@host/db", "mysql://…: database 'mysql' is not known\n.*sqlite, postgresql"),
        (f"postgresql+psycopg://ann:{SECRET}@host/db", "'postgresql.psycopg' is not known"),
        (f"postgres://ann:{SECRET}@host/db", "did you mean 'postgresql'"),
        (f"postgresql://ann:x@host:{SECRET}/db", "postgresql://…: the URL cannot be read\n.*%2F"),
        (f"postgresql://ann:x@{SECRET}@host/db", "cannot be read"),
        ("://", "cannot be read"),
        (f"postgresql://:{SECRET}@host/db", "names no user"),
        (f"postgresql://ann:{SECRET}@host", "names no database"),
        (f"postgresql://ann:{SECRET}@host/db?passwort={SECRET}", "parameter 'passwort' is not known"),
        (f"postgresql://ann:{SECRET}@host/db?sslmode=yes", "sslmode 'yes' is not known"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("", "names no file"),
        (":memory:", "names no file"),
        ("sqlite:///a.db?mode=ro", "names no file"),
        ("sqlite://a.db", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    assert_matches(refused(url, UsageError), message)


def assert_matches(message: str, pattern: str) -> None:
    assert re.search(pattern, message), message


def test_a_wrong_password_or_database_is_named_and_the_password_is_not(postgres: Any) -> None:
    message = refused(postgres.url(user=f"mien:{SECRET}"), StorageError)
    assert_matches(message, r"postgresql://127.0.0.1:\d+/postgres: password authentication failed.*\n.*PGPASSWORD")
    assert_matches(refused(postgres.url("nothing"), StorageError), '"nothing" does not exist\n.*createdb')


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    message = refused(f"postgresql://ann:{SECRET}@127.0.0.1:{port}/db", StorageError)
    assert_matches(
        message, f"postgresql://127.0.0.1:{port}/db: cannot be reached: connection refused\n.*start the server"
    )
    assert_matches(refused("postgresql://ann:x@no-such-host.invalid/db", StorageError), "cannot be reached")


def test_a_password_of_the_environment_and_a_socket_are_used(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.create()
    monkeypatch.setenv("PGPASSWORD", "pw/@:#secret")
    place = url.replace(url.partition("//")[2].partition("@")[0], "mien")
    with open_store(place) as store:
        database = url.rpartition("/")[2]
        assert store.version() == 0 and repr(store) == f"Store('postgresql://127.0.0.1:{postgres.port}/{database}')"
    with open_store(f"{place}?unix_sock={postgres.folder}/.s.PGSQL.{postgres.port}&sslmode=disable") as store:
        assert store.version() == 0


def test_a_server_without_encryption_is_refused_where_it_is_required(postgres: Any) -> None:
    for mode in ("require", "verify-full"):
        assert_matches(refused(f"{postgres.url()}?sslmode={mode}", StorageError), "SSL")


def test_the_modes_of_encryption_are_those_of_libpq() -> None:
    from mien.service.store.connecting import _ssl_context

    full, authority = _ssl_context("verify-full"), _ssl_context("verify-ca")
    assert full and authority and full is not True and authority is not True
    assert full.check_hostname and not authority.check_hostname and full.verify_mode == authority.verify_mode == 2
    assert [_ssl_context(mode) for mode in ("prefer", "require", "disable")] == [None, True, False]


def test_a_server_that_restarts_is_used_again(postgres: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = postgres.create()
    with open_store(url) as store:
        store.add([DecisionRow(prediction="a", time=0, base="joy", final="joy")])
        postgres.control("-m", "fast", "stop")
        with pytest.raises(StorageError, match="start the server"):
            store.add_verdict("a", "fear")
        postgres.start()
        assert store.add_verdict("a", "fear") == "new"
        postgres.control("-m", "fast", "restart")
        assert store.add_verdict("a", "fear") == "repeated" and store.counts()["verdicts"] == 1
        postgres.disconnect(url)
        assert store.add_verdict("a", "joy") == "changed"
    assert not caplog.records, "nobody sees the traceback of a connection that could not be closed"


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database\n" * 100)
    assert_matches(refused(path, StorageError), "notes.txt: file is not a database\n.*name a file that mien made")
    assert path.read_text() == "no database\n" * 100


def test_a_damaged_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with open_store(path) as store:
        store.add([DecisionRow(prediction=str(number), time=0, base="joy", final="joy") for number in range(2000)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)
    assert_matches(refused(path, StorageError), "malformed\n.*restore it from a copy")


@pytest.mark.parametrize("name", [".", "file/store.db"])
def test_a_place_that_can_hold_no_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / name, StorageError)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, read_only: Callable[[Path], None]) -> None:
    read_only(tmp_path)
    assert_matches(refused(tmp_path / "store.db", StorageError), "unable to open database file\n.*can be written")


@pytest.fixture
def read_only(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Make a folder read-only, also for root."""

    def make(folder: Path) -> None:
        folder.chmod(0o500)
        request.addfinalizer(lambda: folder.chmod(0o700))
        try:
            (folder / "probe").touch()
        except OSError:
            return
        (folder / "probe").unlink()
        if subprocess.run(["chattr", "+i", folder], capture_output=True, check=False).returncode:
            pytest.skip("root writes everywhere, and chattr makes no folder immutable here")
        request.addfinalizer(lambda: subprocess.run(["chattr", "-i", folder], check=True))

    return make


def limit_pages(store: Store, pages: int) -> None:
    """Let the file of a store grow no further, as on a full disk."""
    store.close()
    event.listen(store._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count={pages}"))


def test_a_full_disk_is_named_and_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    rows = [DecisionRow(prediction=str(number), time=0, base="joy", final="joy") for number in range(5000)]
    with open_store(tmp_path / "store.db") as store:
        store.add(rows[:10])
        store.add_verdict("3", "fear")
        limit_pages(store, 1)
        with pytest.raises(DiskFullError, match=r"store.db: database or disk is full\n.*free"):
            store.add(rows)
    with open_store(tmp_path / "store.db") as store:
        assert store.counts()["decisions"] == 10 and store.verdicts_since()[0].label == "fear"
        store.add(rows)
        assert store.counts()["decisions"] == 5000


def test_a_file_that_another_program_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path / "store.db"):
        pass
    monkeypatch.setattr("mien.service.store.connecting.PATIENCE", 0.05)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        assert_matches(refused(tmp_path / "store.db", StorageError), "database is locked\n.*another process")
    finally:
        other.close()


def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(MissingExtraError, match=r"pip install 'mien\[postgres\]'"):
        patched.setitem(sys.modules, "pg8000", None)
        open_store("postgresql://ann@host/db")
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[serve\]'"):
        monkeypatch.setitem(sys.modules, "sqlalchemy", None)
        open_store(tmp_path / "store.db")


def test_an_address_shows_no_password() -> None:
    address = address_of(f"postgresql://ann:{SECRET}@host:1234/db")
    assert address.place == "postgresql://host:1234/db" and SECRET not in repr(address)
    assert isinstance(address.url, sql.URL) and address.url.password == SECRET


def test_a_file_that_is_removed_or_exchanged_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    with open_store(place) as store:
        assert store.is_there
        content = place.read_bytes()
        place.unlink()
        assert not store.is_there
        place.write_bytes(content)
        assert not store.is_there
    with open_store(place) as store:
        assert store.is_there
