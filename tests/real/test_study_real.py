"""The study on real faces, small: it runs, and classes too rare to be left out are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.data.prepare import DataSettings
from mien.experiments.leave_one_out.study import run
from mien.experiments.settings import StudySettings
from mien.experiments.tables import TABLES
from mien.nets.settings import TrainSettings
from mien.report.study import page, tables

QUICK = TrainSettings(epochs=1, batch_size=16)


@pytest.mark.parametrize(
    ("folder", "shape", "left_out", "too_rare"),
    [
        ("ferplus", "happiness=60,fear=40,neutral=60", ["fear", "happiness", "neutral"], []),
        (
            "emotion_detection",
            "neutral=60,happiness=60,fear=21,contempt=5",
            ["fear", "happiness", "neutral"],
            ["contempt"],
        ),
        ("fer2013", "", None, None),
    ],
)
def test_a_small_study_of_real_faces(
    real_data: Path, tmp_path: Path, folder: str, shape: str, left_out: list[str] | None, too_rare: list[str] | None
) -> None:
    data = DataSettings(str(real_data / folder), size=32, class_counts=shape)
    settings = StudySettings(data, QUICK, correctors=("logistic",), retrained=False)
    done = run(settings, tmp_path / "run", executor="serial")
    tables.build(done)
    written = page.write(done).read_text()
    manifest = done.manifest()
    if left_out is not None:
        assert manifest["left_out"] == left_out
        assert manifest["data"]["too_rare"] == too_rare
    for name in manifest["left_out"]:
        assert name in written
    gains = done.read_table(TABLES["gain"])
    assert {row["left_out"] for row in gains} == set(manifest["left_out"])
    assert all(0 <= row["hits"] <= row["total"] for row in gains)
