"""Logs and verdicts from elsewhere: what is usable is read, everything else is named and not counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import DataError
from mien.watch.fields import NO_TIME, as_time, time_text
from mien.watch.lines import LONGEST
from mien.watch.log import (
    BROKEN,
    FUTURE,
    NO_LOG,
    OTHER_PATCH,
    PATCHES,
    UNKNOWN_CLASS,
    Log,
    read_logs,
)

CLASSES = ("fear", "happiness", "neutral")
NOW = as_time("2026-11-27T12:00:00Z") / 1e6
Write = Callable[[str], Log]


def decision(**more: Any) -> dict[str, Any]:
    """A line as mien predict writes it."""
    shares = {"fear": 0.25, "happiness": 0.7, "neutral": 0.05}
    row = {"file": "a.png", "label": "happiness", "corrected": "fear", "overridden": True, "probabilities": shares}
    return row | {"patch": "p", "score": 1.5, "threshold": 1.0, "time": "2026-11-27T10:00:00Z"} | more


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def read(tmp_path: Path) -> Write:
    """Write a text into a file, and read it as a log of the patch p."""

    def read_text(text: str) -> Log:
        (tmp_path / "file").write_bytes(text.encode(errors="surrogateescape"))
        return read_logs([tmp_path / "file"], CLASSES, ("p",), now=NOW)

    return read_text


CSV = """file,label,corrected,overridden,fear,happiness,neutral,error,patch,score,threshold,time
a.png,happiness,fear,1,0.25,0.7,0.05,,p,1.5,1.0,2026-11-27T10:00:00Z
b.png,,,,,,,is no picture,,,,
"""


def test_a_log_is_the_same_as_json_lines_and_as_csv(read: Write) -> None:
    as_json, as_csv = read(lines(decision(), {"file": "b.png", "error": "is no picture"})), read(CSV)
    assert not as_json.problems.counts and not as_csv.problems.counts
    assert as_json.decisions.tobytes() == as_csv.decisions.tobytes()
    [row] = as_json.decisions
    assert (row["base"], row["overridden"], row["score"]) == (1, True, 1.5)
    assert row["confidence"] == np.float32(0.7) and np.isnan(row["distance"])
    assert row["time"] == as_time("2026-11-27T10:00:00Z")


def test_pictures_without_an_answer_are_no_decisions(read: Write) -> None:
    """Also where a log begins with one."""
    odd = [{"file": "x.png", "status": "no_face"}, {"file": "y.png", "status": "unreadable", "error": "is cut"}]
    log = read(lines(*odd, {**decision(), "status": "ok"}, *odd))
    assert len(log.decisions) == 1 and not log.problems.counts
    titles = "file,status,label,corrected,overridden,fear,error\n"
    log = read(f"{titles}x.png,no_face,,,,,\na.png,ok,fear,fear,0,0.9,\ny.png,unreadable,,,,,is cut\nz.png,ok,,,0,,\n")
    assert len(log.decisions) == 1 and log.problems.counts == {BROKEN: 1}
    verdicts = read(lines({"id": "a.png", "verdict": "fear", "status": "looked at"}))
    assert len(verdicts.verdicts) == 1


def test_columns_are_optional_and_may_have_other_names(read: Write) -> None:
    [row] = read("Overridden;ID;Label;Track;Confidence\nTrue;7;FEAR;x;0.5\n").decisions
    assert (row["base"], row["overridden"], row["time"], row["patch"]) == (0, True, NO_TIME, 0)
    assert row["group"] and row["confidence"] == 0.5 and np.isnan(row["score"])


@pytest.mark.parametrize("titles", ["id,label", "file,verdict", "ID;Verdict;who"])
def test_verdicts_are_recognised_by_their_columns(read: Write, titles: str) -> None:
    log = read(titles + "\n" + ("a.png;joy;anna" if ";" in titles else "a.png,joy"))  # the last line has no end
    assert log.verdicts["label"].tolist() == [1] and not len(log.decisions) and not log.problems.counts
    assert log.verdicts["id"][0] == read(lines(decision())).decisions["id"][0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (lines(decision())[:-30], BROKEN),
        (lines(decision())[40:], BROKEN),
        (lines(decision(overridden="perhaps")), BROKEN),
        (lines(decision(score="high")), BROKEN),
        (lines(decision(score=1e300)), BROKEN),
        (lines(decision(score=[1])), BROKEN),
        (lines(decision(time="yesterday")), BROKEN),
        (lines(decision(time=5)), BROKEN),
        (lines(decision(file="")), BROKEN),
        (lines(decision(file=None)), BROKEN),
        (lines(decision(group={"a": 1})), BROKEN),
        (lines(decision(patch=3)), BROKEN),
        (lines(decision(label=None)), BROKEN),
        (lines(decision(label="boredom")), UNKNOWN_CLASS),
        (lines(decision(time="2026-11-28T13:00:00Z")), FUTURE),
        (lines(decision(patch="q")), OTHER_PATCH),
        ("[1]\n", BROKEN),
        ("{" * 5000 + "\n", BROKEN),
        ("x" * (LONGEST + 10), BROKEN),
        ("\x00\x01\x02\n\n\xff\n", BROKEN),
        ('a,"b\n', BROKEN),
        (CSV[: CSV.rindex("b.png") - 5], BROKEN),
        ("file,label,overridden,score,score\na.png,fear,1,2,3\n", BROKEN),
        ("picture,answer\na.png,fear\n", BROKEN),
        ('{"picture": "a.png"}\n', NO_LOG),
        ('{"file": "a.png", "corrected": "fear", "label": "happiness"}\n', NO_LOG),
        ("id,label,chance\na.png,fear,1.5\n", BROKEN),
        ("id,label,chance\na.png,fear,0\n", BROKEN),
        ("id,label\na.png,\n", BROKEN),
        ("id,label\na.png,boredom\n", UNKNOWN_CLASS),
        ("id,label,time\na.png,fear,2027-01-01\n", FUTURE),
    ],
)
def test_bad_lines_are_named_and_the_others_are_read(read: Write, text: str, kind: str) -> None:
    log = read(text)
    assert set(log.problems.counts) == {kind}
    problem = log.problems.examples[0]
    assert "file, line" in problem.place and problem.cause and problem.remedy and str(problem).isprintable()
    if kind != OTHER_PATCH:
        assert not len(log.decisions) and not len(log.verdicts)
    else:
        assert log.decisions["patch"].tolist() == [1] and log.patches == ("p", "q")
    good = read(lines(decision(file="g.png")) + text) if text.startswith("{") else None
    assert good is None or len(good.decisions) == 1 + (kind == OTHER_PATCH)


def test_logs_that_were_joined_have_their_column_names_again(read: Write) -> None:
    other = "file,label,overridden\nc.png,fear,0\n"
    log = read("a.png,happ\n" + CSV + other + CSV)
    assert log.decisions["overridden"].tolist() == [True, False, True]
    assert dict(log.problems.counts) == {BROKEN: 1}


def test_a_decision_among_verdicts_is_no_verdict(read: Write) -> None:
    """Its label is f's answer: it would count against the patch."""
    log = read('{"id": "b.png", "label": "fear"}\n' + lines(decision()))
    assert len(log.verdicts) == 1 and dict(log.problems.counts) == {NO_LOG: 1}
    log = read(lines(decision()) + '{"id": "b.png", "label": "fear"}\n')
    assert not len(log.verdicts) and dict(log.problems.counts) == {BROKEN: 1}


def test_patches_without_end_are_no_memory_without_end(read: Write) -> None:
    log = read(lines(*(decision(patch=f"q{number}") for number in range(PATCHES + 50))))
    assert len(log.patches) == PATCHES and log.problems.counts[BROKEN] == 51


def test_problems_are_counted_and_few_are_kept(read: Write) -> None:
    log = read("id,label\n" + "a.png,boredom\n" * 1000)
    assert log.problems.counts[UNKNOWN_CLASS] == 1000 and len(log.problems.examples) == 3


def test_names_need_not_be_text(read: Write) -> None:
    log = read("id,label,overridden\na\udcff.png,fear,1\n")
    assert len(log.decisions) == 1 and not log.problems.counts


def test_classes_of_other_sets_keep_their_names(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("id,label\na,Joy\nb,happiness\n")
    log = read_logs([tmp_path / "v.csv"], ("Joy", "Calm"), ("p",))
    assert log.verdicts["label"].tolist() == [0] and log.problems.counts == {UNKNOWN_CLASS: 1}


@pytest.mark.parametrize("content", [None, b"\xff\xfei\x00d\x00"])
def test_files_that_cannot_be_read_are_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "log"
    if content:
        path.write_bytes(content)
    with pytest.raises(DataError, match="log"):
        read_logs([path], CLASSES, ("p",))


def test_times_are_utc_and_come_back() -> None:
    assert as_time("2026-11-27T13:00:00+01:00") == as_time("2026-11-27 12:00") == as_time("2026-11-27T12:00:00Z")
    assert as_time(time_text(1_700_000_000_123_456)) == 1_700_000_000_123_456
    for odd in ("now", "9" * 400, "2026-13-01"):
        with pytest.raises(ValueError, match="ISO 8601"):
            as_time(odd)
