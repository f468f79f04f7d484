"""Identity depends on named fields alone, and on nothing that a new version or another library changes."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.certify.policy import Policy
from mien.data.picture import ImageSettings
from mien.nets.settings import TrainSettings
from mien.settings import setting
from mien.storage.identity import fields_of, identity


@dataclass(frozen=True)
class Cooking:
    minutes: float = 3.0
    salt: bool = True


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.dictionaries(st.text("abc", min_size=1), VALUES, min_size=1))
def test_the_order_of_names_plays_no_part(named: dict[str, Any]) -> None:
    assert identity(**named) == identity(**dict(reversed(named.items())))


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_texts_in_an_array_are_told_apart(one: list[str], other: list[str]) -> None:
    assert (identity(ids=np.array(one)) == identity(ids=np.array(other))) == (
        np.array(one).tolist() == np.array(other).tolist()
    )


def test_values_and_their_names_count() -> None:
    found = {identity(a=1), identity(b=1), identity(a="1"), identity(a=2), identity(a=[1]), identity(a=np.ones(1))}
    assert len(found) == 6


def test_a_new_setting_at_its_default_changes_nothing() -> None:
    later = make_dataclass("Later", [("pepper", float, setting(0.0, "", later=True))], bases=(Cooking,), frozen=True)
    assert identity(of=later()) == identity(of=Cooking()) != identity(of=later(pepper=0.5))
    assert "pepper" not in fields_of(later())
    forgotten = make_dataclass("Forgotten", [("pepper", float, 0.0)], bases=(Cooking,), frozen=True)
    assert identity(of=forgotten()) != identity(of=Cooking())


def test_a_whole_number_in_place_of_a_share_is_that_share() -> None:
    assert identity(of=Cooking(minutes=3)) == identity(of=Cooking())


def test_the_width_of_texts_and_the_order_of_bytes_are_no_content() -> None:
    assert identity(ids=np.array(["a", "b"], "<U9")) == identity(ids=np.array(["a", "b"], "<U1"))
    assert identity(x=np.arange(3, dtype=">i8")) == identity(x=np.arange(3, dtype="<i8"))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", np.array([object()])])
def test_what_has_no_stable_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no identity"):
        identity(of=value)


def test_the_settings_of_today_keep_their_identity() -> None:
    """Saved runs are known by these. A new setting is marked `later`; one with another default gets another name."""
    assert identity(of=TrainSettings()) == "31e5e9bf8d722597"
    assert identity(of=ImageSettings()) == "a258a581b9f0a216"
    assert identity(of=Policy()) == "68b5602944f760e7"
