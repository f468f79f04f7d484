"""What a database refuses, as errors of mien with place, cause and remedy. None of them holds a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import exc

from mien.errors import DiskFullError, StorageError
from mien.outside import words

FREE = "free some space; nothing that was acknowledged is lost"
WRITABLE = "make it a place that can be written, or name another"
SERVER = "start the server, or correct host and port"
LOGIN = "correct user and password; PGPASSWORD may hold the password"
OF_SQLITE = {
    sqlite3.SQLITE_BUSY: "another process has locked it for too long: end that process",
    sqlite3.SQLITE_READONLY: WRITABLE,
    sqlite3.SQLITE_CANTOPEN: WRITABLE,
    sqlite3.SQLITE_PERM: WRITABLE,
    sqlite3.SQLITE_IOERR: "look at the disk, or name a place on another one",
    sqlite3.SQLITE_NOTADB: "name a file that mien made, or a new one",
    sqlite3.SQLITE_CORRUPT: "restore it from a copy, or name a new file",
}
"""Result code of SQLite → remedy."""
OF_POSTGRESQL = {
    "28P01": LOGIN, "28000": LOGIN,
    "3D000": "create the database (createdb), or name another",
    "42501": "give the user the right to make tables there: GRANT CREATE ON SCHEMA public TO …",
    "53300": "raise max_connections of the server, or use fewer workers",
    "25006": "name a server that can be written",
}  # fmt: skip
"""SQLSTATE of PostgreSQL → remedy."""
DISK_FULL = ("53100", sqlite3.SQLITE_FULL)


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Turn what the database refuses into a StorageError, or a DiskFullError."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _refusal(error.orig or error, place) from None
    except exc.SQLAlchemyError as error:
        raise StorageError(words(error), place=place, remedy="use fewer workers, or try again later") from None
    except OSError as error:
        cause = f"cannot be reached: {(error.strerror or words(error)).lower()}"
        raise StorageError(cause, place=place, remedy=SERVER) from None


def _state(error: BaseException) -> str | int:
    """The SQLSTATE of PostgreSQL, or the result code of SQLite; "" where an error has neither."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF
    return str(_fields(error).get("C", ""))


def _refusal(error: BaseException, place: str) -> StorageError:
    state, message = _state(error), _fields(error).get("M")
    cause = words(ValueError(message)) if message else words(error)
    if state in DISK_FULL:
        return DiskFullError(cause, place=place, remedy=FREE)
    if isinstance(state, int):
        return StorageError(cause, place=place, remedy=OF_SQLITE.get(state, "look at the file, or name a new one"))
    return StorageError(cause, place=place, remedy=OF_POSTGRESQL.get(state, SERVER))


def _fields(error: BaseException) -> dict[str, Any]:
    """What PostgreSQL reports by letter: C is the SQLSTATE, M the message."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, dict) else {}
