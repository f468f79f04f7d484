"""Settings of experiments refuse what cannot be."""

from __future__ import annotations

import pytest

from mien.data.prepare import DataSettings
from mien.errors import UsageError
from mien.experiments.settings import ClassifierSettings, CompareSettings, StudySettings

DATA = DataSettings("faces")


def test_a_study_is_a_classifier_with_more() -> None:
    study = StudySettings(DATA, correctors=("logistic",))
    assert isinstance(study, ClassifierSettings) and study.seeds == (0,)


@pytest.mark.parametrize("kind", [ClassifierSettings, StudySettings])
def test_a_seed_is_needed(kind: type[ClassifierSettings]) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        kind(DATA, seeds=())


@pytest.mark.parametrize("name", ["seeds", "models", "treatments"])
def test_a_comparison_needs_one_of_each(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name}"):
        CompareSettings(DATA, **{name: ()})


def test_an_unknown_treatment_has_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean 'weights'"):
        CompareSettings(DATA, treatments=("wieghts",))


def test_limits_hold() -> None:
    with pytest.raises(UsageError, match="--min-pictures"):
        StudySettings(DATA, min_pictures=0)
