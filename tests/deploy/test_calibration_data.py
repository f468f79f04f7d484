"""Images that may correct a classifier: in its classes, in parts, none that it learnt from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, TableSpec
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import KNOWN, UNKNOWN, TrainedOn
from mien.deploy.calibration_data import load_calibration_data
from mien.deploy.settings import CorrectSettings
from mien.errors import DataError, UsageError
from mien.types import FeatureRequest, Outputs

DATA = DataSettings("synthetic:n=120,size=16", size=16)
PICTURES = prepare(DATA)
NAMES = PICTURES.labelset.names


class Card:
    """A classifier of which only the card is asked for."""

    def __init__(self, **changes: Any) -> None:
        self.card = ClassifierCard(**{"id": "f", "classes": NAMES[1:], "inputs": ImageSpec(16), **changes})

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        raise NotImplementedError


def settings(**changes: Any) -> CorrectSettings:
    return CorrectSettings(**{"classes": (NAMES[0],), **changes})


def test_what_is_on_the_card_as_trained_on_is_left_out() -> None:
    learnt = TrainedOn.from_dataset(PICTURES, np.arange(30), "elsewhere")
    found = load_calibration_data(Card(trained_on=learnt), DATA, settings())
    assert found.provenance.kind == KNOWN and found.provenance.pictures >= 30  # copies too
    assert not np.isin(found.pictures.hashes, np.asarray(PICTURES.hashes)[:30]).any()
    assert found.pictures.labelset.names == (*NAMES[1:], NAMES[0]) and found.targets == (len(NAMES) - 1,)
    assert all(found.counts.values()) and set(found.counts) == {"fit", "calibrate", "test"}


def test_an_unknown_past_must_be_vouched_for() -> None:
    with pytest.raises(UsageError, match="no record") as error:
        load_calibration_data(Card(), DATA, settings())
    assert "--trained-on" in error.value.remedy and error.value.place == "Card"
    found = load_calibration_data(Card(), DATA, settings(trained_on=("unknown",)))
    assert found.provenance.kind == UNKNOWN and len(found.pictures) == len(PICTURES)


def test_images_are_read_as_the_card_says() -> None:
    found = load_calibration_data(Card(inputs=ImageSpec(24, True)), DATA, settings(trained_on=("unknown",)))
    assert found.pictures.pictures.shape[1:] == (24, 24, 3)
    nearest = ImageSpec(24, True, resample="nearest")
    other = load_calibration_data(Card(inputs=nearest), DATA, settings(trained_on=("unknown",)))
    assert not np.array_equal(other.pictures.pictures, found.pictures.pictures)
    with pytest.raises(UsageError, match="CorrectedClassifier"):
        load_calibration_data(Card(inputs=TableSpec(3)), DATA, settings(trained_on=("unknown",)))


def test_a_class_whose_pictures_are_all_in_other_parts_is_no_class_without_pictures() -> None:
    few = replace(DATA, source="synthetic:n=120,size=16,profile=affectnet")
    counts = dict(zip(prepare(few).labelset.names, prepare(few).counts().tolist(), strict=True))
    rare = min(filter(counts.get, counts), key=lambda name: counts[name])
    classifier = Card(classes=tuple(name for name in counts if name != rare))
    with pytest.raises(DataError, match=rf"to learn from: {counts[rare]} in all, none of them in the part fit"):
        load_calibration_data(classifier, few, settings(classes=(rare,), trained_on=("unknown",)))
