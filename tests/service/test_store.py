"""A store gives back what was put in, counts the latest verdict of each prediction, and forgets what is old."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.errors import DataError
from mien.service.store import DecisionRow, LogEntry, ShadowRow, Store

ALL = {
    "patch": "p", "overridden": True, "action": "flag", "score": 0.1 + 0.2, "threshold": -1e-300, "confidence": 0.75,
    "distance": 3.0, "group": "Ann", "chance": 0.02, "image_hash": "ff",
}  # fmt: skip


def row(name: str, **more: Any) -> DecisionRow:
    return DecisionRow(**{"prediction": name, "time": 1_800_000_000_000_000, "base": "joy", "final": "fear", **more})


def names(rows: list[Any]) -> list[str]:
    return [each.prediction for each in rows]


def test_decisions_come_back_as_they_were_in_the_order_of_insertion(store: Store) -> None:
    rows = [row("b", **ALL), row("a", final=None), row("ü'\"%s:x")]
    store.add(rows[:2])
    store.add(rows[2:])
    kept = store.decisions_since()
    assert [replace(each, seq=0) for each in kept] == rows
    assert kept[0].seq < kept[1].seq < kept[2].seq
    assert store.decision("b") == kept[0] and store.decision("ü'\"%s:x") == kept[2] and store.decision("c") is None
    assert store.decisions_since(kept[0].seq, 1) == [kept[1]] and store.decisions_since(kept[2].seq) == []


def test_figures_that_do_not_exist_and_values_of_numpy_are_kept_as_plain_ones(store: Store) -> None:
    store.add([row("a", score=np.float32(0.5), threshold=np.inf, confidence=np.nan, overridden=np.bool_(True),
                   time=np.int64(5))])  # fmt: skip
    kept = store.decision("a")
    assert kept and (kept.score, kept.threshold, kept.confidence, kept.overridden, kept.time) == (
        0.5, None, None, True, 5,
    )  # fmt: skip


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "\x1b[2J", "x" * 100_000, "'; DROP TABLE decisions; --"])
def test_odd_text_is_kept_as_text_and_leads_to_no_other_error(store: Store, odd: str) -> None:
    store.add([row(odd, group=odd)])
    assert store.add_verdict(odd, odd, who=odd) == "new" and store.add_verdict(odd, odd) == "repeated"
    assert store.counts()["decisions"] == 1 and len(store.decisions_since()[0].group) <= 500
    store.log(LogEntry(action="swap", reason=odd, certificate={"odd": odd}))
    with pytest.raises(DataError, match="no decision has this id"):
        store.add_verdict(f"b{odd}", "joy")


def test_a_decision_that_is_added_again_stays_as_it_was(store: Store) -> None:
    shadow = ShadowRow(prediction="a", patch="q", final="joy", score=1.5)
    store.add([row("a")], [shadow], {"a": b"png"})
    store.add([row("a", base="fear"), row("b")], [replace(shadow, final="fear")], {"a": b"other"})
    assert [each.base for each in store.decisions_since()] == ["joy", "joy"]
    assert [replace(each, seq=0) for each in store.shadows_since()] == [shadow]
    assert store.crops(["a"]) == {"a": b"png"}


def test_an_empty_batch_changes_nothing(store: Store) -> None:
    store.add([])
    assert set(store.counts().values()) == {0}


def test_crops_are_kept_for_those_that_have_one(store: Store) -> None:
    wanted = [f"n{number}" for number in range(1200)]
    store.add([row(name) for name in wanted], pictures={name: name.encode() for name in wanted[::2]})
    assert store.crops(wanted) == {name: name.encode() for name in wanted[::2]}
    assert store.crops([]) == {} and store.crops(["unknown", "n0", "n0"]) == {"n0": b"n0"}


def test_a_verdict_on_an_unknown_prediction_is_refused_with_a_remedy(store: Store) -> None:
    with pytest.raises(DataError, match=r"prediction nobody: no decision has this id\n.*expired"):
        store.add_verdict("nobody", "joy")
    assert store.counts()["verdicts"] == 0


def test_verdicts_have_time_person_patch_and_chance(store: Store) -> None:
    store.add([row("a", patch="p", chance=0.25), row("b")])
    store.add_verdict("a", "joy", who="Ann", time=7)
    store.add_verdict("b", "fear")
    first, second = store.verdicts_since()
    assert (first.label, first.who, first.time, first.patch, first.chance) == ("joy", "Ann", 7, "p", 0.25)
    assert (second.who, second.patch, second.chance) == ("", "", None) and second.time > 1_700_000_000_000_000
    assert store.verdicts_since(first.seq) == [second] and store.verdicts_since(0, 1) == [first]


def test_a_later_verdict_is_never_dated_before_an_earlier_one(store: Store) -> None:
    store.add([row("a")])
    assert [store.add_verdict("a", label, time=time) for label, time in (("joy", 9), ("fear", 3))] == ["new", "changed"]
    assert [each.time for each in store.verdicts_since()] == [9, 9]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verdicts=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["joy", "fear", "anger"])), max_size=12))
def test_the_latest_verdict_of_each_prediction_counts_and_repetition_changes_nothing(
    store: Store, verdicts: list[tuple[str, str]]
) -> None:
    start, lot = store.counts()["verdicts"], f"{store.counts()['decisions']}-"
    store.add([row(f"{lot}{name}") for name in "abc"])
    latest: dict[str, str] = {}
    last = max((each.seq for each in store.verdicts_since()), default=0)
    changes = 0
    for name, label in verdicts:
        before = latest.get(name)
        expected = "new" if before is None else "repeated" if before == label else "changed"
        assert store.add_verdict(f"{lot}{name}", label) == expected
        changes += expected != "repeated"
        latest[name] = label
        assert store.add_verdict(f"{lot}{name}", label) == "repeated"
    kept = store.verdicts_since(last)
    assert {each.prediction.removeprefix(lot): each.label for each in kept} == latest
    assert len(kept) == changes == store.counts()["verdicts"] - start


def test_the_log_of_patches_is_in_order_and_the_last_swap_is_in_force(store: Store) -> None:
    assert (store.in_force(), store.version(), store.patch_log()) == (None, 0, [])
    certificate = {"bound": 0.019, "words": "at most 2 % – ü", "undefined": float("nan")}
    entries = [
        LogEntry(action="start", patch="p", name="fear.patch"),
        LogEntry(action="propose", patch="q", certificate=certificate),
        LogEntry(action="swap", patch="q", previous="p", who="Ann", reason="better", certificate=certificate, time=5),
        LogEntry(action="restrain", patch="q", reason="alarm"),
    ]
    versions = [store.log(entry) for entry in entries]
    assert versions == sorted(set(versions)) and store.version() == versions[-1]
    in_force = store.in_force()
    assert in_force and in_force == store.patch_log()[2] == store.patch_log(versions[1])[0]
    assert replace(in_force, seq=0, certificate=None) == replace(entries[2], certificate=None)
    assert in_force.certificate == {"bound": 0.019, "words": "at most 2 % – ü", "undefined": None}
    store.log(LogEntry(action="roll back", patch="p", previous="q"))
    assert getattr(store.in_force(), "patch", "") == "p"


def test_an_entry_on_an_older_state_of_the_log_is_refused(store: Store) -> None:
    version = store.log(LogEntry(action="start", patch="p"), after=0)
    assert store.log(LogEntry(action="swap", patch="q"), after=version) > version
    with pytest.raises(DataError, match="has grown meanwhile"):
        store.log(LogEntry(action="swap", patch="r"), after=version)
    assert getattr(store.in_force(), "patch", "") == "q"


def test_what_is_old_expires_with_all_that_belongs_to_it_and_the_log_of_patches_stays(store: Store) -> None:
    old = [f"old{number}" for number in range(4100)]
    shadow = ShadowRow(prediction="old0", patch="q", final="joy")
    store.add([row(name, time=10) for name in old], [shadow], {"old0": b"png"})
    store.add([row("new", time=20)], [replace(shadow, prediction="new")], {"new": b"png"})
    store.log(LogEntry(action="start", patch="p", time=1))
    for name in ("old0", "old1", "new"):
        store.add_verdict(name, "joy")
    last = store.decisions_since(0, 5000)[-1].seq
    assert store.expired_before() == 0 and store.expire(20) == 4100 and store.expired_before() == 20
    assert store.counts() == {"decisions": 1, "shadows": 1, "verdicts": 1, "crops": 1, "patch_log": 1}
    assert names(store.verdicts_since()) == ["new"] and store.crops(["old0", "new"]) == {"new": b"png"}
    assert store.expire(5) == 0 and store.expired_before() == 20
    with pytest.raises(DataError, match="expired"):
        store.add_verdict("old0", "joy")
    assert store.expire(1 << 60) == 1 and store.counts()["verdicts"] == 0
    store.add([row("later")])
    assert store.decisions_since(last)[0].prediction == "later", "no place in the order is given twice"
