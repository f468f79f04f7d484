"""The public names: exactly these, each resolves, and naming the package loads nothing heavy."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import mien

PUBLIC = [
    "LDA", "Attention", "CorrectedClassifier", "DataSettings", "Dataset", "Decision", "FaceSettings", "LabelSet",
    "Logistic", "MienError", "Nystroem", "Outputs", "Patch", "Policy", "Problem", "Proposal", "Rates", "Run",
    "Scores", "Split", "StudySettings", "TrainSettings", "XGBoost", "audit", "certify", "correct", "decide", "draw",
    "extract", "load", "open", "prepare", "run_study", "scores", "split",
]  # fmt: skip
HEAVY = {"torch", "sklearn", "scipy", "matplotlib", "xgboost", "lightgbm", "PIL", "numpy"}


def test_all_is_exactly_the_public_names() -> None:
    assert mien.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_resolves_to_something_documented(name: str) -> None:
    assert (getattr(mien, name).__doc__ or "").strip()


def test_no_module_of_the_package_shadows_a_name() -> None:
    assert {module.name for module in pkgutil.iter_modules(mien.__path__)}.isdisjoint(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = mien.nothing_of_that_name


def test_importing_mien_loads_nothing_heavy() -> None:
    code = "import sys, mien; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def test_types_need_no_torch_and_no_scikit_learn() -> None:
    code = "import sys, mien; mien.Outputs, mien.Run, mien.StudySettings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "sklearn", "matplotlib"}.isdisjoint(loaded)
