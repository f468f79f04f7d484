"""What was counted does not depend on the order of lines, on files, on calls, or on repetition."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.watch.counted import Counted
from mien.watch.log import DECISIONS, UNKNOWN_ID, VERDICTS, Log, read_logs

CLASSES = ("fear", "happiness")
NOW = 1.8e9
Rows = list[dict[str, Any]]


def read(parts: list[Rows], patches: tuple[str, ...] = ("p",)) -> Log:
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jsonl" for number in range(len(parts))]
        for path, rows in zip(paths, parts, strict=True):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_logs(paths, CLASSES, patches, now=NOW)


def counted(*parts: Rows) -> Counted:
    return Counted.nothing("p").with_log(read(list(parts)))


def at(second: int) -> str:
    return f"2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def decided(name: str, second: int | None = None, overridden: bool = True, **more: Any) -> dict[str, Any]:
    when = {} if second is None else {"time": at(second)}
    return {"id": name, "label": "happiness", "overridden": overridden, **when, **more}


def verdict(name: str, label: str, second: int | None = None, **more: Any) -> dict[str, Any]:
    return {"id": name, "label": label, **({} if second is None else {"time": at(second)}), **more}


def outcomes(record: Counted, **how: Any) -> list[float | None]:
    return [None if np.isnan(value) else value for value in record.units(**how).spoilt.tolist()]


def test_an_override_of_a_right_answer_is_spoilt_and_without_a_verdict_it_is_open() -> None:
    log = [decided("a"), decided("b"), decided("c"), decided("d", overridden=False)]
    record = counted(log, [verdict("a", "happiness"), verdict("b", "fear"), verdict("d", "happiness")])
    assert outcomes(record) == [1, 0, None, 0]
    assert record.units().overridden.tolist() == [True, True, True, False]


def test_a_person_is_spoilt_once_where_it_first_stands() -> None:
    log = [
        decided("a", 1, group="x"), decided("b", 2), decided("c", 3, group="x"), decided("d", 4, group="y"),
        decided("e", 5, overridden=False, track="y"),
    ]  # fmt: skip
    verdicts = [verdict("a", "fear"), verdict("b", "fear"), verdict("c", "happiness")]
    record = counted(log, verdicts)
    assert outcomes(record) == [1, 0, None] and record.units().rows.tolist() == [0, 1, 3]


def test_after_the_deadline_what_is_open_counts_as_spoilt() -> None:
    log = [decided("a"), decided("b", 0), decided("c", 3600), decided("d", overridden=False)]
    log.append(decided("e", overridden=False) | {"time": "2026-01-03T00:30:00Z"})
    assert outcomes(counted(log), deadline=2.0) == [None, 0, 1, None, 0]
    assert outcomes(counted(log), deadline=0.0) == [None, 0, 1, 1, 0]
    assert outcomes(counted(log, [verdict("b", "fear")]), deadline=2.0) == [None, 0, 0, None, 0]


def test_logs_without_times_keep_their_order() -> None:
    record = counted([decided("b"), decided("a", overridden=False)], [decided("c"), decided("b")])
    assert record.decisions["overridden"].tolist() == [True, False, True]
    later = record.with_log(read([[decided("d", overridden=False), decided("a", overridden=False)]]))
    assert later.decisions["overridden"].tolist() == [True, False, True, False]


def test_of_contradicting_verdicts_the_later_counts_and_it_is_named() -> None:
    log = [decided("a"), decided("b"), decided("c")]
    parts = read([
        log,
        [verdict("a", "happiness", 9), verdict("a", "fear", 3), verdict("b", "happiness"), verdict("b", "fear")],
        [verdict("c", "fear"), verdict("c", "fear")],
    ])  # fmt: skip
    record = Counted.nothing("p").with_log(parts)
    assert outcomes(record) == [1, 0, 0]
    assert dict(parts.problems.counts) == {VERDICTS: 2} and "1.jsonl, line 2" in parts.problems.examples[0].place
    again = read([[verdict("a", "fear", 20), verdict("b", "fear")]])
    assert outcomes(record.with_log(again)) == [0, 0, 0]
    assert dict(again.problems.counts) == {VERDICTS: 1}


def test_verdicts_on_unknown_pictures_are_named_and_not_kept() -> None:
    log = read([[decided("a")], [verdict("b", "fear"), verdict("a", "fear")]])
    record = Counted.nothing("p").with_log(log)
    assert len(record.verdicts) == 1 and log.problems.counts == {UNKNOWN_ID: 1}
    assert "1.jsonl, line 1" in log.problems.examples[0].place


def test_answers_that_contradict_each_other_are_named_and_the_override_counts() -> None:
    log = read([[decided("a", 1, overridden=False), decided("a", 1), decided("a", 2, overridden=False)]])
    record = Counted.nothing("p").with_log(log)
    assert record.decisions["overridden"].tolist() == [True, False] and log.problems.counts == {DECISIONS: 1}


def test_each_patch_has_its_own_decisions_also_in_later_calls() -> None:
    first = counted([decided("a", 1, patch="q"), decided("a", 1, patch="p"), decided("b", 2, patch="r")])
    assert first.patches == ("p", "q", "r") and [len(first.units(patch).rows) for patch in range(3)] == [1, 1, 1]
    later = first.with_log(read([[decided("c", 3, patch="r"), verdict("a", "happiness") | {"overridden": 1}]],
                                first.patches))  # fmt: skip
    assert later.patches == first.patches and [len(later.units(patch).rows) for patch in range(3)] == [2, 1, 2]


def test_a_picture_that_was_drawn_keeps_its_chance_beside_another_verdict() -> None:
    record = counted([decided("a"), decided("b")], [verdict("a", "fear", chance=0.1), verdict("a", "fear", 5)])
    assert record.chances[0] == pytest.approx(0.1) and np.isnan(record.chances[1])


NAMES = st.sampled_from([f"n{number}" for number in range(6)])
TIMES = st.integers(0, 5)
LOGS = st.lists(
    st.builds(decided, NAMES, TIMES, st.booleans(), group=st.sampled_from([None, "x", "y"]),
              patch=st.sampled_from(["p", "q"])),
    max_size=12, unique_by=lambda row: (row["id"], row["time"], row["patch"]),
)  # fmt: skip
VERDICTS_ON = st.lists(st.builds(verdict, NAMES, st.sampled_from(CLASSES), TIMES), max_size=8,
                       unique_by=lambda row: (row["id"], row["time"]))  # fmt: skip


@settings(max_examples=60)
@given(LOGS, VERDICTS_ON, st.data())
def test_order_files_calls_and_repetition_do_not_matter(log: Rows, verdicts: Rows, data: st.DataObject) -> None:
    once = counted(log, verdicts)
    repeated = data.draw(st.lists(st.sampled_from(log))) if log else []
    mixed = data.draw(st.permutations([*log, *repeated]))
    others = data.draw(st.permutations([*verdicts, *verdicts[:3]]))
    cut, parted = data.draw(st.integers(0, len(mixed))), data.draw(st.integers(0, len(others)))
    files = [mixed[:cut], others[parted:], mixed[cut:], others[:parted]]
    assert_equal(counted(*files), once)
    calls = Counted.nothing("p")
    for part in (mixed[:cut], mixed[cut:], others[:parted], others[parted:], mixed, others):
        calls = calls.with_log(read([part], calls.patches))
    assert_equal(calls, once)


def assert_equal(record: Counted, other: Counted) -> None:
    """The same decisions, outcomes and verdicts, whatever the numbers of the patches."""
    numbers = [other.patches.index(name) for name in record.patches]
    assert sorted(record.patches) == sorted(other.patches)
    for number, same in enumerate(numbers):
        mine, theirs = record.units(number), other.units(same)
        np.testing.assert_array_equal(mine.spoilt, theirs.spoilt)
        np.testing.assert_array_equal(mine.overridden, theirs.overridden)
        np.testing.assert_array_equal(record.decisions["id"][mine.rows], other.decisions["id"][theirs.rows])
    assert record.verdicts.tobytes() == other.verdicts.tobytes()
