"""Figures of an exported graph, on pictures that neither the classifier nor its patch has learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.classifiers.contract import Batch, GraphClassifier
from mien.data.prepare import DataSettings
from mien.deploy.calibration_data import load_calibration_data
from mien.deploy.onnx.exporting import Exported
from mien.deploy.onnx.session import Session
from mien.deploy.predictor import Predictor
from mien.deploy.settings import CorrectSettings
from mien.errors import MienError
from mien.metrics.correction import scores
from mien.storage.files import Record
from mien.types import Scores


@dataclass(frozen=True)
class Figures:
    """What the graph answers on test pictures, in ONNX Runtime.

    Attributes
    ----------
    source : the data set's name; no place, since the figures are published. pictures : how many of it.
    classes : names, as in the rates.
    scores : before and after the correction. accuracy : before and after.
    """

    source: str
    pictures: int
    classes: tuple[str, ...]
    scores: Scores
    accuracy: tuple[float, float]


def measure(exported: Exported, predictor: Predictor, check: str = "") -> tuple[Figures | None, str]:
    """The figures on the test part of the data that the patch was made with, or of `check`; None and a reason.

    What the classifier was trained on is left out, and what fitted or certified the patch as well where the data are
    those of the patch.
    """
    about = predictor.patch.about if predictor.patch else {}
    stored, made = about.get("data"), about.get("settings")
    try:
        if isinstance(stored, Mapping):
            data = stored.record(DataSettings) if isinstance(stored, Record) else DataSettings(**stored)
            settings = made.record(CorrectSettings) if isinstance(made, Record) else CorrectSettings()
        elif check:
            data, settings = DataSettings(check), CorrectSettings()
        else:
            return None, "no labelled pictures are named"
        material = load_calibration_data(predictor.classifier, data, replace(settings, classes=(), found=""))
    except (MienError, TypeError) as error:
        return None, f"the pictures cannot be read: {getattr(error, 'cause', error)}"
    rows = material.parts.rows("test")
    pictures, classes = material.pictures, predictor.classes
    place = {name: index for index, name in enumerate(classes)}
    truth = np.array([place.get(name, -1) for name in pictures.labelset.names])[pictures.labels[rows]]
    rows, truth = rows[truth >= 0], truth[truth >= 0]
    if not len(rows):
        return None, "there is no test picture"
    assert isinstance(predictor.classifier, GraphClassifier)
    answers = Session(exported.model).answer(predictor.classifier, Batch.of(pictures, rows))
    before = answers["probabilities"].argmax(1)
    after = answers.get("corrected", before)
    accuracy = (float((before == truth).mean()), float((after == truth).mean()))
    return Figures(
        Path(pictures.name).name, len(rows), classes, scores(truth, before, after, len(classes)), accuracy
    ), ""
