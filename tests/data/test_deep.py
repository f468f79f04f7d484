"""Pictures of more than 8 bits: the range follows from the set, and is said."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from mien.data.deep import INTEGERS, Extent, Ranges
from mien.data.images import ImageSettings, decode, read_pictures
from mien.types import Dataset

SIZE = ImageSettings(16)
RAMP = np.arange(256).reshape(16, 16)


def png16(path: Path, values: np.ndarray) -> Path:
    """A PNG of 16 bits a channel: grey, grey and alpha, RGB or RGBA by the last axis."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = values.shape[:2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2] if values.ndim == 3 else 1]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def tiff(path: Path, values: np.ndarray, **how: object) -> Path:
    Image.fromarray(values).save(path, **how)
    return path


def read(*paths: Path, settings: ImageSettings = SIZE) -> Dataset:
    return read_pictures(paths, ("a",), settings)


def kinds(data: Dataset) -> list[str]:
    return [problem.kind for problem in data.problems]


def scaled(top: int) -> np.ndarray:
    return (RAMP * (top / 255)).round()


@pytest.mark.parametrize("top", INTEGERS)
class TestDepths:
    """8, 10, 12, 14 and 16 bits in 16 become the same picture."""

    def check(self, path: Path, top: int) -> None:
        data = read(path)
        np.testing.assert_array_equal(data.pictures[0], RAMP)
        assert kinds(data) == ([] if top == 65535 else ["assumed range"])
        assert all(f"{top} for white" in problem.cause for problem in data.problems)

    def test_grey(self, tmp_path: Path, top: int) -> None:
        self.check(png16(tmp_path / "a.png", scaled(top)), top)

    def test_colour(self, tmp_path: Path, top: int) -> None:
        self.check(png16(tmp_path / "a.png", np.dstack([scaled(top)] * 3)), top)

    @pytest.mark.parametrize("alpha", ["of the depth", "of 16 bits"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_alpha(self, tmp_path: Path, top: int, channels: int, alpha: str) -> None:
        opaque = np.full(RAMP.shape, top if alpha == "of the depth" else 65535)
        self.check(png16(tmp_path / "a.png", np.dstack([scaled(top)] * channels + [opaque])), top)

    @pytest.mark.parametrize("kind", [np.uint16, np.int32])
    def test_tiff(self, tmp_path: Path, top: int, kind: type) -> None:
        self.check(tiff(tmp_path / "a.tif", scaled(top).astype(kind)), top)

    @pytest.mark.parametrize(("magic", "channels"), [("P5", 1), ("P6", 3)])
    def test_pnm(self, tmp_path: Path, top: int, magic: str, channels: int) -> None:
        values = np.dstack([scaled(top)] * channels).astype(">u2").tobytes()
        (tmp_path / "a.pnm").write_bytes(f"{magic} 16 16 65535\n".encode() + values)
        self.check(tmp_path / "a.pnm", top)


class TestTold:
    def test_pgm_tells_its_range(self, tmp_path: Path) -> None:
        for name, share in (("a", 1), ("b", 4)):
            values = (scaled(4095) // share).astype(">u2").tobytes()
            (tmp_path / f"{name}.pgm").write_bytes(b"P5 16 16 4095\n" + values)
        data = read(tmp_path / "b.pgm")
        assert kinds(data) == [] and abs(int(data.pictures[0].max()) - 64) <= 1
        np.testing.assert_array_equal(read(tmp_path / "a.pgm").pictures[0], RAMP)

    @pytest.mark.skipif(not features.check("jpg_2000"), reason="no JPEG 2000")
    def test_jpeg_2000_tells_its_range(self, tmp_path: Path) -> None:
        dark = scaled(4095).astype(np.uint16)
        data = read(tiff(tmp_path / "a.jp2", dark))
        assert kinds(data) == [] and data.pictures[0].max() == 16

    def test_pictures_of_8_bits_have_no_say(self, tmp_path: Path) -> None:
        data = read(png16(tmp_path / "a.png", RAMP), tiff(tmp_path / "b.png", RAMP.astype(np.uint8)))
        assert np.array_equal(data.pictures[0], data.pictures[1]) and kinds(data) == ["assumed range"]


class TestFloats:
    @pytest.mark.parametrize("top", [1, 1.00001, 255, 4095, 65535])
    def test_from_black_to_white(self, tmp_path: Path, top: float) -> None:
        data = read(tiff(tmp_path / "a.tif", (RAMP * (top / 255)).astype(np.float32)))
        np.testing.assert_array_equal(data.pictures[0], RAMP)
        assert kinds(data) == ([] if top < 2 else ["assumed range"])

    @pytest.mark.parametrize("values", [RAMP / 127.5 - 1, (RAMP - RAMP.mean()) / RAMP.std()])
    def test_about_zero(self, tmp_path: Path, values: np.ndarray) -> None:
        data = read(tiff(tmp_path / "a.tif", values.astype(np.float32)))
        np.testing.assert_array_equal(data.pictures[0], RAMP)
        assert kinds(data) == ["assumed range"]

    @pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
    def test_a_value_that_is_not_finite_is_named_and_spoils_no_other(self, tmp_path: Path, odd: float) -> None:
        values = (RAMP / 255).astype(np.float32)
        values[0, 0] = odd
        data = read(tiff(tmp_path / "a.tif", values))
        assert kinds(data) == ["values not finite"] and "1 of 256" in data.problems[0].cause
        np.testing.assert_array_equal(data.pictures[0].ravel()[1:], RAMP.ravel()[1:])

    def test_no_finite_value(self, tmp_path: Path) -> None:
        data = read(tiff(tmp_path / "a.tif", np.full((16, 16), np.nan, np.float32)))
        assert kinds(data) == ["values not finite"] and not data.pictures[0].any()


class TestSets:
    def test_a_dark_picture_stays_dark_beside_a_bright_one(self, tmp_path: Path) -> None:
        bright, dark = png16(tmp_path / "a.png", scaled(4095)), png16(tmp_path / "b.png", scaled(4095) // 8)
        data = read(dark, bright)
        assert 31 <= data.pictures[0].max() <= 32 and data.pictures[1].max() == 255

    def test_a_hot_pixel_is_no_white(self, tmp_path: Path) -> None:
        values = np.kron(scaled(4095), np.ones((4, 4)))
        values[0, 0] = 65535
        assert "4095 for white" in read(png16(tmp_path / "a.png", values)).problems[0].cause

    def test_sources_of_unlike_depth_are_named(self, tmp_path: Path) -> None:
        data = read(png16(tmp_path / "a.png", scaled(1023)), png16(tmp_path / "b.png", scaled(65535)))
        assert kinds(data) == ["unlike ranges"]

    def test_hashes_follow_the_set_and_no_setting(self, tmp_path: Path) -> None:
        paths = [png16(tmp_path / f"{top}.png", scaled(top)) for top in (255, 4095)]
        hashes = {
            str(read(*paths, settings=ImageSettings(size, colour)).hashes) for size in (8, 32) for colour in (0, 1)
        }
        assert len(hashes) == 1

    def test_what_is_said_of_the_set_is_kept_in_the_cache(self, tmp_path: Path) -> None:
        listed = read(png16(tmp_path / "a.png", scaled(4095))).replace(pixels=None, hashes=None)
        listed = Dataset(
            listed.ids, listed.labels, listed.labelset, listed.raw_labels, listed.paths, name="mine"
        )  # without the problems of the first reading
        for _ in range(2):
            data = decode(listed, SIZE, tmp_path / "cache")
            assert [(problem.kind, problem.place) for problem in data.problems] == [("assumed range", "mine")]

    @given(st.lists(st.integers(0, 65535), min_size=1))
    def test_the_range_is_the_smallest_usual_one_that_covers_all(self, highs: list[int]) -> None:
        low, top = Ranges.covering([Extent(False, 0, high) for high in highs])[0].integers
        assert low == 0 and top in INTEGERS and max(highs) <= top
        assert all(max(highs) > smaller for smaller in INTEGERS if smaller < top)


def test_no_other_picture_changes_a_hash(tmp_path: Path) -> None:
    dark = png16(tmp_path / "dark.png", RAMP)
    bright = png16(tmp_path / "bright.png", RAMP * 257)
    colour = png16(tmp_path / "colour.png", np.stack([RAMP, RAMP * 16, RAMP], 2))
    alone, together = read(dark), read(dark, bright, colour)
    assert alone.hashes is not None and together.hashes is not None
    assert alone.hashes[0] == together.hashes[0] and len(set(together.hashes.tolist())) == 3
    assert (alone.pictures[0] != together.pictures[0]).any()
