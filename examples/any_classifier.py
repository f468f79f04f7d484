"""Correct a classifier of your own: all that mien needs is a card and `outputs`.

python examples/any_classifier.py [number of faces]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.special import softmax

import mien
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer
from mien.data.faces import write
from mien.deploy.discovery import discover
from mien.deploy.settings import DiscoverySettings
from mien.testing import check_classifier
from mien.types import FeatureRequest, digest


class NearestMean:
    """Answers with the class whose mean image is nearest."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> None:
        self.means = np.stack([images[labels == c].reshape(-1, images[0].size).mean(0) for c in range(len(names))])
        layer = Layer("pixels", (images[0].size,))
        identity = digest("nearest mean", self.means)
        self.card = ClassifierCard(identity, names, inputs=ImageSpec(images.shape[1]), layers=(layer,))

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> mien.Outputs:  # noqa: B008 -- frozen
        batch.checked(self.card, request)
        pixels = batch.data.reshape(len(batch), self.means.shape[1]).astype(np.float32)
        distance = np.sqrt(((pixels[:, None] - self.means) ** 2).sum(2))
        vectors = {"pixels": pixels} if request.matches("pixels") else {}
        return mien.Outputs(batch.ids, softmax(-distance / 50, axis=1), None, vectors)


def main(faces: int = 600) -> None:
    write(mien.draw(mien.FaceSettings(n=faces, size=24, seed=1)), Path("faces"))
    drawn = mien.draw(mien.FaceSettings(n=faces, size=24)).dataset  # other people
    seen = drawn.take(drawn.labels != drawn.labelset.index("happiness"))
    names = tuple(name for name in seen.labelset.names if name != "happiness")
    labels = np.array([names.index(seen.labelset.names[label]) for label in seen.labels])
    f = NearestMean(seen.pictures, labels, names)
    check_classifier(f, Batch(seen.pictures[:8]))

    discovery = discover(f, sorted(Path("faces").rglob("*.png")), DiscoverySettings())
    print(f"{discovery.count} groups of strange faces")

    corrected = mien.correct(f, "faces", ["happiness"], budget=0.2, trained_on=("unknown",))
    corrected.save("happiness.patch")
    print(corrected.certificate_)

    corrected = mien.open(f, patch="happiness.patch")
    answers = corrected.predict("faces/happiness")
    print(f"{(answers == 'happiness').sum()} of {len(answers)} happy faces are found")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
