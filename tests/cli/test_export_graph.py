"""mien export of a classifier, and mien patch show of what it wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import Mien

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_a_study_becomes_a_graph_that_patch_show_reads(mien: Mien, finished: Path, faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "happy.onnx"
    told = mien("export", finished, "--left-out", "happiness", "--onnx", out, "--check", faces)
    assert told.code == 0, told.err
    assert f"({faces.name})" in told.out and "decisions differ" in told.out and "not certified again" in told.out
    shown = mien("patch", "show", out)
    assert shown.code == 0 and "corrects     happiness (logistic)" in shown.out and "uint8" in shown.out
    facts = json.loads(mien("patch", "show", out, "--json").out)
    assert facts["kind"] == "corrected classifier" and facts["targets"] == ["happiness"]
    mien("export", finished, "--left-out", "happiness", "--onnx", out).refused(2, "exists already")
    assert [path.name for path in out.parent.iterdir()] == ["happy.onnx"]


def test_a_classifier_without_a_patch(mien: Mien, finished: Path, tmp_path: Path) -> None:
    told = mien("export", finished, "--onnx", tmp_path / "f.onnx")
    assert told.code == 0 and "classifier, opset" in told.out and "drawn faces" in told.out
    mien("export", finished, "--onnx", tmp_path / "g.onnx", "--patch-only").refused(2, "there is no patch")
    assert not (tmp_path / "g.onnx").exists()


def test_what_is_missing_is_named(
    mien: Mien, finished: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mien("export", finished).refused(2, "--onnx", "is required for a classifier")
    mien("export", tmp_path, "--onnx", tmp_path / "f.onnx").refused(1)
    mien("export", finished, "--onnx", faces / "f.onnx", "--check", faces).refused(2, "lies inside the data")
    mien("patch", "show", finished / "run.json").refused(1, "is no ONNX graph")
    monkeypatch.setitem(sys.modules, "onnx", None)
    mien("export", finished, "--onnx", tmp_path / "f.onnx").refused(1, "pip install 'mien[onnx]'")
    assert list(tmp_path.iterdir()) == []
