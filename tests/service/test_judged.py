"""What a store has to learn from, on each kind of database."""

from __future__ import annotations

from mien.service.store import DecisionRow, Store
from mien.service.store.judged import judged, last_verdict, verdicts_after


def decision(name: str, chance: float | None = None) -> DecisionRow:
    return DecisionRow(prediction=name, time=1, base="joy", final="joy", chance=chance)


def test_decisions_with_a_verdict_or_drawn_for_one_count_if_their_crops_are_kept(store: Store) -> None:
    assert judged(store, 10) == [] and last_verdict(store) == 0
    rows = [decision("a"), decision("b", 0.1), decision("c"), decision("d", 0.1), decision("e")]
    store.add(rows, pictures=dict.fromkeys("abce", b"png"))
    store.add_verdict("a", "joy")
    store.add_verdict("a", "fear")
    store.add_verdict("d", "fear")
    store.add_verdict("c", "joy")
    found = judged(store, 10)
    assert [(each.decision.prediction, each.label) for each in found] == [("a", "fear"), ("b", None), ("c", "joy")]
    assert found[1].decision.chance == 0.1 and [each.decision.seq for each in found] == [1, 2, 3]
    assert [each.decision.prediction for each in judged(store, 2)] == ["b", "c"]


def test_verdicts_are_counted_from_a_place_on(store: Store) -> None:
    store.add([decision("a"), decision("b")])
    store.add_verdict("a", "joy")
    seen = last_verdict(store)
    store.add_verdict("a", "fear")
    store.add_verdict("b", "fear")
    assert verdicts_after(store, 0) == 3 and verdicts_after(store, seen) == 2
    assert verdicts_after(store, last_verdict(store)) == 0
