"""A small classifier of images with two patches, for tests of what is in service."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mien
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer
from mien.service.learning import Elsewhere
from mien.service.patches import PatchFolder
from mien.service.service import Service
from mien.service.settings import ServeSettings
from mien.service.store import open_store
from mien.testing import example_bars
from mien.types import FeatureRequest, Outputs

CLASSES = ("upper", "middle", "lower")
ANY = FeatureRequest()


class Bars:
    """Tells from the brightness of three strips where the bar is; it does not know the lower one."""

    def __init__(self) -> None:
        layers = (Layer("rows", (32,)),)
        self.card = ClassifierCard("bars 1", CLASSES, (True, True, False), ImageSpec(32), layers)
        self.threads = 0

    def prepare_thread(self) -> None:
        self.threads += 1

    def outputs(self, batch: Batch, request: FeatureRequest = ANY) -> Outputs:
        rows = batch.checked(self.card, request).data.mean(2) / 255
        strips = np.stack([rows[:, 4:10].mean(1), rows[:, 14:20].mean(1)], 1)
        shares = np.exp(9 * strips) / np.exp(9 * strips).sum(1, keepdims=True)
        return Outputs(batch.ids, np.pad(shares, ((0, 0), (0, 1))), self.card.known_mask, {"rows": rows})


def pictures(count: int, seed: int = 7) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures, and the names of their classes."""
    images, labels = example_bars(count, seed)
    return images, [CLASSES[label] for label in labels]


def png(image: NDArray[np.uint8]) -> bytes:
    """The content of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def make_patches(folder: Path) -> None:
    """Two patches for the class that the classifier does not know: "first" and "second"."""
    images, labels = pictures(1200, 1)
    for name, corrector in (("first", "logistic"), ("second", "lda")):
        made = mien.correct(Bars(), (images, labels), ["lower"], budget=0.1, corrector=corrector, assume_unseen=True)
        made.save(folder / f"{name}.patch")


def make_service(patches: Path, store: Path | str, **settings: Any) -> Service:
    """A service that is not started."""
    classifier = Bars()
    folder = PatchFolder(patches, classifier)
    opened, made = open_store(store), ServeSettings(**settings)
    elsewhere = Elsewhere(Bars, str(store))
    return Service(classifier, folder, opened, made, elsewhere=elsewhere)
