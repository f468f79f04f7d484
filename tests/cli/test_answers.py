"""A finished run that answers for new pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.deploy import predictor
from mien.deploy.opening import open_predictor
from mien.storage.files import read_arrays


def test_lots_of_pictures_make_no_difference(faces: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted((faces / "neutral").iterdir())
    paths.insert(3, faces / "gone.png")
    system = open_predictor(finished, left_out="happiness")
    (whole,) = system.stream_files(paths)
    monkeypatch.setattr(predictor, "CHUNK", 4)
    parts = list(system.stream_files(paths))
    assert len(parts) == -(-len(paths) // 4)
    assert [name for part in parts for name in part.ids] == list(map(str, paths))
    assert np.concatenate([part.outputs.ids for part in parts]).tolist() == whole.outputs.ids.tolist()
    assert np.allclose(np.concatenate([part.outputs.probs for part in parts]), whole.outputs.probs, atol=0.02)
    assert [problem.place for part in parts for problem in part.problems] == [str(paths[3])]
    assert whole.decision.ids.tolist() == whole.outputs.ids.tolist()


def test_nothing_that_can_be_read(finished: Path, tmp_path: Path) -> None:
    (only,) = open_predictor(finished, left_out="happiness").stream_files([tmp_path / "gone.png"])
    assert len(only.outputs) == len(only.decision.ids) == 0 and len(only.problems) == 1
    assert list(open_predictor(finished).stream_files([])) == []


def test_it_answers_as_the_study_did(faces: Path, finished: Path) -> None:
    """The classifier read back says of the test pictures what it said when it was trained."""
    tested = read_arrays(finished / "cells" / "seed0" / "full" / "test.npz")
    paths = [faces / name for name in tested["ids"].tolist()]
    probs = np.concatenate([part.outputs.probs for part in open_predictor(finished).stream_files(paths)])
    assert np.allclose(probs, tested["probs"], atol=0.02)
