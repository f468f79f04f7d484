"""How a new patch is made: as the one in force was, with the classes and data that the server's settings add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from mien.certify.policy import Policy
from mien.certify.thresholds import EXPECTED, smallest_n, smallest_n_on_average
from mien.classifiers.contract import Classifier
from mien.data.load import absolute
from mien.data.prepare import DataSettings
from mien.deploy.calibration_data import CalibrationData, load_calibration_data
from mien.deploy.patch import Patch
from mien.deploy.predictor import Predictor
from mien.deploy.settings import CorrectSettings
from mien.deploy.target_classes import ALL
from mien.service.settings import ServeSettings

WITHOUT_PATCH = "nystroem"
"""The corrector where no patch is in force whose settings could be taken."""


@dataclass(frozen=True)
class Recipe:
    """How a patch is made.

    Attributes
    ----------
    settings, policy : of the patch in force; the usual ones without a patch.
    classes : of the answers, in order. targets : names of those that are corrected; ALL for every one.
    new : classes that are to be corrected beside them, where enough verdicts name them.
    data : labelled data that count beside the verdicts; None for none.
    """

    settings: CorrectSettings
    policy: Policy
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    new: tuple[str, ...] = ()
    data: DataSettings | None = None

    @classmethod
    def of(cls, in_force: Predictor, settings: ServeSettings) -> Self:
        """As the patch in force was made; without one, for all classes."""
        patch, data = in_force.patch, _data(settings.data, in_force.patch)
        if patch is None:
            usual = CorrectSettings(WITHOUT_PATCH, keep_features=False, trained_on=settings.trained_on)
            return cls(usual, Policy(), in_force.classes, (ALL,), settings.new_classes, data)
        stored = _part(patch, "settings")
        correct = CorrectSettings(
            corrector=patch.names[0],
            layer=str(stored.get("layer") or ""),
            fit_share=float(stored.get("fit_share") or 0),
            trained_on=settings.trained_on or tuple(map(str, stored.get("trained_on") or ())),
            keep_features=False,
            features=tuple(str(encoder.network.folder) for encoder in patch.encoders),
        )
        return cls(correct, patch.policy, patch.classes, patch.targets, settings.new_classes, data)

    @property
    def needed(self) -> int:
        """Fewest right answers that certify the budget."""
        if self.policy.guarantee == EXPECTED:
            return smallest_n_on_average(self.policy.budget)
        return smallest_n(self.policy.budget, self.policy.delta)

    def labelled(self, classifier: Classifier) -> CalibrationData | None:
        """The labelled data as `mien correct` reads them, without what f was trained on; None where there are none.

        Raises
        ------
        UsageError, DataError : they cannot be used, or it is not known what the classifier was trained on.
        """
        if self.data is None:
            return None
        share = self.settings.share_to_fit(self.policy)
        return load_calibration_data(classifier, self.data, replace(self.settings, classes=()), share)

    @property
    def about(self) -> Mapping[str, Any]:
        """What a patch keeps of it."""
        about = {"command": "mien serve --refit-after", "settings": asdict(self.settings.stored())}
        return about if self.data is None else {**about, "data": asdict(self.data.stored())}


def _data(place: str, patch: Patch | None) -> DataSettings | None:
    """Settings of labelled data; those of the patch where it was made from the same."""
    if not place:
        return None
    data, stored = DataSettings(place), {} if patch is None else _part(patch, "data")
    if stored.get("source") == absolute(place):
        return DataSettings(**{name: stored[name] for name in asdict(data) if name in stored})
    return data


def _part(patch: Patch, name: str) -> Mapping[str, Any]:
    """A part of what a patch keeps for people; empty where it is none."""
    part = patch.about.get(name)
    return part if isinstance(part, Mapping) else {}
