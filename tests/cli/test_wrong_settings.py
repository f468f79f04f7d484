"""Settings that cannot be: refused at once, by the name of the flag, before anything is written."""

from pathlib import Path

import pytest
from conftest import QUICK, Mien

WRONG = [
    ("--size", "0"), ("--size", "10000"), ("--resize-mode", "bend"),
    ("--epochs", "0"), ("--epochs", "-1"), ("--epochs", "many"), ("--batch-size", "0"), ("--batch-size", "1"),
    ("--learning-rate", "-1"), ("--learning-rate", "0"), ("--learning-rate", "nan"), ("--learning-rate", "inf"),
    ("--weight-decay", "-1"), ("--weight-power", "-1"), ("--label-smoothing", "2"), ("--ema", "1"),
    ("--patience", "0"), ("--threads", "0"), ("--precision", "float8"), ("--stopping", "soon"),
    ("--augment-flip", "3"), ("--augment-scale", "-5"), ("--augment-erase", "nan"), ("--augment-shift", "2"),
    ("--budget", "0"), ("--budget", "2"), ("--delta", "1.5"), ("--delta", "nan"), ("--scope", "all"),
    ("--action", "shout"), ("--rule", "none"), ("--probability", "1"), ("--cost", "0"),
    ("--guarantee", "sure"), ("--aim", "recall"), ("--costs", "fear>neutral=5"),
    ("--class-budget", "fear=2"), ("--class-budget", "fear"), ("--class-budget", "feer=0.1"),
    ("--seeds", "abc"), ("--seeds", "1.5"), ("--seeds", ","), ("--min-pictures", "0"),
    ("--classes", "happines"), ("--corrector", "xgbost"), ("--corrector", ""), ("--base", "atention"),
    ("--engine", "ray"), ("--format", "folder"), ("--device", "gpu"), ("--device", "cuda:99"),
    ("--class-counts", "fear"), ("--class-counts", "feer=3"),
    ("--class-counts", "fear=0"), ("--class-counts", "fear=²"),
    ("--names", "malformed"), ("--names", "=fear"), ("--labels", "fer2013"),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "value"), WRONG)
def test_wrong_values_are_bad_usage_and_name_the_flag(mien: Mien, tmp_path: Path, flag: str, value: str) -> None:
    out = tmp_path / "run"
    said = mien("study", "synthetic:n=60", *QUICK, "--out", out, flag, value)
    said.refused(2, flag)
    assert not (out / "cells" / "seed0" / "full" / "model.json").exists()


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--classes", "happines", "did you mean 'happiness'"),
        ("--corrector", "xgbost", "did you mean 'xgboost'"),
        ("--base", "atention", "did you mean 'attention'"),
        ("--epochs", "0", "between 1 and 10000"),
        ("--budget", "2", "between 1e-06 and 1"),
    ],
)
def test_the_message_helps(mien: Mien, tmp_path: Path, flag: str, value: str, hint: str) -> None:
    mien("study", "synthetic:n=120", *QUICK, "--out", tmp_path / "run", flag, value).refused(2, hint)


@pytest.mark.parametrize("flag", ["--base", "--corrector"])
@pytest.mark.parametrize("name", ["os:system", "json:JSONDecoder", "os:", ":Name", "no.such.module:Name", "os:nothing"])
def test_outside_names_must_be_fitting_classes(mien: Mien, tmp_path: Path, flag: str, name: str) -> None:
    mien("study", "synthetic:n=60", *QUICK, "--out", tmp_path / "run", flag, name).refused(2, flag)


@pytest.mark.parametrize(
    "source",
    ["synthetic:n", "synthetic:n=x", "synthetic:m=3", "synthetic:n=0", "synthetic:size=5", "synthetic:noise=nan",
     "synthetic:seed=-1", "synthetic:profile=rf", "synthetic:colour=maybe", "synthetic:n=99999999999"],
)  # fmt: skip
def test_wrong_drawn_faces(mien: Mien, source: str) -> None:
    mien("data", "inspect", source).refused(2, "synthetic")


@pytest.mark.parametrize("flags", [["--n", "0"], ["--n", "x"], ["--size", "3"], ["--profile", "x"], ["--seed", "-1"]])
def test_wrong_settings_of_draw(mien: Mien, tmp_path: Path, flags: list[str]) -> None:
    mien("data", "draw", tmp_path / "faces", *flags).refused(2)
    assert not (tmp_path / "faces").exists()


def test_a_training_that_diverges_says_so(mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mien.nets.losses.Loss.cross_entropy", lambda loss, logits, targets: logits.sum() * float("nan")
    )
    mien("study", "synthetic:n=120", *QUICK, "--out", tmp_path / "run").refused(2, "--learning-rate", "diverged")
