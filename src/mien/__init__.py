"""Face-expression classifiers that can be corrected after training. Names are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mien._lazy import lazy_exports

if TYPE_CHECKING:
    from mien.certify.calibration_set import CalibrationSet as CalibrationSet
    from mien.certify.policy import Policy as Policy
    from mien.certify.policy import decide as decide
    from mien.correctors.boosting import XGBoost as XGBoost
    from mien.correctors.linear import LDA as LDA
    from mien.correctors.linear import Logistic as Logistic
    from mien.correctors.projection import Nystroem as Nystroem
    from mien.data.faces import FaceSettings as FaceSettings
    from mien.data.faces import draw as draw
    from mien.data.load import load as load
    from mien.data.prepare import DataSettings as DataSettings
    from mien.data.prepare import prepare as prepare
    from mien.data.split import split as split
    from mien.deploy.corrected import CorrectedClassifier as CorrectedClassifier
    from mien.deploy.front_door import audit as audit
    from mien.deploy.front_door import correct as correct
    from mien.deploy.front_door import open as open
    from mien.deploy.patch import Patch as Patch
    from mien.errors import MienError as MienError
    from mien.experiments.leave_one_out.study import run as run_study  # noqa: F401
    from mien.experiments.settings import StudySettings as StudySettings
    from mien.metrics.correction import scores as scores
    from mien.nets.attention import Attention as Attention
    from mien.nets.extraction import extract as extract
    from mien.nets.settings import TrainSettings as TrainSettings
    from mien.storage.run import Run as Run
    from mien.types import Dataset as Dataset
    from mien.types import Decision as Decision
    from mien.types import LabelSet as LabelSet
    from mien.types import Outputs as Outputs
    from mien.types import Problem as Problem
    from mien.types import Proposal as Proposal
    from mien.types import Rates as Rates
    from mien.types import Scores as Scores
    from mien.types import Split as Split

    __version__: str

_export, __dir__, __all__ = lazy_exports(__name__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("mien")
    if name in ("plot", "watch"):
        from importlib import import_module

        return import_module(f"mien.{name}")
    return _export(name)
