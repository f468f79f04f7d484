"""Values between commas, and what they may be."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.prepare import spelled
from mien.errors import UsageError
from mien.settings import items, joined, setting, validate

words = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=8).filter(
    lambda word: word == word.strip() and word.isprintable()
)


@given(st.lists(words, max_size=5))
def test_joined_values_come_apart_as_they_were(values: list[str]) -> None:
    assert items(joined(values)) == values


def test_a_name_with_a_comma_stands_in_quotes() -> None:
    assert spelled('"calm, awake"=neutral, 3=fear') == {"calm, awake": "neutral", "3": "fear"}
    assert items(" fear ,,happiness") == ["fear", "happiness"]


def test_an_optional_number_may_be_left_out_and_keeps_its_limits() -> None:
    @dataclass
    class Settings:
        level: int | None = setting(None, "a level", within=(1, 3))

    validate(Settings())
    validate(Settings(2))
    with pytest.raises(UsageError, match="--level"):
        validate(Settings(4))
