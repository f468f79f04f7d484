"""Pictures for people: what the file shows, whatever the audit made of it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data import opening, picture
from mien.data.picture import full_image
from mien.data.views import data_uri, encoded, view
from mien.types import Dataset, LabelSet, texts


def dataset(path: Path | str) -> Dataset:
    """One picture, decoded to 8×8 grey."""
    pixels = np.full((1, 8, 8), 50, np.uint8)
    return Dataset(texts(["a"]), np.array([0]), LabelSet(("fear",)), texts(["fear"]), texts([str(path)]), pixels)


def saved(path: Path, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: object) -> Path:
    Image.new(mode, size, 128 if mode in ("L", "I;16") else "red").save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tif", "a.bmp"])
def test_it_has_the_colours_and_the_sides_of_the_file(tmp_path: Path, name: str) -> None:
    found = view(dataset(saved(tmp_path / name)), 0)
    assert (found.size, found.mode) == ((300, 200), "RGB")
    assert np.abs(np.array(found).mean((0, 1)) - [255, 0, 0]).max() < 4
    assert view(dataset(tmp_path / name), 0, 120).size == (120, 80)
    assert view(dataset(tmp_path / name), 0, 640).size == (300, 200), "a small picture is enlarged"


def test_it_is_upright(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    path = saved(tmp_path / "a.jpg", (1600, 800), exif=turned)
    assert view(dataset(path), 0).size == (800, 1600) and view(dataset(path), 0, 200).size == (100, 200)


def test_without_a_readable_file_the_decoded_pixels_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    saved(tmp_path / "large.png")
    for path in ("", tmp_path / "gone.png", tmp_path, tmp_path / "broken.png", Path("/dev/zero")):
        assert view(dataset(path), 0).size == (8, 8)
    for place, limit in ((opening, "LIMIT"), (picture, "MAX_BYTES")):
        with monkeypatch.context() as patch:
            patch.setattr(place, limit, 10)
            assert full_image(tmp_path / "large.png") is None
    assert full_image(tmp_path / "large.png") is not None


def test_small_pictures_are_lossless_and_large_ones_small() -> None:
    noise = Image.effect_noise((800, 600), 80)
    content, kind = encoded(noise)
    assert kind == "image/jpeg" and len(content) < 600 * 800
    content, kind = encoded(noise.resize((90, 90)))
    assert kind == "image/png" and np.array_equal(Image.open(io.BytesIO(content)), noise.resize((90, 90)))
    start, _, body = data_uri(noise, 0).partition(",")
    assert start == "data:image/jpeg;base64" and base64.b64decode(body).startswith(b"\xff\xd8")
