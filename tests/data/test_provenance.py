"""What was trained on is known again by its hashes, and by its persons where sets are related."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.load import absolute
from mien.data.prepare import DataSettings
from mien.data.provenance import FILE, KINDS, Provenance, TrainedOn, shared
from mien.errors import RunError
from mien.types import Dataset, LabelSet, texts


def pictures(numbers: list[int], persons: list[str] | None = None) -> Dataset:
    ids = texts([f"{row}" for row in range(len(numbers))])
    return Dataset(
        ids, np.zeros(len(ids), int), LabelSet(("fear",)), ids, ids,
        hashes=texts([f"{number:064x}"[::-1] for number in numbers]),
        groups=None if persons is None else texts(persons),
    )  # fmt: skip


def trained_on(numbers: list[int], persons: list[str] | None = None, place: str = "/data/a", **more: bool) -> TrainedOn:
    return TrainedOn.from_dataset(pictures(numbers, persons), np.arange(len(numbers)), place, **more)


@given(st.lists(st.integers(1, 30), min_size=1), st.lists(st.integers(1, 30), min_size=1))
def test_exactly_the_pictures_that_were_trained_on_are_found(here: list[int], there: list[int]) -> None:
    found = shared(pictures(here), "/data/b", [trained_on(there)])
    assert found.picture.tolist() == [number in there for number in here]
    assert found.excluded.tolist() == found.picture.tolist() and not found.namesake.any()


@pytest.mark.parametrize(
    ("place", "number", "related"),
    [
        ("/data/a", 7, True),  # the same place
        ("/data/a/part", 7, True),
        ("/data", 7, True),
        ("/data/b", 1, True),  # a picture in common
        ("/data/b", 7, False),
        ("/data/ab", 7, False),
        ("synthetic:n=10", 7, False),
    ],
)
def test_a_name_is_one_person_in_related_sets_alone(place: str, number: int, related: bool) -> None:
    data = pictures([number, 8, 9], ["other", "Renée ", ""])
    found = shared(data, place, [trained_on([1, 2], ["Rene\u0301e", ""])])
    assert found.person.tolist() == [False, related, False]
    assert found.namesake.tolist() == [False, not related, False]


def test_a_name_counts_always_where_the_user_named_the_set() -> None:
    found = shared(pictures([7], ["ann"]), "/data/b", [trained_on([1], ["ann"], stated=True)])
    assert found.person.all() and not found.namesake.any()


def test_what_travels_with_a_picture_goes_with_it() -> None:
    """A copy of a picture of a person, whose other picture was trained on."""
    found = shared(pictures([1, 2, 2, 3], ["ann", "ann", "ben", ""]), "/data/b", [trained_on([1])])
    assert found.picture.tolist() == [True, False, False, False]
    assert found.person.tolist() == [False, True, True, False]


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    first = trained_on([3, 1, 2, 1], ["ann", "", "ben", ""])
    first.save(tmp_path, "model")
    again = TrainedOn.load(tmp_path, "model".__eq__)
    assert again is not None and again.place == first.place and again.fingerprint == first.fingerprint
    assert again.pictures.tolist() == first.pictures.tolist() and len(again.pictures) == 3
    assert again.persons.tolist() == first.persons.tolist() and len(again.persons) == 2
    assert TrainedOn.load(tmp_path / "elsewhere", "model".__eq__) is None


def test_no_name_of_a_person_is_written(tmp_path: Path) -> None:
    trained_on([1], ["ann.example"]).save(tmp_path, "model")
    assert b"ann.example" not in (tmp_path / FILE).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": np.arange(3)},
        {"persons": np.zeros((2, 2), "S16")},
        {"seed": np.array("x")},
        {"format": np.array(99)},
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    trained_on([1]).save(tmp_path, "model")
    np.savez(tmp_path / FILE, **{**np.load(tmp_path / FILE), **change})
    with pytest.raises(RunError, match=r"trained_on\.npz"):
        TrainedOn.load(tmp_path, "model".__eq__)


def test_a_record_counts_for_its_own_classifier_alone(tmp_path: Path) -> None:
    trained_on([1]).save(tmp_path, "model")
    with pytest.raises(RunError, match="another classifier"):
        TrainedOn.load(tmp_path, "other".__eq__)


provenances = st.builds(Provenance, st.sampled_from(KINDS), st.lists(st.sampled_from("abc"), unique=True).map(tuple))


@given(provenances, provenances)
def test_of_two_the_weaker_holds_in_any_order(one: Provenance, other: Provenance) -> None:
    both = one.combined_with(other)
    assert both == other.combined_with(one)
    assert KINDS.index(both.kind) == max(KINDS.index(one.kind), KINDS.index(other.kind))


def test_a_record_of_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="sure"):
        Provenance("sure")


def test_sources_are_written_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored = DataSettings("./faces", reviews="said.jsonl").stored()
    assert (stored.source, stored.reviews) == (str(tmp_path / "faces"), str(tmp_path / "said.jsonl"))
    assert stored.stored() == stored and DataSettings("x").stored().reviews == ""
    assert absolute("synthetic:n=3") == "synthetic:n=3"
