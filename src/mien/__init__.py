"""Face-expression classifiers that can be corrected after training. Names are resolved on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.certify.policy import Policy, certify, decide
    from mien.correctors.boosting import XGBoost
    from mien.correctors.linear import LDA, Logistic
    from mien.correctors.projection import Nystroem
    from mien.data.faces import FaceSettings, draw
    from mien.data.load import load
    from mien.data.prepare import DataSettings, prepare
    from mien.data.split import split
    from mien.deploy.corrected import CorrectedClassifier
    from mien.deploy.front_door import audit, correct, open
    from mien.deploy.patch import Patch
    from mien.errors import MienError
    from mien.experiments.leave_one_out.study import run as run_study
    from mien.experiments.settings import StudySettings
    from mien.metrics.correction import scores
    from mien.nets.attention import Attention
    from mien.nets.extraction import extract
    from mien.nets.settings import TrainSettings
    from mien.storage.run import Run
    from mien.types import Dataset, Decision, LabelSet, Outputs, Problem, Proposal, Rates, Scores, Split

_HOMES = {
    "Attention": "nets.attention", "CorrectedClassifier": "deploy.corrected", "DataSettings": "data.prepare",
    "Dataset": "types", "Decision": "types", "FaceSettings": "data.faces", "LDA": "correctors.linear",
    "LabelSet": "types", "Logistic": "correctors.linear", "MienError": "errors", "Nystroem": "correctors.projection",
    "Outputs": "types", "Patch": "deploy.patch", "Policy": "certify.policy", "Problem": "types", "Proposal": "types",
    "Rates": "types", "Run": "storage.run", "Scores": "types", "Split": "types",
    "StudySettings": "experiments.settings", "TrainSettings": "nets.settings", "XGBoost": "correctors.boosting",
    "audit": "deploy.front_door", "certify": "certify.policy", "correct": "deploy.front_door",
    "decide": "certify.policy", "draw": "data.faces", "extract": "nets.extraction", "load": "data.load",
    "open": "deploy.front_door", "prepare": "data.prepare", "run_study": "experiments.leave_one_out.study:run",
    "scores": "metrics.correction", "split": "data.split",
}  # fmt: skip

__all__ = [
    "LDA", "Attention", "CorrectedClassifier", "DataSettings", "Dataset", "Decision", "FaceSettings", "LabelSet",
    "Logistic", "MienError", "Nystroem", "Outputs", "Patch", "Policy", "Problem", "Proposal", "Rates", "Run",
    "Scores", "Split", "StudySettings", "TrainSettings", "XGBoost", "audit", "certify", "correct", "decide", "draw",
    "extract", "load", "open", "prepare", "run_study", "scores", "split",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("mien.plot")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f"mien.{module}"), attribute or name)
