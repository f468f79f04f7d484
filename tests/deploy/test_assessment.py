"""What an assessment shows: alarms dated to the picture, limits in units, warnings with a direction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.deploy.assessment import WatchSettings, assess
from mien.deploy.patch_record import PatchRecord
from mien.storage.files import Record
from mien.watch.counted import Counted
from mien.watch.log import read_logs
from mien.watch.state import Watch, limit_of

CLASSES = ("fear", "happiness")


def record(groups: bool = False, confidence: bool = True, size: int = 400) -> PatchRecord:
    rng = np.random.default_rng(0)
    truth = (rng.random(size) < 0.8).astype(int)
    calibration = CalibrationSet(
        truth, np.ones(size, int), rng.normal(-3, 1, size), np.zeros(size, int),
        np.arange(size) // 4 if groups else None, None, rng.beta(5, 2, size) if confidence else None,
    )  # fmt: skip
    known = np.array([False, True])
    return PatchRecord(CLASSES, known, ("lda",), ("fear",), Policy(0.02), calibration, Record({"base": "f"}, Path()))


def counted(folder: Path, rows: list[dict[str, Any]]) -> Counted:
    log, verdicts = folder / "log.jsonl", folder / "verdicts.jsonl"
    decisions = [
        {"id": str(number), "label": "happiness", "overridden": False} | row for number, row in enumerate(rows)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in decisions))
    spoilt = [{"id": row["id"], "verdict": "happiness"} for row in decisions if row["overridden"]]
    verdicts.write_text("".join(json.dumps(row) + "\n" for row in spoilt))
    return Counted.nothing("p").with_log(read_logs([log, verdicts], CLASSES, ("p",)))


def test_an_alarm_is_dated_to_the_picture_that_raised_it(tmp_path: Path) -> None:
    spoilt = np.random.default_rng(3).random(3000) < np.where(np.arange(3000) < 2000, 0.004, 0.06)
    assessment = assess(record(), counted(tmp_path, [{"overridden": bool(lost)} for lost in spoilt]), WatchSettings())
    watch, first = Watch(assessment.watch.limit), 0
    while not watch.alarmed:
        watch, first = watch.updated(spoilt[first : first + 1].astype(float)), first + 1
    assert assessment.alarm and assessment.alarm.raised.images == first and 2000 < first < 2300
    since = assessment.alarm.since.images
    assert (assessment.alarm.harmed, assessment.alarm.images) == (spoilt[since:].sum(), 3000 - since)
    assert len(assessment.curve) <= 120 and assessment.curve[-1].images == 3000


@pytest.mark.parametrize(("in_log", "in_calibration"), [(False, False), (False, True), (True, True), (True, False)])
def test_the_limit_is_in_the_units_that_are_counted(tmp_path: Path, in_log: bool, in_calibration: bool) -> None:
    rows: list[dict[str, Any]] = [{"group": str(number // 3)} if in_log else {} for number in range(90)]
    patch = record(groups=in_calibration)
    right = patch.calibration.truth == 1
    assessment = assess(patch, counted(tmp_path, rows), WatchSettings())
    if in_log and in_calibration:
        expected = limit_of(0.02, int(right.reshape(-1, 4).any(1).sum()), 100)
    else:
        expected = limit_of(0.02, int(right.sum()), 400)
    assert assessment.watch.limit == pytest.approx(expected)
    assert assessment.watch.images == (30 if in_log else 90)


def figures_of(count: int, shift: float, **more: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    return [
        {"score": rng.normal(-3 + shift), "confidence": rng.beta(5, 2), "distance": rng.normal()} | more
        for _ in range(count)
    ]


def test_figures_as_in_calibration_do_not_warn(tmp_path: Path) -> None:
    assessment = assess(record(), counted(tmp_path, figures_of(1500, 0)), WatchSettings())
    assert not assessment.warnings and len(assessment.compared) == 4


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_warning_says_which_way_and_since_when(tmp_path: Path, shift: float) -> None:
    rows = figures_of(1000, 0) + figures_of(700, shift)
    [warning] = assess(record(), counted(tmp_path, rows), WatchSettings()).warnings
    assert warning.figure.startswith("score") and warning.higher == (shift > 0) and 800 < warning.since.images < 1200


def test_a_patch_that_kept_no_confidence_compares_it_with_the_first_pictures(tmp_path: Path) -> None:
    rows = figures_of(1200, 0) + figures_of(800, 0, confidence=0.3)
    [warning] = assess(record(confidence=False), counted(tmp_path, rows), WatchSettings()).warnings
    assert str(warning).startswith(
        "confidence of the classifier: lower than in the first 500 pictures since picture 1,"
    )


def test_silence_is_no_shift_of_overrides(tmp_path: Path) -> None:
    record_ = record()
    log = counted(tmp_path, figures_of(600, 0))
    assert "share of overrides" in assess(record_, log, WatchSettings()).compared
    assert "share of overrides" not in assess(record_, log, WatchSettings(), silenced=True).compared


def test_with_little_calibration_nothing_is_compared(tmp_path: Path) -> None:
    assert assess(record(size=20), counted(tmp_path, figures_of(400, 0)), WatchSettings()).compared == ()
