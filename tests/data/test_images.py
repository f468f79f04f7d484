"""Decoding: whatever files hold, a run goes on, and says what was wrong."""

import hashlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data.images import decode, formats
from mien.data.picture import RESIZE_MODES, ImageSettings, read_image
from mien.data.split import split
from mien.errors import UsageError
from mien.types import Dataset, LabelSet, texts

SIZE = ImageSettings(size=16)


def listing(*paths: Path) -> Dataset:
    names = [path.name for path in paths]
    return Dataset(
        ids=texts(names),
        labels=np.zeros(len(names), int),
        labelset=LabelSet(("fear",)),
        raw_labels=np.full(len(names), "fear"),
        paths=texts([str(path) for path in paths]),
    )


def save(path: Path, pixels: np.ndarray, **how: object) -> Path:
    Image.fromarray(pixels).save(path, **how)
    return path


def one(path: Path, settings: ImageSettings = SIZE, kind: str | None = None) -> np.ndarray:
    """The pixels of one file that can be read, with no problem but of the given kind."""
    data = decode(listing(path), settings, keep=False)
    assert [problem.kind for problem in data.problems] == ([kind] if kind else [])
    assert data.pixels is not None and data.pixels.dtype == np.uint8
    return np.asarray(data.pixels[0])


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


GREY = np.full((16, 16), 100, np.uint8)
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


class TestModes:
    def test_a_picture_of_the_right_form_is_untouched(self, tmp_path: Path) -> None:
        np.testing.assert_array_equal(one(save(tmp_path / "a.png", RAMP)), RAMP)

    def test_colour_and_grey(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", np.stack([GREY, GREY, GREY], 2))
        assert one(path).shape == (16, 16) and (one(path) == 100).all()
        assert one(path, ImageSettings(16, colour=True)).shape == (16, 16, 3)
        grey = save(tmp_path / "b.png", GREY)
        assert one(grey, ImageSettings(16, colour=True)).shape == (16, 16, 3)

    def test_sixteen_bits_are_scaled_not_clipped(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", RAMP.astype(np.uint16) * 257)
        np.testing.assert_array_equal(one(path), RAMP)

    def test_floating_point(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.tif", RAMP.astype(np.float32) / 255)
        np.testing.assert_array_equal(one(path), RAMP)

    def test_transparency_lies_on_white(self, tmp_path: Path) -> None:
        pixels = np.zeros((16, 16, 4), np.uint8)
        pixels[8:, :, 3] = 255
        found = one(save(tmp_path / "a.png", pixels))
        assert (found[:8] == 255).all() and (found[8:] == 0).all()

    @pytest.mark.parametrize("mode", ["P", "1", "LA", "CMYK"])
    def test_other_modes(self, tmp_path: Path, mode: str) -> None:
        path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
        Image.fromarray(np.full((16, 16), 255, np.uint8)).convert("RGB" if mode == "CMYK" else "L").convert(mode).save(
            path
        )
        assert (one(path) == 255).all()

    def test_transparent_palette(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.fromarray(GREY).convert("P").save(path, transparency=b"\x00" * 256)
        assert (one(path, kind="fully transparent") == 255).all()

    def test_a_transparent_value_lies_on_white_in_grey_and_in_colour(self, tmp_path: Path) -> None:
        grey = save(tmp_path / "a.png", GREY, transparency=100)
        red = save(tmp_path / "b.png", np.full((16, 16, 3), (9, 0, 0), np.uint8), transparency=(9, 0, 0))
        for path in (grey, red):
            found = [one(path, ImageSettings(16, colour=colour), "fully transparent") for colour in (False, True)]
            assert (found[0] == 255).all() and (found[1] == 255).all()

    def test_first_frame_of_an_animation(self, tmp_path: Path) -> None:
        path = tmp_path / "a.gif"
        first, second = (Image.fromarray(np.full((16, 16), value, np.uint8)) for value in (0, 255))
        first.save(path, save_all=True, append_images=[second])
        assert (one(path) == 0).all()

    def test_exif_orientation(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = 3  # upside down
        found = one(save(tmp_path / "a.png", RAMP, exif=exif))
        np.testing.assert_array_equal(found, RAMP[::-1, ::-1])


class TestFit:
    def test_padding_takes_the_mean_of_the_edge(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", np.full((32, 16), 60, np.uint8))
        assert (one(path) == 60).all()
        wide = np.zeros((16, 32), np.uint8)
        wide[:, 16:] = 255
        found = one(save(tmp_path / "b.png", wide))
        assert (found[:4] == found[0, 0]).all() and 100 < found[0, 0] < 155
        assert found[8, 0] < 20 and found[8, -1] > 235

    def test_crop_and_stretch(self, tmp_path: Path) -> None:
        wide = np.zeros((16, 48), np.uint8)
        wide[:, 16:32] = 255
        path = save(tmp_path / "a.png", wide)
        assert (one(path, ImageSettings(16, resize_mode="crop"))[:, 3:13] == 255).all()
        middle = one(path, ImageSettings(16, resize_mode="stretch"))[8]
        assert middle[8] > 240 and max(middle[0], middle[15]) < 15

    @pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 3), (200, 201)])
    @pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
    def test_any_shape_becomes_square(self, tmp_path: Path, shape: tuple[int, int], fit: str) -> None:
        path = save(tmp_path / "a.png", np.full(shape, 9, np.uint8))
        assert (one(path, ImageSettings(16, resize_mode=fit)) == 9).all()

    def test_a_large_jpeg_becomes_small(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.jpg", np.full((900, 1200, 3), 77, np.uint8))
        assert np.abs(one(path).astype(int) - 77).max() <= 1

    def test_settings_are_checked(self) -> None:
        with pytest.raises(UsageError, match="stretch"):
            ImageSettings(resize_mode="strech")
        with pytest.raises(UsageError, match="size"):
            ImageSettings(size=0)


class TestBadFiles:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        return save(tmp_path / "good.png", GREY)

    def bad(self, good: Path, path: Path, kind: str) -> None:
        """The bad row is dropped with a problem of the kind, the good one stays."""
        data = decode(listing(path, good), SIZE, keep=False)
        assert data.ids.tolist() == ["good.png"] and data.hashes is not None and len(data.hashes) == 1
        assert [(problem.kind, problem.place) for problem in data.problems] == [(kind, str(path))]
        assert data.problems[0].cause and data.problems[0].remedy

    def test_missing(self, good: Path, tmp_path: Path) -> None:
        self.bad(good, tmp_path / "nowhere.png", "missing picture")

    def test_no_bytes(self, good: Path, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch()
        self.bad(good, tmp_path / "a.png", "empty file")

    def test_text(self, good: Path, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_text("<html>not found</html>")
        self.bad(good, tmp_path / "a.png", "not a picture")

    def test_a_folder(self, good: Path, tmp_path: Path) -> None:
        (tmp_path / "a.png").mkdir()
        self.bad(good, tmp_path / "a.png", "not a picture")

    def test_a_pipe_is_not_waited_for(self, good: Path, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.png")
        self.bad(good, tmp_path / "a.png", "not a picture")

    @pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif"])
    def test_truncated(self, good: Path, tmp_path: Path, suffix: str) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
        path = save(tmp_path / f"a.{suffix}", noise)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        self.bad(good, path, "broken picture")

    @pytest.mark.parametrize("side", [9_000, 50_000])
    def test_a_decompression_bomb(self, good: Path, tmp_path: Path, side: int) -> None:
        (tmp_path / "a.png").write_bytes(png_header(side, side))
        self.bad(good, tmp_path / "a.png", "picture too large")

    def test_a_postscript_program_is_not_run(self, good: Path, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
        self.bad(good, tmp_path / "a.png", "format not read")

    def test_a_name_that_promises_jpeg_and_content_that_cannot_be_read(self, good: Path, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"8BPS\0\1 a Photoshop file")
        self.bad(good, tmp_path / "a.jpg", "format not read")

    def test_a_wrong_extension_is_said_but_used(self, tmp_path: Path) -> None:
        Image.fromarray(GREY).save(tmp_path / "a.jpg", format="WEBP", lossless=True)
        assert (one(tmp_path / "a.jpg", kind="wrong extension") == 100).all()

    def test_only_bad_files(self, tmp_path: Path) -> None:
        data = decode(listing(tmp_path / "a.png"), SIZE, cache=tmp_path / "cache")
        assert len(data) == 0 and data.pixels is not None and data.pixels.shape == (0, 16, 16)


class TestHashes:
    def test_equal_pixels_have_equal_hashes(self, tmp_path: Path) -> None:
        paths = [save(tmp_path / "a.png", RAMP), save(tmp_path / "b.bmp", RAMP), save(tmp_path / "c.png", RAMP.T)]
        hashes = decode(listing(*paths), SIZE, keep=False).hashes
        assert hashes is not None and hashes[0] == hashes[1] != hashes[2] and len(hashes[0]) == 64

    def test_pixels_that_came_with_the_rows_are_treated_alike(self, tmp_path: Path) -> None:
        path = save(tmp_path / "a.png", np.kron(RAMP, np.ones((2, 2), np.uint8)))
        read = decode(listing(path), SIZE, keep=False)
        rows = listing(path).replace(pixels=np.asarray(Image.open(path))[None], paths=texts([""]))
        given = decode(rows, SIZE)
        np.testing.assert_array_equal(np.asarray(read.pixels), np.asarray(given.pixels))
        assert read.hashes is not None and given.hashes is not None and read.hashes[0] == given.hashes[0]
        assert decode(rows, ImageSettings(16, colour=True)).pixels.shape == (1, 16, 16, 3)  # type: ignore[union-attr]


EVERY = [ImageSettings(size, colour, fit) for size in (8, 32, 48) for colour in (False, True) for fit in RESIZE_MODES]


class TestHashesAndSettings:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Dataset:
        """Pictures of many shapes, grey and colour, PNG and JPEG, with a copy of each of the first ten."""
        random = np.random.default_rng(0)
        paths = []
        for row in range(40):
            height, width = random.integers(20, 60, 2)
            pixels = random.integers(0, 255, (height, width, 3)[: 2 + row % 2], dtype=np.uint8)
            paths.append(save(tmp_path / f"{row}.{'jpg' if row % 3 else 'png'}", pixels))
        for row in range(10):
            copy = tmp_path / f"copy-{row}.png"
            Image.open(paths[row]).save(copy)
            paths.append(copy)
        return listing(*paths)

    def test_no_setting_changes_hashes_or_the_test_part(self, data: Dataset) -> None:
        found = [decode(data, settings, keep=False) for settings in EVERY]
        hashes = np.array([one.hashes for one in found])
        assert (hashes == hashes[0]).all() and len(set(hashes[0].tolist())) == 40
        assert len({tuple(split(one).rows("test").tolist()) for one in found}) == 1

    def test_nor_of_pixels_that_came_with_the_rows(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (5, 20, 20), dtype=np.uint8)
        data = listing(*(Path(str(row)) for row in range(5))).replace(pixels=pixels, paths=texts([""] * 5))
        wanted = [hashlib.sha256(one.tobytes()).hexdigest() for one in pixels]
        for settings in EVERY:
            hashes = decode(data, settings).hashes
            assert hashes is not None and hashes.tolist() == wanted

    def test_a_large_photograph(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8).repeat(12, 0).repeat(12, 1)
        data = listing(save(tmp_path / "a.jpg", pixels))
        assert len({str(decode(data, settings, keep=False).hashes) for settings in EVERY}) == 1

    def test_square_pictures_are_hashed_by_their_bytes_alone(self, tmp_path: Path) -> None:
        red = np.dstack([RAMP, 0 * RAMP, 0 * RAMP])
        for pixels in (RAMP, red):
            hashes = decode(listing(save(tmp_path / "a.png", pixels)), SIZE, keep=False).hashes
            assert hashes is not None and hashes[0] == hashlib.sha256(pixels.tobytes()).hexdigest()

    def test_grey_is_grey_in_whatever_mode(self, tmp_path: Path) -> None:
        paths = [save(tmp_path / "a.png", RAMP), save(tmp_path / "b.png", np.dstack([RAMP] * 3))]
        hashes = decode(listing(*paths), SIZE, keep=False).hashes
        assert hashes is not None and hashes[0] == hashes[1]

    def test_equal_bytes_in_another_shape_or_colour_are_other_pictures(self, tmp_path: Path) -> None:
        shapes = [(16, 16), (8, 32), (32, 8)]
        paths = [save(tmp_path / f"{row}.png", np.full(shape, 7, np.uint8)) for row, shape in enumerate(shapes)]
        red, green = np.zeros((2, 16, 16, 3), np.uint8)
        red[..., 0], green[..., 1] = 118, 60  # the same grey
        paths += [save(tmp_path / "red.png", red), save(tmp_path / "green.png", green)]
        data = decode(listing(*paths), SIZE, keep=False)
        assert data.hashes is not None and len(set(data.hashes.tolist())) == 5
        assert np.array_equal(data.pictures[3], data.pictures[4])


def test_formats_come_from_headers(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "a.png", GREY),
        save(tmp_path / "b.png", np.zeros((4, 6, 3), np.uint8)),
        tmp_path / "c.png",
    ]
    found = formats(listing(*paths))
    assert found.sizes == {(16, 16): 1, (6, 4): 1} and found.modes == {"L": 1, "RGB": 1}


def test_an_image_in_memory_is_read_as_its_file_is(tmp_path: Path) -> None:
    settings = ImageSettings(16, resize_mode="stretch")
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    for name in ("a.png", "b.jpg", "c.tif", "d.gif"):
        Image.fromarray(pixels).save(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        from_file, from_memory = (read_image(source, settings) for source in (tmp_path / name, content))
        assert from_file.hash == from_memory.hash
        np.testing.assert_array_equal(from_file.pixels, from_memory.pixels)
    assert read_image(content, settings, limit=100).faults[0][0] == "picture too large"
    for broken, kind in ((b"", "empty file"), (b"text", "not a picture"), (content[:40], "broken picture")):
        decoded = read_image(broken, settings)
        assert decoded.pixels is None and decoded.faults[0][0] == kind
