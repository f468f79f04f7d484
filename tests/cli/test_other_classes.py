"""Verbs on eight classes in very uneven shares: contempt has as few pictures as natural data have."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Mien

DATA = "synthetic:n=400,size=16,profile=even"
QUICK = ("--size", "16", "--base", "oneconv", "--epochs", "1", "--engine", "serial", "--corrector", "lda")


def test_a_study_of_natural_shares_names_what_is_too_rare(mien: Mien, tmp_path: Path) -> None:
    shares = ("--class-counts", "affectnet:120", "--classes", "happiness", "--no-retrained")
    done = mien("study", DATA, *QUICK, *shares, "--out", tmp_path / "run")
    assert done.code == 0 and "fewer than asked" in done.err
    printed = " ".join(done.out.split())
    assert "Not left out" in printed and "disgust, contempt. A class needs 10 pictures" in printed
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(manifest["classes"]) == 8 and manifest["left_out"] == ["happiness"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "One class was left out" in page and "</b> of its pictures" in page
    figures = json.loads(mien("study", DATA, *QUICK, *shares, "--out", tmp_path / "run", "--json").out)
    assert figures["too_rare"] == manifest["data"]["too_rare"] and "contempt" in figures["too_rare"]
