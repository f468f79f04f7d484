"""Turns: one worker at a time, and none for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mien.service.store import Store, open_store
from mien.service.store.turns import is_taken, keep_turn, take_turn


def test_one_of_many_workers_has_a_turn(place: str, store: Store) -> None:
    stores = [open_store(place) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        turns = list(pool.map(lambda each: take_turn(each, "refit", 60), stores))
    assert sum(turn > 0 for turn in turns) == 1 and is_taken(store, "refit")
    ends = keep_turn(store, "refit", max(turns), 120)
    assert ends > max(turns) and not take_turn(store, "refit", 60)
    assert keep_turn(store, "refit", max(turns), 0) == 0  # by a number that no longer holds
    assert keep_turn(store, "refit", ends, 0) and not is_taken(store, "refit")
    assert take_turn(store, "refit", 60) and take_turn(store, "other", 60)
    for each in stores:
        each.close()


def test_a_turn_that_is_not_kept_up_ends_by_itself(store: Store) -> None:
    first = take_turn(store, "refit", -1)
    assert not is_taken(store, "refit")
    second = take_turn(store, "refit", 60)
    assert second > first and keep_turn(store, "refit", first, 60) == 0
