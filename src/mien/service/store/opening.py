"""The way into a store: its packages are checked, its database is opened or made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mien.outside import import_optional

if TYPE_CHECKING:
    from mien.service.store.store import Store


def open_store(place: str | Path) -> Store:
    """Open a store, or make it where there is none.

    Parameters
    ----------
    place : sqlite:///PATH, the path of a file, or postgresql://user:password@host/database. A password may also stand
        in the environment variable PGPASSWORD. `?sslmode=verify-full` and the other modes of libpq work.

    Raises
    ------
    UsageError : a URL that cannot be used. MissingExtraError : SQLAlchemy or the driver is not installed.
    StorageError : no such server, a wrong password, a file that is no database, a folder that cannot be written, tables
        of another program or of a newer version of mien.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from mien.service.store import DecisionRow
    >>> with TemporaryDirectory() as folder, open_store(f"{folder}/store.db") as store:
    ...     store.add([DecisionRow(prediction="a", time=0, base="joy", final="fear", overridden=True)])
    ...     store.add_verdict("a", "fear"), store.add_verdict("a", "fear"), store.add_verdict("a", "joy")
    ('new', 'repeated', 'changed')
    """
    import_optional("sqlalchemy", "sqlalchemy", "serve")
    from mien.service.store.connecting import address_of
    from mien.service.store.store import Store

    return Store(address_of(place))
