"""mien watch: logs and verdicts in, the standing of a promise out; an alarm ends with 3 and may restrain the patch."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Mien

ALARM = 3


@pytest.fixture
def folder(patched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(patched, tmp_path / "sadness.patch"))


@pytest.fixture(scope="module")
def decisions(patched: Path, trained: Path, faces: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What mien predict logs of the faces under the patch."""
    from mien.cli import cli

    from click.testing import CliRunner

    done = CliRunner().invoke(cli, ["predict", str(faces), "--run", str(trained), "--patch", str(patched)])
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_decision_has_what_the_watch_needs(decisions: list[dict[str, Any]], folder: Path) -> None:
    assert len(decisions) == 160 and any(row["overridden"] for row in decisions)
    times = [row["time"] for row in decisions]
    assert times == sorted(times) and times[0].endswith("Z")
    for row in decisions:
        assert row["overridden"] == (row["score"] > row["threshold"]) or row["corrected"] == row["label"]
    assert len({row["patch"] for row in decisions}) == 1
