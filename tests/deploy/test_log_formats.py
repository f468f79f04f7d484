"""A log in each format holds the same rows."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.deploy.decisions import formats
from mien.deploy.decisions.formats import check_columns, format_for, write_log
from mien.deploy.decisions.rows import Columns
from mien.errors import UsageError

COLUMNS = Columns(("joy", "fear"), "p", stages=("seconds", "box"))
ANSWER = {
    "file": "a,\n\"b\".png", "status": "ok", "seconds": 1.5, "box": [1.0, 2.0, 3.0, 4.0], "label": "joy",
    "corrected": None, "overridden": True, "probabilities": {"joy": 0.75, "fear": 0.25}, "patch": "p", "score": 0.1,
    "threshold": None, "time": "2026-01-01T00:00:00.000000Z",
}  # fmt: skip
ROWS = [ANSWER, {"file": "b\udcff.png", "status": "unreadable", "seconds": None, "box": None, "error": "is cut"}]


def written(name: str, rows: list[dict[str, Any]] = ROWS, columns: Columns = COLUMNS) -> bytes:
    buffer = io.BytesIO()
    write_log(buffer, name, iter(rows), columns)
    return buffer.getvalue()


def test_json_lines() -> None:
    assert [json.loads(line) for line in written("jsonl").splitlines()] == ROWS


def test_csv() -> None:
    first, second = csv.DictReader(io.StringIO(written("csv").decode()))
    assert list(first) == list(COLUMNS.names)
    assert first["file"] == ANSWER["file"] and first["overridden"] == "1" and first["fear"] == "0.25"
    assert first["box"] == "1.0 2.0 3.0 4.0" and first["corrected"] == first["threshold"] == first["error"] == ""
    assert second["error"] == "is cut" and second["file"] == "b\\udcff.png" and second["joy"] == ""


def test_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    monkeypatch.setattr(formats, "GROUP", 2)
    table = parquet.read_table(io.BytesIO(written("parquet", [*ROWS, ANSWER])))
    assert table.column_names == list(COLUMNS.names)
    first, second, third = table.to_pylist()
    assert first == third and first["fear"] == 0.25 and first["overridden"] is True and first["corrected"] is None
    assert first["seconds"] == 1.5 and first["box"] == "1.0 2.0 3.0 4.0" and first["threshold"] is None
    assert second["error"] == "is cut" and second["label"] is None and second["joy"] is None
    empty = parquet.read_table(io.BytesIO(written("parquet", [])))
    assert empty.schema == table.schema and len(empty) == 0


@given(st.lists(st.fixed_dictionaries({
    "file": st.text(max_size=5), "label": st.sampled_from(["joy", "fear"]), "overridden": st.booleans(),
    "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
})))  # fmt: skip
def test_csv_and_parquet_hold_what_json_lines_hold(rows: list[dict[str, Any]]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    table = parquet.read_table(io.BytesIO(written("parquet", rows))).to_pylist()
    as_csv = list(csv.DictReader(io.StringIO(written("csv", rows).decode(), newline="")))
    as_json = [json.loads(line) for line in written("jsonl", rows).splitlines()]
    for row, in_table, in_csv in zip(as_json, table, as_csv, strict=True):
        assert {name: in_table[name] for name in row} == row
        assert in_csv["label"] == row["label"] and bool(int(in_csv["overridden"])) == row["overridden"]
        assert (float(in_csv["score"]) if in_csv["score"] else None) == row["score"]


@pytest.mark.parametrize(
    ("out", "name", "expected"),
    [
        (None, None, "jsonl"), (None, "csv", "csv"), ("a.jsonl", None, "jsonl"), ("a.NDJSON", None, "jsonl"),
        ("a.csv", None, "csv"), ("a.parquet", None, "parquet"), ("a.log", "csv", "csv"), ("a.csv", "jsonl", "jsonl"),
    ],
)  # fmt: skip
def test_the_format_follows_from_the_name(out: str | None, name: str | None, expected: str) -> None:
    assert format_for(out and Path(out), name) == expected  # type: ignore[arg-type]


def test_what_has_no_format() -> None:
    for out, name, words in (("a.log", None, "no format"), (None, "parquet", "not printed"), (None, "xml", "xml")):
        with pytest.raises(UsageError, match=words):
            format_for(out and Path(out), name)  # type: ignore[arg-type]


def test_a_class_with_the_name_of_a_column() -> None:
    check_columns("jsonl", Columns(("label", "fear")))
    with pytest.raises(UsageError, match="'label' has the name of a column"):
        check_columns("parquet", Columns(("label", "fear")))
