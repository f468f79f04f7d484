"""Face-expression classifiers that can be corrected after training. Names are resolved on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.correctors.boosting import XGBoost
    from mien.correctors.policy import Policy, certify, decide
    from mien.correctors.probe import Logistic
    from mien.data.faces import FaceSettings, draw
    from mien.data.load import load
    from mien.data.prepare import DataSettings, prepare
    from mien.data.split import split
    from mien.errors import MienError
    from mien.metrics.correction import scores
    from mien.models.attention import Attention
    from mien.models.latents import extract
    from mien.models.settings import TrainSettings
    from mien.runs import Run
    from mien.study.leave_one_out import run as run_study
    from mien.study.settings import StudySettings
    from mien.types import Dataset, Decision, LabelSet, Outputs, Problem, Proposal, Rates, Scores, Split

_HOMES = {
    "Attention": "models.attention", "DataSettings": "data.prepare", "Dataset": "types", "Decision": "types",
    "FaceSettings": "data.faces", "LabelSet": "types", "Logistic": "correctors.probe", "MienError": "errors",
    "Outputs": "types", "Policy": "correctors.policy", "Problem": "types", "Proposal": "types", "Rates": "types",
    "Run": "runs", "Scores": "types", "Split": "types", "StudySettings": "study.settings",
    "TrainSettings": "models.settings", "XGBoost": "correctors.boosting", "certify": "correctors.policy",
    "decide": "correctors.policy", "draw": "data.faces", "extract": "models.latents", "load": "data.load",
    "prepare": "data.prepare", "run_study": "study.leave_one_out:run", "scores": "metrics.correction",
    "split": "data.split",
}  # fmt: skip

__all__ = [
    "Attention", "DataSettings", "Dataset", "Decision", "FaceSettings", "LabelSet", "Logistic", "MienError", "Outputs",
    "Policy", "Problem", "Proposal", "Rates", "Run", "Scores", "Split", "StudySettings", "TrainSettings", "XGBoost",
    "certify", "decide", "draw", "extract", "load", "prepare", "run_study", "scores", "split",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f"mien.{module}"), attribute or name)
