"""The commands of docs/rare-events.md run as they stand there, and do what the page claims."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from conftest import Mien

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "rare-events.md"


def test_the_example_of_the_page(mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert [line.split()[:2] for line in lines] == [
        ["python", "examples/rare_events.py"], ["mien", "correct"], ["mien", "predict"], ["mien", "watch"]
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["rare_events.py"])
    runpy.run_path(str(ROOT / "examples" / "rare_events.py"), run_name="__main__")
    figures = json.loads(mien(*shlex.split(lines[1])[1:], "--json").out)
    fraud = figures["classes"]["fraud"]
    assert fraud["recall_before"] < 0.3 and fraud["recall_after"] > 0.45
    assert figures["harm"]["rate"] < 0.02 and figures["promise"]["standing"] == "kept"
    assert figures["provenance"]["kind"] == "stated"
    words, _, log = lines[2].partition(" > ")
    Path(log).write_text(mien(*shlex.split(words)[1:]).out)
    watched = mien(*shlex.split(lines[3])[1:])
    assert watched.code == 0 and watched.out.startswith("certified")
