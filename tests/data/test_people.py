"""One person has one name in a table, however its rows write it."""

import pytest

from mien.data.people import unify_names


@pytest.mark.parametrize(
    "same", [["7", "7.0", " 007 "], ["Ann", "ANN", "ann "], ["Zo\u00eb", "Zoe\u0308"], ["S01", "s01"]]
)
def test_writings_of_one_person(same: list[str]) -> None:
    assert len(set(unify_names(same))) == 1


@pytest.mark.parametrize("word", ["", "nan", "NaN", "None", "NULL", "N/A", "unknown", "-", "?", "-1", "-1.0"])
def test_nobody_is_no_person(word: str) -> None:
    assert unify_names([word, "ann"]) == ["", "ann"]


def test_different_people_stay_apart() -> None:
    names = ["1", "10", "1.5", "s1", "ann", "anne"]
    assert unify_names(names) == names
