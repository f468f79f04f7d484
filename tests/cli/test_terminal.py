"""Figures on a terminal, and the JSON of `--json`."""

from __future__ import annotations

import json
import math

import pytest

from mien.cli.terminal import decimals, print_json, table


def test_an_undefined_figure_is_a_dash_and_never_a_word() -> None:
    assert [decimals(math.nan), decimals(0.25), decimals(-0.25, "+.3f")] == ["–", "0.250", "-0.250"]


def test_json_has_null_for_what_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"rate": math.nan, "threshold": math.inf, "rows": [{"low": -math.inf, "name": "Übel"}]})
    printed = capsys.readouterr().out
    assert json.loads(printed, parse_constant=pytest.fail) == {
        "rate": None, "threshold": None, "rows": [{"low": None, "name": "Übel"}],
    }  # fmt: skip
    print_json({"one": 1}, indent=None)
    assert capsys.readouterr().out == '{"one": 1}\n'


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    assert [column.justify for column in table("Title", "class", "recall", "gain").columns] == [
        "left",
        "right",
        "right",
    ]
