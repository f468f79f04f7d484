"""Opening and decoding of one image file, on disk or in memory: upright, first frame, grey or RGB, despite bad EXIF."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from mien.data import deep
from mien.data.deep import Extent, Finding, Ranges
from mien.data.metadata import LARGEST, strip_metadata
from mien.data.signatures import FIRST, first_bytes, format_of, readable, remedy

LIMIT = 2**26
"""Maximum number of pixels in a picture (67 million): more may be a decompression bomb."""
SMALL = 2**20
"""Size in bytes below which a file is read at once."""
ORIENTATION = 0x0112
SUBFILE, SUB_PICTURES, DNG = 254, 330, 50706
"""TIFF tags: purpose of a picture, offsets of further pictures, version of DNG."""
File = Path | bytes
"""An image file: where it lies, or its content."""
USUAL = Ranges()
"""Black and white of pictures with 8 bits, which need none."""
Source = Path | BytesIO
Result = TypeVar("Result")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF orientation → transformation that turns the picture upright."""


@dataclass(frozen=True)
class Upright:
    """A decoded picture, turned upright.

    Attributes
    ----------
    image : in Pillow's mode L or RGB.
    faults : findings about the file.
    digest : SHA-256 of the unscaled values of a picture with more than 8 bits per channel; "" for others.
    """

    image: Image.Image
    faults: tuple[Finding, ...] = ()
    digest: str = ""


class RefusedError(Exception):
    """Raised for an image file that cannot be used; `finding` is the reason."""

    def __init__(self, *finding: str) -> None:
        kind, cause, remedy = finding
        super().__init__(cause)
        self.finding: Finding = kind, cause, remedy


def decode_file(file: File, ranges: Ranges, side: int = 0, limit: int = 0) -> Upright:
    """Decode a file as L or RGB, turned upright, and collect findings about it.

    Parameters
    ----------
    ranges : black and white of pictures with more than 8 bits per channel.
    side : sufficient length of the longer side in pixels; 0 for the full size. Only JPEG is decoded smaller.
    limit : maximum number of pixels; 0 for LIMIT.

    Raises
    ------
    RefusedError : the file cannot be used. Any other exception : raised by one of Pillow's decoders.
    """
    decode = partial(_decoded, file, ranges, side, limit)
    upright, metadata_faults = _without_broken_metadata(file, decode, _whole(file))
    return replace(upright, faults=(*upright.faults, *metadata_faults)) if metadata_faults else upright


def extent_of(file: File, limit: int = 0) -> Extent | None:
    """Read the extent of a picture's values, if it has more than 8 bits per channel and its format defines no range.

    None for others, for those with more than `limit` pixels, and broken ones. The first bytes exclude most 8-bit files.
    """
    try:
        first = first_bytes_of(file)
        kind = format_of(first)
        if kind not in ("PNG", "TIFF", "PPM") or (kind == "PNG" and first[24:25] != b"\x10"):
            return None
        return _without_broken_metadata(file, partial(_extent, limit))[0]
    except Exception:  # decoding the picture reports the fault
        return None


def ranges_of_one(file: File, limit: int = 0) -> Ranges:
    """Black and white of one image file that is read by itself; see `extent_of`."""
    extent = extent_of(file, limit)
    return Ranges.covering([extent])[0] if extent else USUAL


def header(file: File) -> tuple[tuple[int, int], str] | None:
    """((width, height), mode) of a picture from the header of its file, or None if it cannot be read."""
    try:
        if isinstance(file, Path) and not file.is_file():
            return None  # reading a pipe would block
        with Image.open(BytesIO(file) if isinstance(file, bytes) else file, formats=readable()) as image:
            return image.size, image.mode
    except Exception:  # decoding the picture reports the fault
        return None


_quiet_lock = Lock()
_quiet: list[ExitStack] = []
"""What restores the filters of warnings, once for each thread that decodes."""


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore Pillow's warnings, also where several threads decode at once.

    Filters of warnings belong to the process: the first thread sets them, the last one restores them.
    """
    with _quiet_lock:
        stack = _quiet[0] if _quiet else ExitStack()
        if not _quiet:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _quiet.append(stack)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet.pop()
            if not _quiet:
                stack.close()


def first_bytes_of(file: File) -> bytes:
    """The first bytes of an image file, which tell its format."""
    return file[:FIRST] if isinstance(file, bytes) else first_bytes(file)


def _whole(file: File) -> Source:
    """The content of a small file, since Pillow reads a few bytes at a time, which takes longer; else the path."""
    if isinstance(file, bytes):
        return BytesIO(file)
    with file.open("rb", buffering=0) as opened:
        content = opened.read(SMALL)
    return BytesIO(content) if len(content) < SMALL else file


def _content(file: File) -> bytes:
    """The content of a file, b"" where it is too large to be copied."""
    if isinstance(file, bytes):
        return file
    return file.read_bytes() if file.stat().st_size <= LARGEST else b""


def _without_broken_metadata(
    file: File, use: Callable[[Source], Result], source: Source | None = None
) -> tuple[Result, tuple[Finding, ...]]:
    """Apply `use` to a file, or to its content; if that fails, to a copy in memory without the file's metadata."""
    try:
        return use(source or (BytesIO(file) if isinstance(file, bytes) else file)), ()
    except (RefusedError, Image.DecompressionBombError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk failed, not the decoder
        first = error
    content = _content(file)
    for exif in (True, False):
        stripped = strip_metadata(content, exif)
        try:
            if stripped:
                cause = f"its metadata cannot be read ({_short_cause(first)}); its pixels are used"
                return use(BytesIO(stripped)), (("broken metadata", cause, "nothing; or save it again"),)
        except UnidentifiedImageError:
            continue  # the first error is more informative
        except Exception as error:
            first = error  # concerns the pixels
    raise first


def _decoded(file: File, ranges: Ranges, side: int, limit: int, source: Source) -> Upright:
    with _opened(source, limit) as image:
        faults = _wrong_extension(file, image.format or "")
        if _is_raw(image):
            cause = "is a camera's raw file, of which only a thumbnail can be read"
            raise RefusedError("format not read", cause, remedy("camera raw"))
        if side:
            image.draft(None, (2 * side, 2 * side))  # only JPEG can be decoded at a fraction of its size
        in_tags = _turn(image) if image.format == "TIFF" else None  # unavailable once the pixels are loaded
        values = deep.values_of(image, partial(_opened, source)) if deep.is_deep(image) else None
        if values is not None:
            pixels = ranges.to_8_bits(values)
            faults += _not_finite(values.not_finite, values.values.size)
        else:
            image.load()
            pixels = image.copy() if image.format == "TIFF" else image  # a copy has the size of the loaded pixels
        turn, exif_faults = in_tags or _turn(image)  # in other formats it may follow the pixels
        plain, alpha_faults = _grey_or_rgb(pixels)
        upright = plain if turn is None else plain.transpose(turn)
        return Upright(upright, (*faults, *exif_faults, *alpha_faults), values.digest(turn) if values else "")


def _extent(limit: int, source: Source) -> Extent | None:
    with _opened(source, limit) as image:
        return deep.values_of(image, partial(_opened, source)).extent() if deep.is_deep(image) else None


def _opened(source: Source, limit: int = 0) -> Image.Image:
    """Open a file with one of the permitted decoders."""
    if isinstance(source, BytesIO):
        source.seek(0)
    image = Image.open(source, formats=readable())
    if image.width * image.height > (limit or LIMIT):
        size = f"{image.width}×{image.height}"
        image.close()
        raise RefusedError(*too_large(size, limit))
    if image.format == "TIFF":
        if isinstance(source, Path):  # Pillow 13 memory-maps files with an orientation in the wrong shape
            image.close()
            image = Image.open(BytesIO(source.read_bytes()), formats=["TIFF"])
        # Pillow would turn the pixels itself on loading, and fail at invalid EXIF
        setattr(image, "load_end", lambda: None)  # noqa: B010 -- a method of this instance only
    return image


def _turn(image: Image.Image) -> tuple[Image.Transpose | None, tuple[Finding, ...]]:
    """The transformation that turns a picture upright, None for the pixels as stored; and findings about its EXIF."""
    try:
        tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
        value = (image.getexif() if tags is None else tags).get(ORIENTATION, 1)
        value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        return (TURNS.get(value) if isinstance(value, int) else None), ()
    except Exception as error:
        cause = f"its EXIF cannot be read ({_short_cause(error)}); its pixels are used as they are stored"
        return None, (("broken metadata", cause, "check that it is upright, or save it again"),)


def _grey_or_rgb(image: Image.Image) -> tuple[Image.Image, tuple[Finding, ...]]:
    """Convert any of Pillow's modes with up to 8 bits to L, or to RGB unless it is L; transparency becomes white."""
    faults: tuple[Finding, ...] = ()
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[1] == 0:
            cause = "every pixel is fully transparent: it is read as a white picture"
            faults = (("fully transparent", cause, "save it again without transparency, or remove it"),)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image, faults


def too_large(size: str, limit: int = 0) -> Finding:
    """The finding for a picture with more than `limit` pixels; 0 for LIMIT."""
    return "picture too large", f"{size} is more than {(limit or LIMIT) / 1e6:.3g} million pixels", "scale it down"


def _wrong_extension(path: File, format: str) -> tuple[Finding, ...]:
    """The finding for an extension of another format; the picture is used nevertheless."""
    if isinstance(path, bytes):
        return ()
    expected = Image.registered_extensions().get(path.suffix.lower())
    if expected is None or format.replace("MPO", "JPEG") == expected:
        return ()
    remedy = "nothing: it is used; rename it if other tools refuse it"
    return (("wrong extension", f"is {format}, not {expected}", remedy),)


def _not_finite(count: int, values: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    cause = f"{count} of {values} values are NaN or infinite: NaN becomes black, infinity the end of the range"
    return (("values not finite", cause, "compute it again, or remove it"),)


def _is_raw(image: Image.Image) -> bool:
    """Whether a file is a camera's raw file: DNG, or its first picture is a small copy of another one in the file."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or image.format != "TIFF":
        return False
    try:
        return DNG in tags or (SUB_PICTURES in tags and bool(int(tags.get(SUBFILE, 0)) & 1))
    except (TypeError, ValueError):
        return False  # invalid tags


def _short_cause(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "the file does not open"  # Pillow's own message is only the path
    return f"{type(error).__name__}: {error}"[:100]
