"""Outputs on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.classifiers.cache import cache_key, cached_outputs
from mien.classifiers.contract import ClassifierCard
from mien.testing import example_outputs
from mien.types import Dataset, FeatureRequest, LabelSet, Outputs

OUTPUTS, LABELS = example_outputs(count=20)


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Outputs:
        self.calls += 1
        return OUTPUTS


def test_they_are_computed_once_and_come_back_whole(tmp_path: Path) -> None:
    make = Counted()
    first, again = (cached_outputs(tmp_path, "key", make) for _ in range(2))
    assert make.calls == 1 and np.array_equal(first.probs, again.probs) and np.array_equal(first.ids, again.ids)
    assert {**first.vectors, **first.maps}.keys() == {**again.vectors, **again.maps}.keys()
    assert np.array_equal(again.maps["map"], OUTPUTS.maps["map"])


def test_only_the_last_are_kept(tmp_path: Path) -> None:
    for key in ("one", "other"):
        cached_outputs(tmp_path, key, Counted())
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["other"]


@pytest.mark.parametrize("damage", ["probs.npy", "outputs.json"])
def test_damaged_ones_are_made_again(tmp_path: Path, damage: str) -> None:
    make = Counted()
    cached_outputs(tmp_path, "key", make)
    (tmp_path / "features" / "key" / damage).write_bytes(b"")
    cached_outputs(tmp_path, "key", make)
    assert make.calls == 2


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("in the way")
    assert len(cached_outputs(tmp_path, "key", Counted())) == 20


def test_the_key_follows_classifier_rows_and_request() -> None:
    none = np.full(20, "")
    data = Dataset(OUTPUTS.ids, LABELS, LabelSet(tuple("abcd")), none, none, hashes=OUTPUTS.ids)
    card, other = (ClassifierCard(id, tuple("abcd")) for id in ("f", "g"))
    rows, every = np.arange(20), FeatureRequest()
    keys = [
        cache_key(card, data, rows, every), cache_key(other, data, rows, every), cache_key(card, data, rows[:9], every),
        cache_key(card, data, rows, FeatureRequest("map")), cache_key(card, data.take(rows[:9]), rows[:9], every),
    ]  # fmt: skip
    assert len(set(keys)) == 5 and keys[0] == cache_key(card, data, rows, every)
