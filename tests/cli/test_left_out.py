"""What is left out is printed, up to a number."""

from __future__ import annotations

import pytest

from mien.cli.left_out import SHOWN, LeftOut
from mien.types import Problem


def test_the_first_are_printed_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with LeftOut() as note:
        for number in range(SHOWN + 3):
            note(Problem("format not read", f"folder {number}", "1 file of format PDF", "remove it"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == SHOWN + 1 and "folder 0" in lines[0] and lines[-1] == "left out: 3 more"


def test_few_are_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with LeftOut() as note:
        note(Problem("format not read", "folder", "1 file of format PDF", "remove it"))
    assert capsys.readouterr().err.count("left out") == 1
