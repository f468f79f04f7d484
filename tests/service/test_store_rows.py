"""Rows of a store, as any database takes them."""

from __future__ import annotations

import pytest

from mien.errors import UsageError
from mien.service.store.rows import LONGEST, LogEntry, ShadowRow, text, values


def test_an_unknown_action_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'roll back'"):
        LogEntry(action="rollback")


def test_text_is_cut_and_has_no_signs_that_a_database_refuses() -> None:
    assert text("a\0b\ud800c") == "a\ufffdb\ufffdc" and len(text("x" * 10_000)) == LONGEST


def test_values_are_plain_and_have_no_place() -> None:
    assert values([]) == []
    assert values([ShadowRow(prediction="a", patch="p", final=None, score=float("-inf"), seq=4)]) == [
        {"prediction": "a", "patch": "p", "final": None, "overridden": False, "score": None, "threshold": None}
    ]


def test_a_certificate_is_text_of_ascii_alone() -> None:
    [row] = values([LogEntry(action="swap", certificate={"ü": float("nan")})])
    assert row["certificate"] == '{"\\u00fc": null}'
