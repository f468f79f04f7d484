"""Recognition of file formats by their first bytes, and the image formats that can be read on this machine."""

from __future__ import annotations

import importlib
import os
import re
import stat
import warnings
from functools import lru_cache

from PIL import Image, features

FIRST = 512
"""Number of bytes of a file that are examined."""
CODECS = {
    "PNG": "zlib", "JPEG": "jpg", "WEBP": "webp", "GIF": "", "BMP": "", "PPM": "", "TIFF": "",
    "AVIF": "avif", "JPEG2000": "jpg_2000",
}  # fmt: skip
"""Permitted formats of Pillow → the part of Pillow that each requires. Its other decoders start programs or are seldom
tested."""
EXTENSIONS = {
    ".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".webp": "WEBP",
    ".gif": "GIF", ".bmp": "BMP", ".pbm": "PPM", ".pgm": "PPM", ".ppm": "PPM", ".pnm": "PPM", ".pfm": "PPM",
    ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF", ".jp2": "JPEG2000", ".j2k": "JPEG2000", ".jpx": "JPEG2000",
    ".jpf": "JPEG2000", ".j2c": "JPEG2000", ".jpc": "JPEG2000", ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC",
}  # fmt: skip
"""Extension of image files → format."""
RAW = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc", ".mef", ".mos"}
    | {".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Extensions of cameras' raw files: most begin like TIFF, but a TIFF decoder reads only their thumbnail."""
WEAK = {".tga": "TGA", ".pcx": "PCX", ".sgi": "SGI", ".xbm": "XBM", ".ico": "ICO"}
"""Extensions of formats that the first bytes do not identify."""
STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"), (b"\xff\x4f\xff\x51\0", "JPEG2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"\xff\x0a", "JPEG XL"), (b"II\xbc\x01", "JPEG XR"),
    (b"IIRO", "camera raw"), (b"IIRS", "camera raw"), (b"MMOR", "camera raw"), (b"IIU\0", "camera raw"),
    (b"FUJIFILMCCD-RAW", "camera raw"), (b"FOVb", "camera raw"), (b"\0MRM", "camera raw"),
    (b"II\x1a\0\0\0HEAPCCDR", "camera raw"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"8BPS", "Photoshop"), (b"gimp xcf", "XCF"), (b"%PDF-", "PDF"), (b"%!PS-Adobe", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"), (b"v/1\x01", "OpenEXR"), (b"#?RADIANCE", "Radiance HDR"), (b"DDS \x7c", "DDS"),
    (b"SIMPLE  =", "FITS"), (b"qoif", "QOI"), (b"icns\0", "ICNS"), (b"BPG\xfb", "BPG"), (b"FLIF", "FLIF"),
    (b"AT&TFORM", "DjVu"), (b"\x59\xa6\x6a\x95", "Sun raster"), (b"\x1aE\xdf\xa3", "video"), (b"FLV\x01", "video"),
    (b"\0\0\x01\xba", "video"), (b"\0\0\x01\xb3", "video"), (b"0&\xb2u\x8ef\xcf\x11", "video"),
)  # fmt: skip
"""First bytes of a file → format."""
BRANDS = (
    ({b"avif", b"avis"}, "AVIF"),
    ({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}, "HEIC"),
    ({b"crx "}, "camera raw"),
)  # fmt: skip
"""Brands of the ISO base media file format (ISO 14496-12) → format; every other brand is a video."""
PNM = re.compile(rb"P[1-6]\s(?:\s*#[^\n]*\n)*\s*\d+\s+(?:#[^\n]*\n\s*)*\d+\s|P[Ff]\r?\n\d+\s+\d+\s")
BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
"""Sizes of the header of a BMP file, as written in it."""
SVG = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE\s+svg[^>]*>\s*)*<svg[\s>]",
    re.IGNORECASE | re.DOTALL,
)
CONVERT = "convert them to PNG or JPEG"
REMEDIES = {
    "HEIC": f"install pillow-heif, or {CONVERT}",
    "AVIF": f"install Pillow 11.3 or later, or {CONVERT}",
    "JPEG2000": f"install a Pillow that was built with OpenJPEG, or {CONVERT}",
    "WEBP": f"install a Pillow that was built with WebP, or {CONVERT}",
    "camera raw": "develop them to PNG or JPEG, for instance with rawpy or darktable",
    "video": "save single frames of them as PNG or JPEG, for instance with ffmpeg; or remove them",
    "PDF": "save their pages or pictures as PNG or JPEG, or remove them",
    "SVG": "render them as PNG, or remove them",
}
"""Format → remedy if it cannot be read."""


@lru_cache(maxsize=1)
def readable() -> tuple[str, ...]:
    """Pillow's names of the formats that can be read: those of CODECS that are installed; HEIF with pillow-heif."""
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an older Pillow warns of codecs that it does not support
        names = [name for name, codec in CODECS.items() if name in Image.OPEN and (not codec or features.check(codec))]
    return (*names, "HEIF") if _heif() else tuple(names)


def _heif() -> bool:
    """Whether pillow-heif is installed; if so, Pillow opens HEIC from now on."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except Exception:  # not installed, or built for another Pillow: an optional package must not cause a failure
        return False
    return "HEIF" in Image.OPEN


def can_read(format: str) -> bool:
    """Whether pictures of a format, as `format_of` names it, can be read here."""
    return ("HEIF" if format == "HEIC" else format) in readable()


def remedy(format: str) -> str:
    """The remedy for files of a format that cannot be read."""
    return REMEDIES.get(format, f"{CONVERT}, or remove them")


def first_bytes(path: str | os.PathLike[str]) -> bytes:
    """The first bytes of a regular file, b"" for anything else; OSError if it cannot be read."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 -- reading a pipe would block
        return b""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- called for every picture: a Path costs more than the rest
        return file.read(FIRST)


def format_of(first: bytes, suffix: str = "") -> str:
    """The format of a file that holds pictures or similar content such as video or PDF; "" for any other file.

    The extension `suffix`, in small letters, identifies cameras' raw files and formats without typical first bytes.

    >>> format_of(b"GIF89a..."), format_of(b"II*\\0....", ".nef"), format_of(b"id,label")
    ('GIF', 'camera raw', '')
    """
    format = _by_content(first)
    if format == "TIFF" and suffix in RAW:
        return "camera raw"
    return format or (WEAK.get(suffix, "") if first and not _is_text(first) else "")


def _by_content(first: bytes) -> str:
    if first.startswith(b"II*\0") and first[8:10] == b"CR":
        return "camera raw"  # Canon's
    for start, format in STARTS:
        if first.startswith(start):
            return format
    if first[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": "video"}.get(first[8:12], "")
    if first[4:8] == b"ftyp":
        return _by_brand(first)
    if first[4:8] in (b"moov", b"mdat", b"wide"):
        return "video"  # QuickTime, before it had brands
    if first[:2] == b"BM" and first[6:10] == bytes(4) and first[14:18] in BMP_HEADERS:
        return "BMP"
    if first[128:132] == b"DICM":
        return "DICOM"
    if PNM.match(first):
        return "PPM"
    return "SVG" if SVG.match(first) else ""


def _by_brand(first: bytes) -> str:
    end = min(int.from_bytes(first[:4], "big"), len(first))
    brands = {first[8:12], *(first[place : place + 4] for place in range(16, end, 4))}
    major = [format for known, format in BRANDS if first[8:12] in known]
    if major and major[0] != "HEIC":
        return major[0]
    compatible = [format for known, format in BRANDS if brands & known]  # the brand "mif1" alone is ambiguous
    return compatible[0] if compatible else "video"


def _is_text(first: bytes) -> bool:
    return b"\0" not in first and not any(byte < 9 for byte in first)
