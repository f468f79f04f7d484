"""Connections to SQLite and PostgreSQL, and the transactions in which a store is written.

Who reads rows in the order of `seq` must never see a row before an earlier one. Numbers are drawn before a commit, so
each kind of row is written by one transaction at a time: on SQLite it holds the file from its beginning, on PostgreSQL
an advisory lock of its kind. It ends only after the commit can be seen.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, text

from mien.errors import UsageError, choice_error
from mien.outside import import_optional
from mien.storage.files import storage_errors

DIALECTS = ("sqlite", "postgresql")
PATIENCE = 30.0
"""Seconds until a lock that another process holds is an error."""
CONNECTING = 15.0
"""Seconds until a server that does not answer counts as unreachable."""
SILENCE = 120.0
"""Seconds without a word of a PostgreSQL server until it counts as gone."""
NAMESPACE = 0x6D69656E
"""First number of mien's advisory locks in a PostgreSQL database."""
TABLES, DECISIONS, VERDICTS, LOG, EXPIRY = range(5)
"""Second number: what is written by one transaction at a time."""
BEGIN = "mien_begin"
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
EXAMPLE = "write it as postgresql://user@host/database"


@dataclass(frozen=True)
class Address:
    """Where a store is: its URL, and the place that messages show, which has no password."""

    url: URL
    place: str

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file_id(self) -> tuple[int, int] | None:
        """Device and number of the file; None where there is none, and for servers."""
        if not self.is_sqlite:
            return None
        with suppress(OSError):
            status = Path(self.place).stat()
            return status.st_dev, status.st_ino
        return None


def address_of(place: str | Path) -> Address:
    """Where a store is, from a URL or a plain path of a file.

    Raises
    ------
    UsageError : a URL that cannot be read, of another kind of database, or with a part that is missing or unknown.

    Examples
    --------
    >>> address_of("postgresql://ann:secret@db.example/mien").place
    'postgresql://db.example:5432/mien'
    """
    if str(place) in ("", ":memory:"):  # each connection would have a database of its own
        raise UsageError("names no file", place="--store", remedy="give the path of a file, such as service.db")
    if "://" not in str(place):
        return Address(URL.create("sqlite", database=str(place)), str(place))
    kind = str(place).partition("://")[0]
    try:
        url = make_url(str(place))
        if "@" in (url.host or ""):
            raise ValueError("a password is not quoted")
    except (exc.ArgumentError, ValueError):  # their messages show the password
        remedy = f"{EXAMPLE}; the signs @ : / % in a password are written as %40 %3A %2F %25"
        raise UsageError("the URL cannot be read", place=f"{kind}://…", remedy=remedy) from None
    if url.drivername not in DIALECTS:
        raise choice_error("database", kind, DIALECTS, place=f"{kind}://…")
    return _file(url) if url.drivername == "sqlite" else _server(url)


def _file(url: URL) -> Address:
    if url.host or url.query or url.database in (None, "", ":memory:"):
        remedy = "write it as sqlite:///relative.db, sqlite:////absolute.db, or as a plain path"
        raise UsageError("the URL names no file alone", place="sqlite://…", remedy=remedy)
    return Address(url, str(url.database))


def _server(url: URL) -> Address:
    place = f"postgresql://{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"
    for part, value in (("user", url.username), ("database", url.database)):
        if not value:
            raise UsageError(f"the URL names no {part}", place=place, remedy=EXAMPLE)
    for name in url.query:
        if name not in ("sslmode", "unix_sock"):
            raise choice_error("parameter", name, ("sslmode", "unix_sock"), place=place)
    if url.query.get("sslmode", "prefer") not in SSL_MODES:
        raise choice_error("sslmode", str(url.query["sslmode"]), SSL_MODES, place=place)
    password = url.password or os.environ.get("PGPASSWORD")
    return Address(url.set(drivername="postgresql+pg8000", password=password), place)


def connect(address: Address) -> Engine:
    """An engine for a store; no connection is made before the first transaction.

    Raises
    ------
    MissingExtraError : the driver of PostgreSQL is not installed. StorageError : the folder of a file cannot be made.
    """
    if address.is_sqlite:
        with storage_errors(Path(address.place)):
            Path(address.place).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address.url, hide_parameters=True, connect_args={"timeout": PATIENCE})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    driver = import_optional("pg8000", "pg8000", "postgres")
    arguments = {"ssl_context": _ssl_context(str(address.url.query.get("sslmode", "prefer"))), "timeout": SILENCE}
    url = address.url.difference_update_query(["sslmode"])
    engine = create_engine(
        url, hide_parameters=True, connect_args=arguments, isolation_level="READ COMMITTED", pool_logging_name="mien"
    )
    # a connection that is dead cannot be closed, which SQLAlchemy would log with a traceback
    logging.getLogger("sqlalchemy.pool.impl.QueuePool.mien").setLevel(logging.CRITICAL)
    event.listen(engine, "do_connect", _connect_at_once)
    event.listen(engine, "checkout", _alive(driver))
    return engine


@contextmanager
def writing(engine: Engine, kind: int, *, durable: bool = True) -> Iterator[Connection]:
    """A transaction that alone writes rows of its kind.

    Parameters
    ----------
    kind : TABLES, DECISIONS, …. durable : whether it is on the disk when it ends. Where it is not, a crash of the whole
        machine may lose it, and never a later one that is durable without it: both follow in one log.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection = connection.execution_options(**{BEGIN: "FULL" if durable else "NORMAL"})
        with connection.begin():
            if engine.dialect.name == "postgresql":
                how = {"space": NAMESPACE, "kind": kind, "commit": "on" if durable else "off"}
                connection.execute(LOCK, how)
            yield connection


LOCK = text(
    "SELECT pg_advisory_xact_lock(CAST(:space AS integer), CAST(:kind AS integer)), "
    "set_config('synchronous_commit', :commit, true)"
)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Make a new connection to a file ready; transactions begin where mien begins them."""
    connection.isolation_level = None
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite does not wait for a lock here
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what has expired is overwritten


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; one that writes holds the file from now on, so that it never fails half-way."""
    synchronous = connection.get_execution_options().get(BEGIN)
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect_at_once(dialect: Any, _: Any, __: Any, named: dict[str, Any]) -> Any:
    """Connect by a socket that sends at once; pg8000's own waits some ms before the end of every longer message."""
    if "unix_sock" in named:
        return None  # SQLAlchemy connects
    host, port = named.get("host", "localhost"), named.get("port", 5432)
    sock = socket.create_connection((host, port), CONNECTING)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(SILENCE)
        return dialect.loaded_dbapi.Connection(**named, sock=sock)
    except BaseException:
        sock.close()
        raise


def _alive(driver: Any) -> Callable[..., None]:
    """A check that lets the pool make another connection where the server has ended this one.

    SQLAlchemy's own check (pool_pre_ping) takes what pg8000 raises for a connection that was reset for another error.
    """

    def check(connection: Any, _: Any, __: Any) -> None:
        try:
            connection.cursor().execute("")
            connection.rollback()
        except (driver.Error, OSError):
            raise exc.DisconnectionError from None

    return check


def _ssl_context(mode: str) -> ssl.SSLContext | bool | None:
    """What pg8000 takes for an `sslmode` of libpq."""
    if mode in ("prefer", "require", "disable"):
        return {"prefer": None, "require": True, "disable": False}[mode]
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    return context
