"""What is promised, and what the threshold serves, from the command line: guarantees, aims, budgets of classes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK_PATCH, Mien

CORRECT = ("--class", "sadness", *QUICK_PATCH, "--json")


def thresholds(folder: Path) -> dict[str, float]:
    """Answer of f → its threshold in force; infinity where it is never overridden."""
    stored = json.loads((folder / "patch.json").read_text())
    values = (float("inf") if value is None else value for value in stored["thresholds"])
    return dict(zip(stored["classes"], values, strict=True))


@pytest.fixture
def correct(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> Any:
    """Make a patch in the folder "p" with more flags; returns its JSON."""

    def call(*flags: str) -> dict[str, Any]:
        said = mien("correct", trained, faces, *CORRECT, *flags, "--out", tmp_path / "p")
        assert said.code == 0, said
        return dict(json.loads(said.out))

    return call


def test_the_expected_guarantee_stands_in_json_on_the_page_and_in_show(
    mien: Mien, correct: Any, tmp_path: Path
) -> None:
    found = correct("--guarantee", "expected")
    in_force, beside = found["certificate"][0], found["other_guarantees"][0]
    assert (in_force["kind"], in_force["confidence"], in_force["needed"]) == ("expected", None, 3)
    assert (beside["kind"], beside["confidence"], beside["needed"]) == ("confident", 0.7, 4)
    assert "in the mean over calibrations" in found["assurance"]
    assert found["promise"]["guarantee"] == "expected"
    assert found["promise"]["standing"] in ("kept", "undecided", "broken")
    page = (tmp_path / "p" / "report.html").read_text()
    assert "expected, in force" in page and "confident, for comparison" in page
    assert f"{found['promise']['standing']} on test" in page
    shown = mien("patch", "show", tmp_path / "p").out
    assert "expected, gain" in shown and "confident" in shown


def test_both_guarantees_and_the_promise_are_printed(mien: Mien, trained: Path, faces: Path, tmp_path: Path) -> None:
    flags = ("--class", "sadness", *QUICK_PATCH, "--out", tmp_path / "p")
    said = mien("correct", trained, faces, *flags).out
    assert "confident: at most 30 % harm with 70 % confidence" in said and "in force" in said
    assert "expected: in the mean over calibrations at most 30 % harm" in said
    assert "on test: " in said and "promised: at most 30 %" in said


def test_a_threshold_for_accuracy_is_no_lower_than_the_certified_one(
    correct: Any, patched: Path, tmp_path: Path
) -> None:
    found = correct("--aim", "accuracy")
    spent, served = thresholds(patched), found["served"]
    assert served["aim"] == "accuracy" and served["after"] >= served["before"]
    assert all(value >= spent[answer] for answer, value in thresholds(tmp_path / "p").items())
    assert "the threshold was chosen for accuracy" in (tmp_path / "p" / "report.html").read_text()
    assert json.loads((tmp_path / "p" / "patch.json").read_text())["policy"]["aim"] == "accuracy"
    if served["after"] == served["before"]:  # nothing helps: silent, and nothing is promised
        assert found["promise"] is None and "improves accuracy" in found["assurance"]


def test_costs_are_the_aim(correct: Any) -> None:
    found = correct("--aim", "cost", "--costs", "sadness>neutral=5,sadness>happiness=9")
    assert found["served"]["aim"] == "cost" and found["served"]["after"] <= found["served"]["before"]


def test_a_class_with_too_few_pictures_for_its_budget_is_never_overridden(
    mien: Mien, correct: Any, trained: Path, patched: Path, faces: Path, tmp_path: Path
) -> None:
    found = correct("--class-budget", "happiness=0.01")
    happiness = next(row for row in found["certificate"] if row["group"] == "happiness")
    assert (happiness["budget"], happiness["feasible"], happiness["needed"]) == (0.01, False, 120)
    limited, plain = thresholds(tmp_path / "p"), thresholds(patched)
    assert limited == {**plain, "happiness": float("inf")}
    said = mien("predict", *sorted(faces.glob("*/*.png")), "--run", trained, "--patch", tmp_path / "p")
    rows = [json.loads(line) for line in said.out.splitlines()]
    happy = [row["corrected"] for row in rows if row["label"] == "happiness"]
    assert happy and set(happy) == {"happiness"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--class-budget", "hapiness=0.1"], ["--class-budget", "did you mean 'happiness'"]),
        (["--class-budget", "happiness=3"], ["--class-budget", "NAME=SHARE"]),
        (["--costs", "fear>neutral=5"], ["--costs", "give --aim cost"]),
        (["--aim", "cost", "--costs", "fear=5"], ["--costs", "TRUTH>ANSWER=COST"]),
        (["--aim", "cost", "--costs", "feer>neutral=5"], ["--costs", "did you mean 'fear'"]),
        (["--guarantee", "sure"], ["--guarantee"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_fitted(
    mien: Mien, trained: Path, faces: Path, tmp_path: Path, flags: list[str], words: list[str]
) -> None:
    said = mien("correct", trained, faces, *CORRECT, *flags, "--out", tmp_path / "p")
    said.refused(2, *words)
    assert "fitting" not in said.err and not (tmp_path / "p").exists()


def test_a_study_has_the_kind_in_its_certificates(
    mien: Mien, study: Path, again: tuple[str, ...], tmp_path: Path
) -> None:
    models = {path: path.stat().st_mtime_ns for path in study.rglob("model.safetensors")}
    flags = ("--guarantee", "expected", "--aim", "gain", "--budget", "0.3", "--delta", "0.3", "--out", study)
    assert mien(*again, *flags).code == 0
    assert {path: path.stat().st_mtime_ns for path in models} == models  # only the policy changed
    with (study / "tables" / "certificates.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["kind"] for row in table} == {"expected"} and {row["confidence"] for row in table} == {""}
    pooled = next(row for row in table if row["group"] == "pooled")
    assert (pooled["needed"], pooled["other_needed"]) == ("3", "4")
    assert pooled["standing"] in ("kept", "undecided", "broken", "")
    assert all(row["standing"] == "" for row in table if row["holds"] in ("0", "False", ""))
    page = (study / "report.html").read_text()
    assert "k, confident" in page


def test_another_aim_needs_no_training(mien: Mien, study: Path, again: tuple[str, ...]) -> None:
    before = {path.name: path.read_bytes() for path in study.rglob("scores/*.npz")}
    assert mien(*again, "--aim", "gain", "--out", study).code == 0
    assert {path.name: path.read_bytes() for path in study.rglob("scores/*.npz")} == before
    assert json.loads((study / "run.json").read_text())["policy"]["aim"] == "gain"
