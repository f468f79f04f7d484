"""What pixels show: blank_images pictures, and classes that brightness, size or colour alone separates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data import faces
from mien.data.checks import check
from mien.data.images import ImageSettings, decode, formats
from mien.data.load import load
from mien.data.pixel_checks import blank_images, confounded_by_brightness, confounded_by_format
from mien.types import Dataset, LabelSet, texts

TOLD = "class confounded with its source"


def dataset(pixels: np.ndarray, labels: list[int]) -> Dataset:
    ids = texts([str(row) for row in range(len(labels))])
    names = ("fear", "happiness", "sadness")
    raw = texts([names[label] if label >= 0 else "" for label in labels])
    return Dataset(ids, np.array(labels), LabelSet(names), raw, texts([""] * len(ids)), pixels=pixels)


def noise(count: int, low: int = 0, high: int = 255, shape: tuple[int, ...] = (16, 16)) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, (count, *shape), dtype=np.uint8)


def places(data: Dataset, kind: str) -> list[str]:
    return [problem.place for problem in data.problems if problem.kind == kind]


class TestBlank:
    @pytest.mark.parametrize("value", [0, 128, 255])
    @pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3), (200, 200)])
    def test_of_one_value(self, value: int, shape: tuple[int, ...]) -> None:
        pixels = np.concatenate([noise(2, shape=shape), np.full((1, *shape), value, np.uint8)])
        assert places(blank_images(dataset(pixels, [0, 1, 1])), "nearly blank") == ["2"]

    def test_a_few_grey_levels_and_a_speck(self) -> None:
        pixels = np.concatenate([noise(1), noise(1, 100, 112), noise(1, 0, 4)])
        pixels[1, 3, 3] = 255
        assert places(blank_images(dataset(pixels, [0, 0, 0])), "nearly blank") == ["1", "2"]

    def test_faint_faces_are_none(self) -> None:
        drawn = faces.draw(faces.FaceSettings(n=50, size=24)).dataset
        assert drawn.pixels is not None
        faint = (drawn.pixels // 3 + 90).astype(np.uint8)
        assert not blank_images(drawn.replace(pixels=faint)).problems

    def test_pictures_that_are_not_decoded(self) -> None:
        data = dataset(noise(2), [0, 1]).replace(pixels=None)
        assert not blank_images(data).problems and not confounded_by_brightness(data).problems


class TestBrightness:
    @pytest.mark.parametrize(("low", "high", "word"), [(0, 60, "darker"), (190, 255, "brighter")])
    def test_a_class_that_is_darker_or_brighter(self, low: int, high: int, word: str) -> None:
        pixels = np.concatenate([noise(60), noise(20, low, high)])
        data = confounded_by_brightness(dataset(pixels, [0, 2] * 30 + [1] * 20))
        assert places(data, TOLD) == ["class happiness"]
        assert word in data.problems[0].cause and "brightness" in data.problems[0].cause

    def test_in_colour(self) -> None:
        pixels = np.concatenate([noise(60, shape=(16, 16, 3)), noise(20, 0, 60, (16, 16, 3))])
        assert places(confounded_by_brightness(dataset(pixels, [0, 2] * 30 + [1] * 20)), TOLD) == ["class happiness"]

    def test_few_pictures_do_not_tell(self) -> None:
        pixels = np.concatenate([noise(60), noise(9, 0, 60)])
        assert not confounded_by_brightness(dataset(pixels, [0, 2] * 30 + [1] * 9)).problems

    def test_pictures_without_label_have_no_say(self) -> None:
        pixels = np.concatenate([noise(60), noise(20, 0, 60)])
        assert not confounded_by_brightness(dataset(pixels, [0, 2] * 30 + [-1] * 20)).problems


class TestFormat:
    def classes(self, root: Path, odd: tuple[int, ...], noise_of: int = 16) -> Dataset:
        """Twelve pictures of three classes; those of sadness have the shape `odd`."""
        for name in ("fear", "happiness", "sadness"):
            (root / name).mkdir()
            shape = odd if name == "sadness" else (noise_of, noise_of)
            for row, pixels in enumerate(noise(12, shape=shape)):
                Image.fromarray(pixels).save(root / name / f"{row}.png")
        return load(str(root))

    def found(self, data: Dataset) -> Dataset:
        return confounded_by_format(decode(data, ImageSettings(16), keep=False), formats(data))

    def test_equal_classes(self, tmp_path: Path) -> None:
        assert not self.found(self.classes(tmp_path, (16, 16))).problems

    def test_size(self, tmp_path: Path) -> None:
        data = self.found(self.classes(tmp_path, (24, 24)))
        assert places(data, TOLD) == ["class sadness"] and "size alone" in data.problems[0].cause

    def test_colour(self, tmp_path: Path) -> None:
        data = self.found(self.classes(tmp_path, (16, 16, 3)))
        assert places(data, TOLD) == ["class sadness"] and "in colour" in data.problems[0].cause


def test_drawn_faces_raise_no_alarm() -> None:
    for profile in ("raf", "even"):
        drawn = faces.draw(faces.FaceSettings(n=400, size=24, profile=profile)).dataset
        found = {problem.kind for problem in check(drawn).problems}
        assert not found & {TOLD, "nearly blank"}
