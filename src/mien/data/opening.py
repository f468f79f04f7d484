"""One picture file opened and decoded: upright, its first frame, grey or RGB, whatever its metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from mien.data import deep
from mien.data.bare import LARGEST, bare
from mien.data.deep import Extent, Finding, Ranges
from mien.data.signatures import first_bytes, format_of, readable, remedy

LIMIT = 2**26
"""Most pixels in a picture (67 million): more may be a decompression bomb."""
ORIENTATION = 0x0112
SUBFILE, SUB_PICTURES, DNG = 254, 330, 50706
"""Tags of TIFF: what a picture is for, where others lie, and the version of DNG."""
Source = Path | BytesIO
Result = TypeVar("Result")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""EXIF's orientation → what turns the picture upright."""


@dataclass(frozen=True)
class Upright:
    """A decoded picture.

    Attributes
    ----------
    image : L or RGB, upright. faults : what is odd about the file.
    digest : of the values of a picture of more than 8 bits, which no range changes; "" for others.
    """

    image: Image.Image
    faults: tuple[Finding, ...] = ()
    digest: str = ""


class RefusedError(Exception):
    """A file that cannot be used; `finding` is the reason."""

    def __init__(self, *finding: str) -> None:
        kind, cause, remedy = finding
        super().__init__(cause)
        self.finding: Finding = kind, cause, remedy


def decoded(path: Path, ranges: Ranges, side: int = 0) -> Upright:
    """Decode a file as L or RGB, upright, and find what is odd about it.

    Parameters
    ----------
    ranges : of the values of pictures with more than 8 bits.
    side : the longer side, in pixels, that will do; 0 for the whole picture. Only JPEG may come smaller for it, sooner.

    Raises
    ------
    RefusedError : the file cannot be used. Any other exception : Pillow's decoders raise what they like.
    """
    found, metadata = _tried(path, partial(_decoded, path, ranges, side))
    return replace(found, faults=(*found.faults, *metadata))


def extent_of(path: Path) -> Extent | None:
    """The extent of a picture's values if it has more than 8 bits a channel and its format does not define their range.

    None for every other file, and for one that cannot be read. The first bytes show most of them to be of 8 bits.
    """
    try:
        first = first_bytes(path)
        kind = format_of(first)
        if kind not in ("PNG", "TIFF", "PPM") or (kind == "PNG" and first[24:25] != b"\x10"):
            return None
        return _tried(path, _extent)[0]
    except Exception:  # reading the picture says what is wrong
        return None


def header(path: Path) -> tuple[tuple[int, int], str] | None:
    """((width, height), mode) of a picture from its first bytes, or None where it cannot be read."""
    try:
        if not path.is_file():
            return None  # a pipe would be waited for
        with Image.open(path, formats=readable()) as image:
            return image.size, image.mode
    except Exception:  # decode says what is wrong
        return None


def _tried(path: Path, use: Callable[[Source], Result]) -> tuple[Result, tuple[Finding, ...]]:
    """Apply `use` to a file; where that fails, to the same pixels without the file's metadata."""
    try:
        return use(path), ()
    except (RefusedError, Image.DecompressionBombError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of the decoder
        first = error
    content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    for exif in (True, False):
        less = bare(content, exif)
        try:
            if less:
                cause = f"its metadata cannot be read ({_in_short(first)}); its pixels are used"
                return use(BytesIO(less)), (("broken metadata", cause, "nothing; or save it again"),)
        except UnidentifiedImageError:
            continue  # the first error tells more
        except Exception as error:
            first = error  # of the pixels
    raise first


def _decoded(path: Path, ranges: Ranges, side: int, source: Source) -> Upright:
    with _opened(source) as image:
        faults = _wrong_extension(path, image.format or "")
        if _is_raw(image):
            cause = "is a camera's raw file, of which only a thumbnail can be read"
            raise RefusedError("format not read", cause, remedy("camera raw"))
        if side:
            image.draft(None, (2 * side, 2 * side))  # JPEG alone can be decoded at a fraction of its size
        in_tags = _turn(image) if image.format == "TIFF" else None  # not to be had once the pixels are loaded
        found = deep.values_of(image, partial(_opened, source)) if deep.is_deep(image) else None
        if found is not None:
            pixels = ranges.bytes_of(found)
            faults += _not_finite(found.not_finite, found.values.size)
        else:
            image.load()
            pixels = image.copy() if image.format == "TIFF" else image  # a copy has the size of what was loaded
        turn, odd = in_tags or _turn(image)  # of other formats it may stand behind the pixels
        plain, unseen = _plain(pixels)
        upright = plain if turn is None else plain.transpose(turn)
        return Upright(upright, (*faults, *odd, *unseen), found.digest(turn) if found else "")


def _extent(source: Source) -> Extent | None:
    with _opened(source) as image:
        return deep.values_of(image, partial(_opened, source)).extent() if deep.is_deep(image) else None


def _opened(source: Source) -> Image.Image:
    """A file, opened by one of the decoders that may be used."""
    if isinstance(source, BytesIO):
        source.seek(0)
    image = Image.open(source, formats=readable())
    if image.width * image.height > LIMIT:
        size = f"{image.width}×{image.height}"
        image.close()
        raise RefusedError(*too_large(size))
    if image.format == "TIFF":
        if isinstance(source, Path):  # Pillow 13 maps a file that is to be turned in the wrong shape
            image.close()
            image = Image.open(BytesIO(source.read_bytes()), formats=["TIFF"])
        # Pillow would turn the pixels itself when they are loaded, and fail at odd EXIF
        setattr(image, "load_end", lambda: None)  # noqa: B010 -- a method of this one picture
    return image


def _turn(image: Image.Image) -> tuple[Image.Transpose | None, tuple[Finding, ...]]:
    """What turns a picture upright; None for the pixels as stored, also where the orientation is none."""
    try:
        tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
        value = (image.getexif() if tags is None else tags).get(ORIENTATION, 1)
        value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        return (TURNS.get(value) if isinstance(value, int) else None), ()
    except Exception as error:
        cause = f"its EXIF cannot be read ({_in_short(error)}); its pixels are used as they are stored"
        return None, (("broken metadata", cause, "check that it is upright, or save it again"),)


def _plain(image: Image.Image) -> tuple[Image.Image, tuple[Finding, ...]]:
    """Any of Pillow's modes of 8 bits and less as L, or as RGB where there is any colour."""
    unseen: tuple[Finding, ...] = ()
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[1] == 0:
            cause = "every pixel is fully transparent: it is read as a white picture"
            unseen = (("fully transparent", cause, "save it again without transparency, or remove it"),)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image, unseen


def too_large(size: str) -> Finding:
    """The fault of a picture with more than LIMIT pixels."""
    return "picture too large", f"{size} is more than {LIMIT / 1e6:.0f} million pixels", "scale it down"


def _wrong_extension(path: Path, format: str) -> tuple[Finding, ...]:
    """The fault of a name that promises another format; the picture is used all the same."""
    promised = Image.registered_extensions().get(path.suffix.lower())
    if promised is None or format.replace("MPO", "JPEG") == promised:
        return ()
    remedy = "nothing: it is used; rename it if other tools refuse it"
    return (("wrong extension", f"is {format}, not {promised}", remedy),)


def _not_finite(count: int, values: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    cause = f"{count} of {values} values are NaN or infinite: NaN is taken for black, infinity for the end of the range"
    return (("values not finite", cause, "compute it again, or remove it"),)


def _is_raw(image: Image.Image) -> bool:
    """Whether it is a camera's raw file: DNG, or its first picture is but a small copy of another one in it."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or image.format != "TIFF":
        return False
    try:
        return DNG in tags or (SUB_PICTURES in tags and bool(int(tags.get(SUBFILE, 0)) & 1))
    except (TypeError, ValueError):
        return False  # odd tags


def _in_short(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "the file does not open"  # Pillow's own words are the path
    return f"{type(error).__name__}: {error}"[:100]
