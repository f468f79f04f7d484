"""The example scripts run as they are given, with small arguments and without a warning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = {
    "any_classifier.py": ["300"],
    "correct_a_class.py": ["240", "1"],
    "foreign_outputs.py": [],
    "inspect_data.py": [],
    "rare_events.py": ["2000"],
}
SAID = {
    "any_classifier.py": "happy faces are found",
    "correct_a_class.py": "answers changed",
    "foreign_outputs.py": "nines recovered",
    "inspect_data.py": "contradictory labels",
    "rare_events.py": "the classifier misses",
}


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_example(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *SMALL[name]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert SAID[name] in done.stdout and not done.stderr


@pytest.mark.parametrize("name", SMALL)
def test_examples_are_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text().splitlines()) < 65
