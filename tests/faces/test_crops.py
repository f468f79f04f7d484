"""Crops: known points come to known places, and crops are measured on pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving_faces import Red, faces, red, scene

from mien.errors import DataError, UsageError
from mien.faces.contract import Detections
from mien.faces.crops import FER2013, Crop, similarity
from mien.faces.finder import FaceFinder, crop_named
from mien.faces.settings import FinderSettings

pytest.importorskip("cv2")
BOX = np.array([0.25, 0.25, 0.75, 0.75])
HALF = Crop(np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.75], [0.65, 0.75]]) / 2 + 0.25, BOX)
"""A face's box is the middle of the crop, half as large."""
angles, scales, shifts = st.floats(-3, 3), st.floats(0.05, 20), st.floats(-100, 100)


@given(angles, scales, shifts, shifts)
def test_a_similarity_is_recovered(angle: float, scale: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = HALF.landmarks
    assert similarity(points, points @ turn.T + [x, y]) == pytest.approx(np.column_stack([turn, [x, y]]), abs=1e-6)


def test_points_in_one_place_are_only_shifted() -> None:
    assert similarity(np.ones((5, 2)), np.full((5, 2), 3.0)).tolist() == [[1, 0, 2], [0, 1, 2]]


@pytest.mark.parametrize("side", [8, 20, 60])
@pytest.mark.parametrize("landmarks", [False, True])
def test_a_square_fills_the_middle_of_its_crop(side: int, landmarks: bool) -> None:
    """The red square is half of the crop, whatever its size; its edges are at a quarter and three quarters."""
    detector = Red(landmarks=landmarks)
    image = red((30, 10), side=side)
    detections = detector.detect(image)
    points = None if detections.landmarks is None else detections.landmarks[0]
    crop = HALF.cut(image, detections.boxes[0], points, 32)
    assert crop.shape == (32, 32, 3)
    expected = np.zeros((32, 32), bool)
    expected[8:24, 8:24] = True
    assert ((crop[..., 0] > 170) == expected).mean() > 0.98


def test_a_crop_of_the_same_size_is_the_same_pixels() -> None:
    """A face that lies already where it shall: nothing is resampled but by the identity."""
    image = faces(48)[0]
    crop = FER2013.cut(image, FER2013.box * 48, FER2013.landmarks * 48, 48)
    assert np.abs(crop.astype(int) - image).max() <= 1
    grey = FER2013.cut(image[..., 0], FER2013.box * 48, None, 48)
    assert grey.shape == (48, 48) and np.abs(grey.astype(int) - image[..., 0]).max() <= 1


def test_a_turned_face_becomes_upright() -> None:
    image = faces(64)[1]
    turned = np.ascontiguousarray(np.rot90(image))  # (x, y) is at (y, 63 − x) then
    points = FER2013.landmarks * 64
    there = np.column_stack([points[:, 1], 64 - points[:, 0]])
    crop = FER2013.cut(turned, np.zeros(4), there, 64)
    assert np.abs(crop.astype(int) - image).mean() < 2


def test_many_pixels_become_one_by_their_mean() -> None:
    """A chequered board of single pixels is grey when it becomes small, not black or white."""
    board = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    crop = Crop(HALF.landmarks, np.array([0.0, 0, 1, 1])).cut(board, np.array([0.0, 0, 512, 512]), None, 32)
    assert np.abs(crop.astype(int) - 127).max() < 20


def test_the_edge_is_repeated_beyond_the_picture() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    assert (HALF.cut(image, np.array([20.0, 20, 40, 40]), None, 16) == 200).all()


class TestMeasured:
    def test_a_crop_is_learnt_from_pictures(self) -> None:
        pictures = [red((10 + step, 10), side=20, width=40, height=40) for step in (-1, 0, 1)] * 7
        crop = Crop.like(pictures, Red(landmarks=True))
        assert crop.box == pytest.approx(BOX) and crop.landmarks == pytest.approx(HALF.landmarks)

    def test_few_faces_are_no_measure(self) -> None:
        with pytest.raises(DataError, match="19 of the pictures"):
            Crop.like([red((10, 10))] * 19 + [red()] * 30, Red())

    def test_a_folder_is_measured(self, tmp_path: Any) -> None:
        from PIL import Image

        for number in range(25):
            Image.fromarray(red((10, 10), width=40, height=40)).save(tmp_path / f"{number}.png")
        assert crop_named(str(tmp_path), Red()).box == pytest.approx(BOX)
        for wrong in ("fer2014", str(tmp_path / "0.png")):
            with pytest.raises(DataError, match="--crop"):
                crop_named(wrong, Red())

    def test_fer2013_is_symmetric(self) -> None:
        """Half of its faces could be mirrored, so the medians nearly are."""
        left, right, nose, mouth_left, mouth_right = FER2013.landmarks
        sums = left[0] + right[0], mouth_left[0] + mouth_right[0]
        assert sums == pytest.approx((1, 1), abs=0.01)
        assert nose[0] == pytest.approx(0.5, abs=0.01) and left[1] < nose[1] < mouth_left[1]


class TestFinder:
    def test_faces_are_numbered_from_left_to_right_and_small_or_unsure_ones_left_out(self) -> None:
        class Unsure(Red):
            def detect(self, image: Any) -> Detections:
                exact = super().detect(image)
                return Detections(exact.boxes, np.where(exact.boxes[:, 1] > 50, 0.3, 0.9))

        image = red((80, 10), (10, 20), (50, 55))
        image[5:10, 60:65] = (250, 20, 20)
        finder = FaceFinder(Unsure(), HALF, 16, confidence=0.5, smallest=16)
        boxes = [(face.number, face.box[0]) for face, _ in finder.find(image)]
        assert boxes == [(1, 10), (2, 80)]
        assert [box for _, box in ((f.number, f.box[0]) for f, _ in FaceFinder(Red(), HALF, 16, 0, 1).find(image))] == [
            10, 50, 60, 80,
        ]  # fmt: skip

    def test_settings_open_a_finder(self) -> None:
        pytest.importorskip("retinaface")
        finder = FaceFinder.open(FinderSettings("retina", face_size=40), 48)
        [(face, crop)] = finder.find(scene((90, 60)))
        assert crop.shape == (48, 48, 3) and face.box[2] - face.box[0] > 40 and finder.crop is FER2013
        with pytest.raises(UsageError, match="--faces"):
            FaceFinder.open(FinderSettings(), 48)
        with pytest.raises(UsageError, match="--face-confidence"):
            FinderSettings("retina", face_confidence=2)
