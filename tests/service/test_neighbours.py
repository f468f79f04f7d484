"""The nearest labelled pictures: known neighbours, distances, what is kept, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.classifiers.contract import Batch, ImageSpec, TableSpec
from mien.classifiers.function import FunctionClassifier
from mien.data import faces
from mien.errors import AlignmentError, DataError, UsageError
from mien.service import neighbours
from mien.service.neighbours import NeighbourIndex, open_index
from mien.types import Dataset, FeatureRequest, Floats, LabelSet, Outputs

SIDE = 16


class Quadrants:
    """A classifier that describes an image by the mean of its four quarters, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.inner = FunctionClassifier(self.answers, ("left", "right"), ImageSpec(SIDE))
        self.card = self.inner.card
        self.asked = 0

    def answers(self, images: np.ndarray) -> tuple[Floats, dict[str, Floats]]:
        self.asked += len(images)
        half = SIDE // 2
        quarters = images.reshape(len(images), 2, half, 2, half).mean((2, 4)).reshape(len(images), 4) / 255 + 0.01
        share = quarters[:, [0, 2]].sum(1) / quarters.sum(1)
        return np.stack([share, 1 - share], 1), {"other": quarters[:, :1], "quarters": quarters}

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008
        return self.inner.outputs(batch, request)


def labelled(count: int = 60) -> Dataset:
    """Images with one bright quarter, the label of which is its place."""
    rng = np.random.default_rng(0)
    place = np.arange(count) % 4
    pixels = rng.integers(0, 40, (count, SIDE, SIDE), dtype=np.uint8)
    half = SIDE // 2
    for row, quarter in enumerate(place):
        top, left = half * (quarter // 2), half * (quarter % 2)
        pixels[row, top : top + half, left : left + half] = rng.integers(180, 255)
    names = ("upper left", "upper right", "lower left", "lower right")
    return Dataset(
        np.array([f"p{row}" for row in range(count)]), place, LabelSet(names), np.array(names)[place],
        np.full(count, ""), pixels, name="quarters",
    )  # fmt: skip


@pytest.fixture
def classifier() -> Quadrants:
    return Quadrants()


def test_neighbours_are_those_of_brute_force(classifier: Quadrants, monkeypatch: pytest.MonkeyPatch) -> None:
    data = labelled()
    index = NeighbourIndex.of(classifier, data)
    outputs = classifier.outputs(Batch(data.pictures[:9], data.ids[:9]), index.request)
    near = index.nearest(outputs)
    wide = [outputs.vectors["quarters"], outputs.log_probs]
    every = classifier.outputs(Batch(data.pictures), index.request)
    cosines = [
        query @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T / np.linalg.norm(query, axis=1, keepdims=True)
        for query, rows in zip(wide, [every.vectors["quarters"], every.log_probs], strict=True)
    ]
    distances = 1 - np.mean(cosines, axis=0)
    assert np.allclose(near.distances, np.sort(distances)[:, :5], atol=1e-6)
    assert (near.labels == np.array(data.labelset.names)[data.labels[:9, None]]).all()
    assert np.array_equal(near.distance, near.distances[:, 4]) and (np.diff(near.distances) >= 0).all()
    assert np.array_equal(near.keys, data.ids[near.rows]) and near.ids.tolist() == data.ids[:9].tolist()
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    monkeypatch.setattr(neighbours, "TOGETHER", 2)
    assert np.array_equal(index.nearest(outputs).rows, near.rows)


def test_a_strange_picture_is_far_from_all(classifier: Quadrants) -> None:
    data = labelled()
    index = NeighbourIndex.of(classifier, data)
    strange = np.full((1, SIDE, SIDE), 255, np.uint8)
    usual = classifier.outputs(Batch(data.pictures[:20]))
    far = index.nearest(classifier.outputs(Batch(strange))).distance[0]
    assert far > index.nearest(usual).distance.max()


def test_outputs_may_have_more_features_and_more_classes(classifier: Quadrants) -> None:
    index = NeighbourIndex.of(classifier, labelled())
    batch = Batch(index.data.pictures[:4])
    few, many = classifier.outputs(batch, index.request), classifier.outputs(batch)
    assert set(few.vectors) == {"quarters"} and len(many.vectors) == 2
    assert np.array_equal(index.nearest(many.padded_to(7)).rows, index.nearest(few).rows)


def test_descriptions_are_kept_beside_the_classifier(classifier: Quadrants, tmp_path: Path) -> None:
    data = labelled()
    first = NeighbourIndex.of(classifier, data, tmp_path)
    asked = classifier.asked
    again = NeighbourIndex.of(classifier, data, tmp_path)
    assert classifier.asked == asked == len(data)
    assert again.descriptions.dtype == np.float32 and np.array_equal(first.descriptions, again.descriptions)
    NeighbourIndex.of(classifier, data.take(np.arange(30)), tmp_path)
    assert classifier.asked == len(data) + 30


def test_few_pictures_none_and_those_of_another_classifier(classifier: Quadrants) -> None:
    index = NeighbourIndex.of(classifier, labelled(3))
    outputs = classifier.outputs(Batch(index.data.pictures[:2]))
    assert index.nearest(outputs).rows.shape == (2, 3)
    assert index.nearest(outputs.take(np.arange(0))).rows.shape == (0, 3)
    with pytest.raises(DataError, match="has no picture"):
        NeighbourIndex.of(classifier, labelled(4).take(np.arange(0)))
    with pytest.raises(AlignmentError, match="in place of 6"):
        index.nearest(Outputs(None, [[0.5, 0.5]]))  # type: ignore[arg-type]


def test_a_folder_is_read_as_mien_correct_reads_it(classifier: Quadrants, tmp_path: Path) -> None:
    drawn = faces.draw(faces.FaceSettings(n=24, size=40, colour=True))
    faces.write(drawn, tmp_path / "faces")
    index = open_index(classifier, str(tmp_path / "faces"))
    assert index.data.pictures.shape[1:] == (SIDE, SIDE) and len(index.data) > 15
    with Image.open(io.BytesIO(index.thumbnail(0))) as image:
        assert image.format == "PNG" and image.size == (40, 40) and image.mode == "RGB"
    with Image.open(io.BytesIO(index.thumbnail(0, side=20))) as image:
        assert image.size == (20, 20)
    table: Any = FunctionClassifier(lambda rows: np.full((len(rows), 2), 0.5), ["a", "b"], TableSpec(3))
    with pytest.raises(UsageError, match="not images"):
        open_index(table, str(tmp_path / "faces"))
