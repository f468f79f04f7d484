"""The tables of a store, and the guards by which the database itself keeps its logs append-only.

A verdict, a crop and a shadow live as long as their decision: deleting a decision deletes them, and nothing else does.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from mien.errors import StorageError
from mien.service.store.rows import LOGGED

VERSION = 1
"""Of the tables that this version of mien writes."""
METADATA = MetaData()
SCHEMA, EXPIRED = "schema", "expired"
"""Names in `facts`: the version of the tables, and the time before which all was removed."""
_SEQ = BigInteger().with_variant(Integer, "sqlite")


def _seq() -> Column[int]:
    """Places in the order of insertion, of which none is given twice."""
    return Column("seq", _SEQ, primary_key=True, autoincrement=True)


def _prediction(primary: bool = False) -> Column[str]:
    key = ForeignKey("decisions.prediction", ondelete="CASCADE")
    return Column("prediction", Text, key, primary_key=primary, nullable=False, index=not primary)


facts = Table(
    "mien_store", METADATA,
    Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False),
)  # fmt: skip
decisions = Table(
    "decisions", METADATA,
    _seq(),
    Column("prediction", Text, unique=True, nullable=False),
    Column("time", BigInteger, index=True, nullable=False),
    Column("patch", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("final", Text),
    Column("overridden", Boolean, nullable=False),
    Column("action", Text, nullable=False),
    Column("score", Double),
    Column("threshold", Double),
    Column("confidence", Double),
    Column("distance", Double),
    Column("group", Text, nullable=False),
    Column("chance", Double),
    Column("image_hash", Text, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip
shadows = Table(
    "shadows", METADATA,
    _seq(),
    _prediction(),
    Column("patch", Text, nullable=False),
    Column("final", Text),
    Column("overridden", Boolean, nullable=False),
    Column("score", Double),
    Column("threshold", Double),
    UniqueConstraint("prediction", "patch"),
    sqlite_autoincrement=True,
)  # fmt: skip
verdicts = Table(
    "verdicts", METADATA,
    _seq(),
    _prediction(),
    Column("label", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip
crops = Table("crops", METADATA, _prediction(primary=True), Column("png", LargeBinary, nullable=False))
patch_log = Table(
    "patch_log", METADATA,
    _seq(),
    Column("time", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("patch", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("certificate", Text),
    CheckConstraint(f"action IN ({', '.join(repr(action) for action in LOGGED)})", "known_action"),
    sqlite_autoincrement=True,
)  # fmt: skip
LOGS = ("verdicts", "patch_log")
KEPT = "EXISTS (SELECT 1 FROM decisions WHERE prediction = OLD.prediction)"
GUARDS = (("decisions", "UPDATE", ""), ("verdicts", "UPDATE", ""), ("verdicts", "DELETE", KEPT),
          ("patch_log", "UPDATE", ""), ("patch_log", "DELETE", ""))  # fmt: skip
"""(table, what is refused, where): all that a log of evidence must not suffer."""


def prepare(connection: Connection, place: str) -> None:
    """Make the tables in an empty database, within a transaction that no other one of mien writes beside.

    Raises
    ------
    StorageError : the database has tables of another program, or of a newer version of mien.
    """
    names = inspect(connection).get_table_names()
    if facts.name in names:
        version = connection.scalar(select(facts.c.value).where(facts.c.name == SCHEMA)) or 0
        if version > VERSION:
            cause = f"was written by a newer version of mien (tables {version}, this version has {VERSION})"
            raise StorageError(cause, place=place, remedy="install that version, or name another database")
        return
    if names:
        cause = f"has tables of another program: {', '.join(sorted(names))[:200]}"
        raise StorageError(cause, place=place, remedy="name an empty database, or a new file")
    METADATA.create_all(connection, checkfirst=False)
    guards = _postgresql_guards() if connection.dialect.name == "postgresql" else _sqlite_guards()
    for statement in guards:
        connection.exec_driver_sql(statement)
    connection.execute(facts.insert(), [{"name": SCHEMA, "value": VERSION}, {"name": EXPIRED, "value": 0}])


def _sqlite_guards() -> list[str]:
    def trigger(name: str, event: str, where: str) -> str:
        condition = f"WHEN {where} " if where else ""
        refusal = f"SELECT RAISE(ABORT, '{name} is append-only');"
        return f"CREATE TRIGGER {name}_{event.lower()} BEFORE {event} ON {name} {condition}BEGIN {refusal} END"

    # INSERT OR REPLACE deletes a row without a trigger for its deletion
    replaced = [(name, "INSERT", f"EXISTS (SELECT 1 FROM {name} WHERE seq = NEW.seq)") for name in LOGS]
    return [trigger(*guard) for guard in (*GUARDS, *replaced)]


def _postgresql_guards() -> list[str]:
    statements = []
    for name, event, where in GUARDS:
        function = f"mien_{name}_{event.lower()}"
        refusal = "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only';"
        body = f"IF {where} THEN {refusal} END IF; RETURN OLD;" if where else refusal
        statements += [
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
            f"CREATE TRIGGER {function} BEFORE {event} ON {name} FOR EACH ROW EXECUTE FUNCTION {function}()",
        ]
    for name in LOGS:
        function = f"mien_{name}_update"
        trigger = f"CREATE TRIGGER mien_{name}_truncate BEFORE TRUNCATE ON {name}"
        statements.append(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION {function}()")
    return statements
