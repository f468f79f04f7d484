"""The database itself keeps its logs append-only, and other tables than those of this version are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from mien.errors import StorageError
from mien.service.store import DecisionRow, LogEntry, open_store

Execute = Callable[[str], None]


@pytest.fixture
def filled(place: str) -> str:
    """A store with a decision, a verdict and an entry."""
    with open_store(place) as store:
        store.add([DecisionRow(prediction="a", time=0, base="joy", final="fear")])
        store.add_verdict("a", "joy")
        store.log(LogEntry(action="start", patch="p"))
    return place


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE patch_log SET patch = 'q'", "DELETE FROM patch_log", "UPDATE verdicts SET label = 'fear'",
        "DELETE FROM verdicts", "UPDATE decisions SET base = 'fear'",
    ],
)  # fmt: skip
def test_evidence_is_neither_changed_nor_removed_alone(filled: str, execute: Execute, statement: str) -> None:
    with pytest.raises(DatabaseError, match="is append-only"):
        execute(statement)
    with open_store(filled) as store:
        assert store.counts() == {"decisions": 1, "shadows": 0, "verdicts": 1, "crops": 0, "patch_log": 1}
        assert store.patch_log()[0].patch == "p" and store.verdicts_since()[0].label == "joy"
        assert store.decisions_since()[0].base == "joy"


def test_an_entry_is_not_replaced(filled: str, execute: Execute) -> None:
    kinds = {
        "sqlite": ["INSERT OR REPLACE INTO patch_log SELECT seq, 0, 'swap', 'q', '', '', '', '', NULL FROM patch_log",
                   "REPLACE INTO verdicts SELECT seq, prediction, 'fear', 0, '' FROM verdicts"],
        "postgresql": ["TRUNCATE patch_log", "TRUNCATE verdicts", "TRUNCATE decisions CASCADE"],
    }  # fmt: skip
    for statement in kinds[filled.partition(":")[0]]:
        with pytest.raises(DatabaseError, match="is append-only"):
            execute(statement)


def test_the_database_takes_no_unknown_action_and_no_verdict_without_a_decision(filled: str, execute: Execute) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)known_action"):
        execute("INSERT INTO patch_log (time, action, patch, previous, name, who, reason)"
                " VALUES (0, 'rollback', '', '', '', '', '')")  # fmt: skip
    if filled.startswith("postgresql"):  # SQLite checks foreign keys on mien's connections alone
        with pytest.raises(DatabaseError, match="foreign key"):
            execute("INSERT INTO verdicts (prediction, label, time, who) VALUES ('b', 'joy', 0, '')")


def test_a_store_opens_again_with_all_its_rows(filled: str) -> None:
    with open_store(filled) as first, open_store(filled) as second:
        assert first.decisions_since() == second.decisions_since() != []
        assert second.add_verdict("a", "joy") == "repeated"


def test_tables_of_a_newer_version_are_refused_and_stay_as_they_are(filled: str, execute: Execute) -> None:
    execute("UPDATE mien_store SET value = 2 WHERE name = 'schema'")
    with pytest.raises(StorageError, match=r"newer version of mien \(tables 2, this version has 1\)\n.*install"):
        open_store(filled)
    execute("UPDATE mien_store SET value = 1 WHERE name = 'schema'")
    with open_store(filled) as store:
        assert store.counts()["verdicts"] == 1


def test_a_database_of_another_program_is_refused_and_stays_as_it_is(place: str, execute: Execute) -> None:
    execute("CREATE TABLE cookies (name TEXT)")
    with pytest.raises(StorageError, match=r"tables of another program: cookies\n.*empty database"):
        open_store(place)
    execute("DROP TABLE cookies")
    with open_store(place) as store:
        assert store.version() == 0


def test_a_plain_path_makes_its_folders(tmp_path: Path) -> None:
    with open_store(tmp_path / "a" / "b" / "store.db") as store:
        assert store.version() == 0
    with open_store(f"{tmp_path}/a/b/store.db") as store:
        assert repr(store) == f"Store('{tmp_path}/a/b/store.db')"
