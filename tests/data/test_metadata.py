"""Broken metadata of any kind does not cost a picture whose pixels are sound; a truncated picture stays broken."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mien.data.images import ImageSettings, read_pictures
from mien.types import Dataset

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
PIXELS = np.kron(RAMP, np.ones((2, 2), np.uint8))
ORIENTATION = 0x0112
Entry = tuple[int, int, int, bytes]
"""Tag, type, count, value."""


def directory(entries: list[Entry]) -> bytes:
    """A little-endian TIFF file of one directory, as EXIF is."""
    entries = sorted(entries)
    start, rows, rest = 14 + 12 * len(entries), b"", b""
    for tag, kind, count, value in entries:
        if len(value) <= 4:
            rows += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
        else:
            rows += struct.pack("<HHII", tag, kind, count, start + len(rest))
            rest += value
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4) + rest


def turned(*entries: Entry) -> list[Entry]:
    return [(ORIENTATION, 3, 1, b"\6\0"), *entries]


ODD: dict[str, list[Entry]] = {
    "XResolution as text": turned((0x011A, 2, 6, b"hello\0")),
    "XResolution NaN": turned((0x011A, 11, 1, struct.pack("<f", float("nan")))),
    "XResolution -1/0": turned((0x011A, 10, 1, struct.pack("<ii", -1, 0))),
    "XResolution 0/0": turned((0x011A, 5, 1, struct.pack("<II", 0, 0))),
    "Software as rational": turned((0x0131, 5, 1, struct.pack("<II", 1, 3))),
    "ResolutionUnit as text": turned((0x0128, 2, 6, b"hello\0")),
    "unknown type": turned((0x010F, 99, 1, b"abcd")),
    "EXIF directory in itself": turned((0x8769, 4, 1, b"\x08\0\0\0")),
    "Orientation as a pair": [(ORIENTATION, 3, 2, b"\6\0\6\0")],
    "Orientation as long": [(ORIENTATION, 4, 1, b"\6\0\0\0")],
}
NO_TURN: dict[str, list[Entry]] = {
    "Orientation 0": [(ORIENTATION, 3, 1, b"\0\0")],
    "Orientation 9": [(ORIENTATION, 3, 1, b"\x09\0")],
    "Orientation as text": [(ORIENTATION, 2, 2, b"6\0")],
    "Orientation as rational": [(ORIENTATION, 5, 1, struct.pack("<II", 6, 1))],
    "Orientation NaN": [(ORIENTATION, 11, 1, struct.pack("<f", float("nan")))],
}


def encoded(format: str, **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, format, **how)
    return file.getvalue()


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content) ^ wrong)


def png(*chunks: bytes, late: bool = False) -> bytes:
    content = encoded("PNG")
    place = content.index(b"IEND" if late else b"IDAT") - 4
    return content[:place] + b"".join(chunks) + content[place:]


def jpeg(marker: int, segment: bytes) -> bytes:
    content = encoded("JPEG", quality=95)
    return content[:2] + struct.pack(">BBH", 0xFF, marker, len(segment) + 2) + segment + content[2:]


def tiff(entries: list[Entry]) -> bytes:
    short = {256: 32, 257: 32, 258: 8, 259: 1, 262: 1, 277: 1, 278: 32, 279: PIXELS.size}
    needed = [(tag, 3, 1, struct.pack("<H", value)) for tag, value in short.items()]
    start = len(directory([*needed, (273, 4, 1, bytes(4)), *entries]))
    return directory([*needed, (273, 4, 1, struct.pack("<I", start)), *entries]) + PIXELS.tobytes()


def with_exif(format: str, exif: bytes) -> bytes:
    if format == "JPEG":
        return jpeg(0xE1, b"Exif\0\0" + exif)
    return (
        encoded("WEBP", lossless=True, exif=exif)
        if format == "WEBP"
        else png(chunk(b"eXIf", exif), late=format != "PNG")
    )


def read(tmp_path: Path, content: bytes) -> Dataset:
    (tmp_path / "picture").write_bytes(content)
    return read_pictures([tmp_path / "picture"], ("a",), ImageSettings(16))


def sound(data: Dataset, *, upright: bool = False) -> bool:
    wanted = np.rot90(RAMP, -1) if upright else RAMP
    return len(data) == 1 and np.abs(data.pictures[0].astype(int) - wanted).mean() < 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "PNG, EXIF behind the pixels", "WEBP", "TIFF"])
class TestExif:
    def content(self, format: str, entries: list[Entry]) -> bytes:
        return tiff(entries) if format == "TIFF" else with_exif(format, directory(entries))

    @pytest.mark.parametrize("odd", ODD)
    def test_an_odd_tag_beside_the_orientation(self, tmp_path: Path, format: str, odd: str) -> None:
        data = read(tmp_path, self.content(format, ODD[odd]))
        assert sound(data, upright=True) and not data.problems

    @pytest.mark.parametrize("odd", NO_TURN)
    def test_an_orientation_that_is_none(self, tmp_path: Path, format: str, odd: str) -> None:
        data = read(tmp_path, self.content(format, NO_TURN[odd]))
        assert sound(data) and not data.problems

    def test_garbage(self, tmp_path: Path, format: str) -> None:
        if format != "TIFF":
            for garbage in (b"\xde\xad\xbe\xef" * 20, b"II", b"II*\0\xff\xff\xff\xff" + bytes(40)):
                data = read(tmp_path, with_exif(format, garbage))
                assert sound(data) and {problem.kind for problem in data.problems} <= {"broken metadata"}

    @pytest.mark.parametrize("turn", range(1, 9))
    def test_every_orientation(self, tmp_path: Path, format: str, turn: int) -> None:
        data = read(tmp_path, self.content(format, [(ORIENTATION, 3, 1, struct.pack("<H", turn))]))
        flat = RAMP[:, ::-1] if turn in (2, 4, 5, 7) else RAMP
        times = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}[turn]
        assert np.abs(data.pictures[0].astype(int) - np.rot90(flat, times)).mean() < 3


def test_a_width_in_words_in_exif(tmp_path: Path) -> None:
    for format in ("JPEG", "PNG", "WEBP"):
        assert sound(read(tmp_path, with_exif(format, directory(turned((256, 2, 6, b"hello\0"))))), upright=True)


@pytest.mark.parametrize(
    "tags",
    [[(50706, 1, 4, b"\1\4\0\0")], [(254, 4, 1, b"\1\0\0\0"), (330, 4, 1, b"\x08\0\0\0")]],
    ids=["version of DNG", "a small copy of another picture"],
)
def test_the_thumbnail_of_a_raw_file_is_no_picture(tmp_path: Path, tags: list[Entry]) -> None:
    data = read(tmp_path, tiff(tags))
    assert len(data) == 0 and [problem.kind for problem in data.problems] == ["format not read"]


def test_a_wide_tiff_that_lies_on_its_side(tmp_path: Path) -> None:
    wide = np.kron(RAMP, np.ones((1, 2), np.uint8))
    for compression in (None, "tiff_lzw"):
        Image.fromarray(wide).save(tmp_path / "a.tif", tiffinfo={ORIENTATION: 6}, compression=compression)
        data = read_pictures([tmp_path / "a.tif"], ("a",), ImageSettings(16, resize_mode="stretch"))
        np.testing.assert_array_equal(data.pictures[0], np.rot90(RAMP, -1))


@pytest.mark.parametrize("late", [False, True])
class TestPng:
    def test_much_text(self, tmp_path: Path, late: bool) -> None:
        info = PngImagePlugin.PngInfo()
        info.add_text("prompt", "a" * 2_000_000, zip=True)
        assert sound(read(tmp_path, encoded("PNG", pnginfo=info)))
        text = chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * 2_000_000))
        data = read(tmp_path, png(text, late=late))
        assert sound(data) and [problem.kind for problem in data.problems] == ["broken metadata"]

    def test_broken_text_does_not_cost_the_orientation(self, tmp_path: Path, late: bool) -> None:
        exif = chunk(b"eXIf", directory(turned()))
        assert sound(read(tmp_path, png(chunk(b"pHYs", b"\0"), exif, late=late)), upright=True)

    @pytest.mark.parametrize("wrong", [0, 1])
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            (b"zTXt", b"k\0\7x"), (b"tEXt", b"\xff\xfe"), (b"iTXt", b"x"), (b"iCCP", b"x\0\0garbage"), (b"pHYs", b"\0"),
            (b"gAMA", b""), (b"cHRM", b"\1"), (b"sRGB", b""), (b"tIME", b""), (b"acTL", b"\0"), (b"fcTL", b"\0"),
        ],
    )  # fmt: skip
    def test_broken_chunks(self, tmp_path: Path, late: bool, kind: bytes, content: bytes, wrong: int) -> None:
        assert sound(read(tmp_path, png(chunk(kind, content, wrong), late=late)))


@pytest.mark.parametrize(
    ("marker", "segment"),
    [
        (0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xE2, b"ICC_PROFILE\0\1\2garbage"), (0xE2, b"MPF\0garbage"),
        (0xED, b"Photoshop 3.0\x008BIM\xff"), (0xEE, b"Adobe"), (0xFE, b"\xff\xfe"), (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x"),
    ],
)  # fmt: skip
def test_broken_segments_of_jpeg(tmp_path: Path, marker: int, segment: bytes) -> None:
    assert sound(read(tmp_path, jpeg(marker, segment)))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM"])
def test_a_truncated_picture_stays_broken_also_with_broken_metadata(tmp_path: Path, format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, format)
    contents = [file.getvalue()[: len(file.getvalue()) // 2], file.getvalue()[:-60]]
    if format == "PNG":
        place = contents[0].index(b"IDAT") - 4
        contents.append(contents[0][:place] + chunk(b"pHYs", b"\0") + contents[0][place:])
    for content in contents:
        data = read(tmp_path, content)
        assert len(data) == 0 and [problem.kind for problem in data.problems] == ["broken picture"]
