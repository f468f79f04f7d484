"""A store: one database that several workers write and read, with one truth for all of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Self, TypeVar

import sqlalchemy as sql
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from mien.errors import DataError
from mien.service.store.connecting import DECISIONS, EXPIRY, LOG, TABLES, VERDICTS, Address, connect, writing
from mien.service.store.failures import store_errors
from mien.service.store.rows import (
    CHANGED,
    IN_FORCE,
    NEW,
    REPEATED,
    DecisionRow,
    LogEntry,
    ShadowRow,
    VerdictRow,
    now,
    text,
    values,
)
from mien.service.store.tables import EXPIRED, METADATA, crops, decisions, facts, patch_log, prepare, shadows, verdicts

PAGE = 10_000
"""Rows that are read at once."""
REMOVED = 2_000
"""Decisions that are removed at once, so that nobody who writes waits long."""
NAMED = 500
"""Ids that one query names."""
Row = TypeVar("Row", DecisionRow, ShadowRow, VerdictRow)


class Store:
    """Decisions, verdicts on them, and the log of patches, in a database. Threads may share a store.

    `open_store` opens one. Every method raises a StorageError where the database cannot be reached, read or written.
    """

    def __init__(self, address: Address) -> None:
        self.place = address.place
        self._address = address
        self._engine = connect(address)
        # threads of one process take turns in better order than SQLite gives
        self._turn = threading.Lock() if address.is_sqlite else nullcontext()
        try:
            with self._writing(TABLES) as connection:
                prepare(connection, self.place)
            self._opened = address.file_id
        except BaseException:
            self.close()
            raise

    @property
    def is_there(self) -> bool:
        """Whether the database is the one that was opened: a file may be removed or exchanged meanwhile."""
        return self._address.file_id == self._opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.place!r})"

    def close(self) -> None:
        """Close all connections. A later call of another method makes new ones."""
        self._engine.dispose()

    def add(
        self,
        answers: Sequence[DecisionRow],
        others: Sequence[ShadowRow] = (),
        pictures: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add decisions with their shadows and crops, in one transaction. Those that the store has already stay.

        A crash of the whole machine may lose the last of them; a verdict on a decision is never kept without it.

        Parameters
        ----------
        pictures : id of a prediction → PNG of what the classifier read; for those whose pictures are kept.
        """
        pngs = [{"prediction": text(name), "png": png} for name, png in (pictures or {}).items()]
        with self._writing(DECISIONS, durable=False) as connection:
            _insert(connection, decisions, values(answers))
            _insert(connection, shadows, values(others))
            if pngs:
                connection.execute(_inserted(connection, crops).on_conflict_do_nothing(), pngs)

    def decision(self, prediction: str) -> DecisionRow | None:
        """The decision with this id; None where there is none, or it has expired."""
        query = sql.select(decisions).where(decisions.c.prediction == text(prediction))
        return next(iter(self._rows(DecisionRow, query)), None)

    def decisions_since(self, seq: int = 0, limit: int = PAGE) -> list[DecisionRow]:
        """The next decisions after a place in the order of insertion; none appears before these later on."""
        query = sql.select(decisions).where(decisions.c.seq > seq).order_by(decisions.c.seq).limit(limit)
        return self._rows(DecisionRow, query)

    def shadows_since(self, seq: int = 0, limit: int = PAGE) -> list[ShadowRow]:
        """The next shadows after a place in the order of insertion."""
        query = sql.select(shadows).where(shadows.c.seq > seq).order_by(shadows.c.seq).limit(limit)
        return self._rows(ShadowRow, query)

    def verdicts_since(self, seq: int = 0, limit: int = PAGE) -> list[VerdictRow]:
        """The next verdicts after a place in the order of insertion; of those on one prediction, the last counts."""
        query = sql.select(verdicts, decisions.c.patch, decisions.c.chance).join(decisions)
        return self._rows(VerdictRow, query.where(verdicts.c.seq > seq).order_by(verdicts.c.seq).limit(limit))

    def add_verdict(self, prediction: str, label: str, *, who: str = "", time: int | None = None) -> str:
        """Add a verdict, which is on the disk when this returns.

        Parameters
        ----------
        label : name of the class that is right. time : µs since 1970; by default the clock's.

        Returns
        -------
        One of OUTCOMES: "new"; "repeated", and nothing is added, where the latest verdict on the prediction has that
        label; "changed" where it has another.

        Raises
        ------
        DataError : no decision has this id.
        """
        name, label = text(prediction), text(label)
        with self._writing(VERDICTS) as connection:
            latest = connection.execute(LATEST, {"prediction": name}).first()
            if latest is None:
                remedy = "give the id of an answer; one that is older than the age limit has expired"
                raise DataError("no decision has this id", place=f"prediction {name[:100]}", remedy=remedy)
            before, earlier = latest
            if before == label:
                return REPEATED
            moment = max(now() if time is None else time, earlier or 0)  # clocks of workers may differ
            row = {"prediction": name, "label": label, "time": moment, "who": text(who)}
            connection.execute(verdicts.insert(), row)
        return NEW if before is None else CHANGED

    def answer_counts(self, patch: str) -> dict[tuple[str, str | None], int]:
        """(f's answer, corrected answer) → how many decisions of a patch have both."""
        columns = decisions.c.base, decisions.c.final
        query = sql.select(*columns, sql.func.count()).where(decisions.c.patch == text(patch)).group_by(*columns)
        with self._reading() as connection:
            return {(base, final): int(count) for base, final, count in connection.execute(query)}

    def open_decisions(self, patch: str, limit: int = 50) -> list[DecisionRow]:
        """The latest decisions of a patch without a verdict that need one: overrides, and those drawn for an audit."""
        is_asked = decisions.c.overridden | decisions.c.chance.is_not(None)
        has_none = ~sql.exists().where(verdicts.c.prediction == decisions.c.prediction)
        query = sql.select(decisions).where(decisions.c.patch == text(patch), is_asked, has_none)
        return self._rows(DecisionRow, query.order_by(decisions.c.seq.desc()).limit(limit))

    def crops(self, predictions: Iterable[str]) -> dict[str, bytes]:
        """The PNGs of those of these predictions whose pictures are kept."""
        names, kept = list(dict.fromkeys(map(text, predictions))), {}
        with self._reading() as connection:
            for start in range(0, len(names), NAMED):
                query = sql.select(crops).where(crops.c.prediction.in_(names[start : start + NAMED]))
                kept.update({name: bytes(png) for name, png in connection.execute(query)})
        return kept

    def log(self, entry: LogEntry, *, after: int | None = None) -> int:
        """Append to the log of patches; the entry is on the disk when this returns.

        Parameters
        ----------
        after : `version()` on which the entry is based; None for any.

        Returns
        -------
        The new version.

        Raises
        ------
        DataError : the log is no longer at `after`, because another worker has appended to it.
        """
        [row] = values([entry])
        row["time"] = entry.time or now()
        with self._writing(LOG) as connection:
            version = _version(connection)
            if after is not None and version != after:
                cause = f"the log of patches has grown meanwhile (version {version}, not {after})"
                raise DataError(cause, place=self.place, remedy="look at what is in force now, and try again")
            return int(connection.execute(patch_log.insert().returning(patch_log.c.seq), row).scalar_one())

    def patch_log(self, seq: int = 0) -> list[LogEntry]:
        """The entries of the log of patches after a place in it, in order."""
        return self._entries(sql.select(patch_log).where(patch_log.c.seq > seq).order_by(patch_log.c.seq))

    def in_force(self) -> LogEntry | None:
        """The last entry that put a patch in force; None where there is none."""
        query = sql.select(patch_log).where(patch_log.c.action.in_(IN_FORCE))
        return next(iter(self._entries(query.order_by(patch_log.c.seq.desc()).limit(1))), None)

    def version(self) -> int:
        """Place of the last entry in the log of patches, 0 for none: cheap to ask, so that others notice a swap."""
        with self._reading() as connection:
            return _version(connection)

    def expire(self, before: int) -> int:
        """Remove decisions from before a time, with their verdicts, shadows and crops. The log of patches stays.

        Parameters
        ----------
        before : µs since 1970.

        Returns
        -------
        How many decisions were removed.
        """
        old = sql.select(decisions.c.seq).where(decisions.c.time < before).order_by(decisions.c.time).limit(REMOVED)
        later = sql.update(facts).where(facts.c.name == EXPIRED, facts.c.value < before).values(value=before)
        total = 0
        while True:
            with self._writing(EXPIRY, durable=False) as connection:
                connection.execute(later)
                removed = connection.execute(decisions.delete().where(decisions.c.seq.in_(old))).rowcount
            total += removed
            if removed < REMOVED:
                return total

    def expired_before(self) -> int:
        """The time, in µs since 1970, before which all decisions were removed; 0 where none were."""
        with self._reading() as connection:
            return int(connection.execute(sql.select(facts.c.value).where(facts.c.name == EXPIRED)).scalar_one())

    def counts(self) -> dict[str, int]:
        """The number of rows in each table."""
        tables = [table for table in METADATA.sorted_tables if table is not facts]
        queries = {table.name: sql.select(sql.func.count()).select_from(table) for table in tables}
        with self._reading() as connection:
            return {name: int(connection.execute(query).scalar_one()) for name, query in queries.items()}

    @contextmanager
    def _writing(self, kind: int, *, durable: bool = True) -> Iterator[Connection]:
        with store_errors(self.place), self._turn, writing(self._engine, kind, durable=durable) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with store_errors(self.place), self._engine.connect() as connection:
            yield connection

    def _rows(self, kind: type[Row], query: sql.Select[Any]) -> list[Row]:
        with self._reading() as connection:
            return [kind(**row) for row in connection.execute(query).mappings()]

    def _entries(self, query: sql.Select[Any]) -> list[LogEntry]:
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [LogEntry(**{**row, "certificate": json.loads(row["certificate"] or "null")}) for row in rows]


LATEST = (
    sql.select(verdicts.c.label, verdicts.c.time)
    .select_from(decisions.outerjoin(verdicts))
    .where(decisions.c.prediction == sql.bindparam("prediction"))
    .order_by(verdicts.c.seq.desc())
    .limit(1)
    .with_for_update(read=True, key_share=True, of=decisions)
)
"""The latest verdict on a decision: no row without a decision, nulls without a verdict. It cannot expire meanwhile."""


def _version(connection: Connection) -> int:
    return int(connection.execute(sql.select(sql.func.coalesce(sql.func.max(patch_log.c.seq), 0))).scalar_one())


def _inserted(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those that the table has already stay as they are."""
    if not rows:
        return
    statement = _inserted(connection, table)
    if connection.dialect.name == "sqlite":
        connection.execute(statement.on_conflict_do_nothing(), rows)
        return
    # one message to the server for all rows, in place of one for each
    columns = [column for column in table.columns if column.name in rows[0]]
    records = sql.func.json_to_recordset(sql.bindparam("rows", type_=sql.JSON))
    source = records.table_valued(*(sql.column(column.name, column.type) for column in columns))
    query = sql.select(*source.render_derived(with_types=True).c)
    connection.execute(statement.from_select(columns, query).on_conflict_do_nothing(), {"rows": rows})
