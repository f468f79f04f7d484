"""Figures on a terminal, and the JSON of `--json`."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

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


def test_long_names_are_never_cut_off() -> None:
    shown = table("", "class", *map(str, range(8)))
    for name in ("numeral-0", "numeral-0-inverted"):
        shown.add_row(name, *["123456"] * 8)
    text = io.StringIO()
    Console(file=text, width=60).print(shown)
    columns = [line.split("│")[1].strip() for line in text.getvalue().splitlines() if line.startswith("│")]
    assert "".join(columns) == "numeral-0numeral-0-inverted"
