"""The watch from a store has the figures of `mien watch` on the exported logs, however it was read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.deploy.assessment import Assessment, WatchSettings, assess
from mien.deploy.patch_record import PatchRecord
from mien.errors import UsageError
from mien.service.store import DecisionRow, Store, open_store
from mien.service.watching import Watching, as_log, as_verdicts
from mien.storage.files import Record, to_json
from mien.watch.counted import Counted
from mien.watch.log import OTHER_PATCH, UNKNOWN_CLASS, Log, read_logs

CLASSES = ("fear", "happiness")
START = 1_700_000_000_000_000


@pytest.fixture(scope="session")
def record() -> PatchRecord:
    """The record of a patch, whose calibration has persons."""
    rng, size = np.random.default_rng(0), 400
    truth = (rng.random(size) < 0.8).astype(int)
    calibration = CalibrationSet(
        truth, np.ones(size, int), rng.normal(-3, 1, size), np.zeros(size, int), np.arange(size) // 4, None,
        rng.beta(5, 2, size),
    )  # fmt: skip
    known = np.array([False, True])
    return PatchRecord(CLASSES, known, ("lda",), ("fear",), Policy(0.02), calibration, Record({"base": "f"}, Path()))


def row(name: str, patch: str, second: int = 0, *, overridden: bool = True, **more: Any) -> DecisionRow:
    return DecisionRow(prediction=name, time=START + second * 1_000_000, base="happiness", patch=patch,
                       final="fear" if overridden else "happiness", overridden=overridden, **more)  # fmt: skip


def exported(store: Store, record: PatchRecord, folder: Path) -> Log:
    """What `mien watch` reads from the logs that a store is written to."""
    paths = [write(folder / "decisions.jsonl", as_log(store)), write(folder / "verdicts.jsonl", as_verdicts(store))]
    return read_logs(paths, record.classes, (record.id,))


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def by_files(store: Store, record: PatchRecord, folder: Path, how: WatchSettings) -> Assessment:
    """The assessment of `mien watch`, which reads the files in the folder of the test."""
    return assess(record, Counted.nothing(record.id).with_log(exported(store, record, folder)), how)


def figures(assessment: Assessment) -> str:
    """All figures, the curve and the warnings too; NaN equals NaN."""
    return to_json([assessment.to_json(), [vars(point) for point in assessment.curve]])


def fill(store: Store, record: PatchRecord, count: int, *, first: int = 0, harm: float = 0.0) -> None:
    """Decisions of tracks, of which a tenth are overridden; a part was drawn for an audit; verdicts on both."""
    rng = np.random.default_rng(first)
    numbers = range(first, first + count)
    rows = [
        row(f"n{number}", record.id, number, overridden=bool(number % 10 == 0), score=rng.normal(-3, 1),
            confidence=rng.beta(5, 2), chance=0.25 if number % 4 == 0 else None)
        for number in numbers
    ]  # fmt: skip
    store.add(rows)
    for number in numbers:
        if number % 20 == 0 or number % 12 == 0:
            store.add_verdict(f"n{number}", "happiness" if rng.random() < harm else "fear", time=START)


def test_the_figures_are_those_of_mien_watch_and_stay_so_as_rows_come(
    store: Store, record: PatchRecord, tmp_path: Path
) -> None:
    watching = Watching(store, record)
    for part in range(3):
        fill(store, record, 200, first=200 * part, harm=0.9 if part else 0.0)
        assessment = watching.assess()
        assert figures(assessment) == figures(by_files(store, record, tmp_path, WatchSettings()))
    assert assessment.watch.images == 600 and assessment.watch.overridden == 60 and assessment.watch.open == 30
    assert assessment.watch.harmed > 5 and assessment.watch.standing == "alarm"
    assert assessment.audit and assessment.audit.audited == 70 and len(assessment.compared) == 3
    store.add_verdict("n10", "happiness")
    later = watching.assess()
    assert (later.watch.open, later.watch.harmed) == (29, assessment.watch.harmed + 1)
    store.add_verdict("n10", "fear")
    assert watching.assess().watch.harmed == assessment.watch.harmed


def test_an_audit_has_the_verdicts_on_what_was_drawn_with_its_chance(store: Store, record: PatchRecord) -> None:
    store.add([row("a", record.id, overridden=False, chance=0.5), row("b", record.id, overridden=False, chance=0.25),
               row("c", record.id, overridden=False), row("d", record.id, overridden=False, chance=0.5)])  # fmt: skip
    store.add_verdict("a", "happiness")
    store.add_verdict("b", "fear")
    store.add_verdict("c", "happiness")
    audit = Watching(store, record).assess().audit
    assert audit and (audit.audited, audit.right, audit.images, audit.least_chance) == (2, 1, 4, 0.25)


def test_persons_and_tracks_are_the_unit(store: Store, record: PatchRecord) -> None:
    store.add([row(f"n{number}", record.id, number, group=f"track {number // 5}") for number in range(40)])
    assessment = Watching(store, record).assess()
    assert assessment.in_groups and assessment.watch.images == 8


def test_answers_of_no_patch_are_not_counted_and_those_of_another_are_shown_apart(
    store: Store, record: PatchRecord, tmp_path: Path
) -> None:
    store.add([row("a", ""), row("b", "q"), row("c", record.id)])
    for name in "abc":
        store.add_verdict(name, "happiness")
    watching = Watching(store, record)
    assessment = watching.assess()
    assert assessment.watch.images == 1 and assessment.others["q"].images == 1
    assert dict(watching.problems.counts) == dict(exported(store, record, tmp_path).problems.counts) == {OTHER_PATCH: 1}
    assert [line["id"] for line in as_log(store)] == [line["id"] for line in as_verdicts(store)] == ["b", "c"]


def test_a_verdict_of_no_class_of_the_patch_is_a_problem_and_not_counted(store: Store, record: PatchRecord) -> None:
    store.add([row("a", record.id)])
    store.add_verdict("a", "boredom")
    watching = Watching(store, record)
    assert watching.assess().watch.open == 1
    [problem] = watching.problems.examples
    assert problem.kind == UNKNOWN_CLASS and problem.place == f"{store.place}, line 1"
    store.add_verdict("a", "fear")
    assert watching.assess().watch.open == 0 and dict(watching.problems.counts) == {UNKNOWN_CLASS: 1}


def test_what_is_read_once_is_not_read_again(
    store: Store, record: PatchRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, record, 100)
    watching = Watching(store, record)
    first = watching.assess()
    asked: list[int] = []
    read = Store.decisions_since

    def noted(self: Store, seq: int = 0, limit: int = 10_000) -> list[DecisionRow]:
        asked.append(seq)
        return read(self, seq, limit)

    monkeypatch.setattr(Store, "decisions_since", noted)
    assert watching.assess() is first and watching.assess(silenced=True).watch == first.watch
    fill(store, record, 1, first=1000)
    assert watching.assess().watch.images == 101
    assert min(asked) == read(store)[99].seq


def test_a_verdict_on_a_decision_that_comes_while_the_store_is_read_is_not_lost(
    store: Store, record: PatchRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([row("a", record.id)])
    read = Store.decisions_since

    def late(self: Store, seq: int = 0, limit: int = 10_000) -> list[DecisionRow]:
        page = read(self, seq, limit)
        if not page and not self.decision("late"):
            self.add([row("late", record.id)])
            self.add_verdict("late", "happiness")
        return page

    monkeypatch.setattr(Store, "decisions_since", late)
    watching = Watching(store, record)
    assert watching.assess().watch.images == 1
    assert watching.assess().watch.harmed == 1 and not watching.problems.counts


def test_what_has_expired_no_longer_counts(store: Store, record: PatchRecord, tmp_path: Path) -> None:
    fill(store, record, 200)
    watching = Watching(store, record)
    assert watching.assess().watch.images == 200
    store.expire(START + 50 * 1_000_000)
    assessment = watching.assess()
    assert assessment.watch.images == 150
    assert figures(assessment) == figures(by_files(store, record, tmp_path, WatchSettings()))
    assert figures(assessment) == figures(Watching(store, record).assess())


def test_a_watch_of_an_empty_store_is_quiet(store: Store, record: PatchRecord) -> None:
    assessment = Watching(store, record).assess()
    assert (assessment.watch.images, assessment.watch.standing, assessment.audit) == (0, "quiet", None)


def test_settings_are_those_of_mien_watch(store: Store, record: PatchRecord, tmp_path: Path) -> None:
    how = WatchSettings(limit=0.3, delta=0.1, deadline=0.001)
    fill(store, record, 200)
    assessment = Watching(store, record, how).assess()
    assert figures(assessment) == figures(by_files(store, record, tmp_path, how))
    assert assessment.watch.limit == 0.3 and assessment.watch.harmed > 0
    with pytest.raises(UsageError):
        WatchSettings(limit=2)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where each example of a property has a store of its own."""
    return (tmp_path_factory.mktemp("store") for _ in iter(int, 1))


NAMES = st.integers(0, 11)
STEPS = st.one_of(
    st.tuples(st.just("decide"), NAMES, st.booleans(), st.sampled_from(["", "x", "y"]), st.sampled_from([None, 0.5])),
    st.tuples(st.just("verdict"), NAMES, st.sampled_from(CLASSES), st.integers(0, 3), st.none()),
    st.tuples(st.just("look"), st.none(), st.none(), st.none(), st.none()),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_any_order_of_answers_verdicts_and_looks_gives_the_figures_of_mien_watch(
    steps: list[tuple[Any, ...]], record: PatchRecord, places: Iterator[Path]
) -> None:
    folder = next(places)
    with open_store(folder / "store.db") as store:
        watching = Watching(store, record)
        for kind, number, first, second, chance in steps:
            if kind == "decide":
                patch = "q" if number == 11 else record.id
                store.add([row(f"n{number}", patch, number, overridden=first, group=second, chance=chance)])
            elif kind == "verdict" and store.decision(f"n{number}"):
                store.add_verdict(f"n{number}", first, time=second)
            elif kind == "look":
                watching.assess()
        assert figures(watching.assess()) == figures(by_files(store, record, folder, WatchSettings()))
