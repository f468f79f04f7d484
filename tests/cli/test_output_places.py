"""No verb writes into the data that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Mien

QUICK = ("--size", "32", "--epochs", "1")
VERBS = {
    "study": ("study", "{data}", *QUICK),
    "train": ("train", "{data}", *QUICK),
    "compare": ("compare", "{data}", *QUICK),
    "audit": ("audit", "{data}", *QUICK),
    "correct": ("correct", "{base}", "{data}", "--class", "fear"),
    "discover": ("discover", "{base}", "{data}"),
}


@pytest.mark.parametrize("place", ["zz", "fear/zz", "."])
@pytest.mark.parametrize("verb", VERBS)
def test_an_output_inside_the_data_is_refused(
    mien: Mien, faces: Path, trained: Path, verb: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(faces.rglob("*"))
    words = [word.format(data=faces, base=trained) for word in VERBS[verb]]
    mien(*words, "--out", faces / place).refused(2, "--out", "inside the data")
    monkeypatch.chdir(faces)
    mien(*words, "--out", place).refused(2, "--out", "inside the data")
    assert sorted(faces.rglob("*")) == before
