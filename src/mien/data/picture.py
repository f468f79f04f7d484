"""One picture file to one array.

The picture is turned upright by its EXIF orientation, its first frame taken, transparency laid on white, 16-bit values
scaled to 8. That is hashed, so no setting changes a hash. Then colour is brought to grey (ITU-R 601 luma) or RGB,
and the picture resized (Lanczos).
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mien.errors import UsageError, choice_error

FITS = ("pad", "crop", "stretch")
LIMIT = 2**26
"""Most pixels in a picture (67 million): more may be a decompression bomb."""
MOST_BYTES = 2**28
"""Bytes of a file above which it is not shown to people (268 million)."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "TIFF")
"""What is opened at all: other decoders of Pillow start programs or are seldom tested."""
ORIENTATION = 0x0112
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageSettings:
    """How pictures become arrays.

    Attributes
    ----------
    size : side in pixels.
    colour : (size, size, 3) RGB if true, else (size, size) grey.
    fit : "pad" keeps the aspect and fills up with the mean of the picture's edge; "crop" keeps the aspect and cuts
        the longer side at both ends; "stretch" does not keep it.
    """

    size: int = 48
    colour: bool = False
    fit: str = "pad"

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise choice_error("fit", self.fit, FITS, place="--fit")
        if not 8 <= self.size <= 1024:
            raise UsageError(f"size {self.size} is not between 8 and 1024", place="--size", remedy="48 is usual")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one picture's array."""
        return (self.size, self.size, 3) if self.colour else (self.size, self.size)

    @property
    def mode(self) -> str:
        """Pillow's name of the colour mode."""
        return "RGB" if self.colour else "L"


@dataclass(frozen=True)
class Reading:
    """A picture's pixels, or None, what is wrong with it (kind, cause, remedy), and the hash of what was decoded."""

    pixels: Pixels | None
    fault: tuple[str, str, str] | None = None
    hash: str = ""


def read_picture(path: Path, settings: ImageSettings) -> Reading:
    """Read one file. Never raises: what is wrong with the file is said in the fault."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return Reading(None, ("not a picture", "is not a file", "remove its row"))
        if not found.st_size:
            return Reading(None, ("empty file", "has 0 bytes", "fetch it again, or remove its row"))
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > LIMIT:
                return Reading(None, _too_large(f"{image.width}×{image.height}"))
            fault = _wrong_extension(path, image.format or "")
            return reading_of(_upright(image), settings, fault)
    except FileNotFoundError:
        return Reading(None, ("missing picture", "there is no such file", "fetch it, or remove its row"))
    except PermissionError:
        return Reading(None, ("unreadable picture", "may not be read", "change its permissions"))
    except Image.DecompressionBombError:
        return Reading(None, _too_large("its size"))
    except UnidentifiedImageError:
        known = "PNG, JPEG, WebP, GIF, BMP, PNM or TIFF"
        return Reading(None, ("not a picture", f"its content is not {known}", "convert it, or remove its row"))
    except Exception as error:  # decoders raise anything at broken files
        return Reading(None, ("broken picture", f"cannot be decoded: {error}", "fetch it again, or remove its row"))


def whole_picture(path: Path, side: int = 0) -> Image.Image | None:
    """A picture file as people see it: upright, grey or RGB, in its own size; None where it cannot be read.

    Parameters
    ----------
    side : the longer side that is wanted, 0 for all of it. Larger pictures are scaled down.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return None
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > LIMIT:
                return None
            if side:
                image.draft(None, (2 * side, 2 * side))  # JPEG alone can be decoded at a fraction of its size
            plain = _plain(_upright(image))
            plain.load()
    except Exception:  # decoders raise anything at broken files
        return None
    if side:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
    return plain


def header(path: Path) -> tuple[tuple[int, int], str] | None:
    """((width, height), mode) of a picture from its first bytes, or None where it cannot be read."""
    try:
        if not path.is_file():
            return None  # a pipe would be waited for
        with Image.open(path, formats=FORMATS) as image:
            return image.size, image.mode
    except Exception:  # decode says what is wrong
        return None


def reading_of(image: Image.Image, settings: ImageSettings, fault: tuple[str, str, str] | None = None) -> Reading:
    """A decoded picture as an array of the shape that the settings ask for, with its hash, which no setting changes."""
    plain = _plain(image)
    pixels = np.asarray(plain)
    if plain.mode == settings.mode and plain.size == (settings.size, settings.size):
        return Reading(pixels, fault, _hash(pixels))
    return Reading(_fitted(plain.convert(settings.mode), settings), fault, _hash(pixels))


def _hash(plain: Pixels) -> str:
    """SHA-256 of the bytes, after height and width where the bytes alone leave them open.

    A square picture's sides follow from the number of its bytes: s² if grey, 3·s² if coloured, and no number is both.
    """
    state = hashlib.sha256()
    height, width = plain.shape[:2]
    if width != height:
        state.update(f"{height}×{width} ".encode())
    state.update(plain.reshape(-1).data)
    return state.hexdigest()


def _fitted(image: Image.Image, settings: ImageSettings) -> Pixels:
    size = (settings.size, settings.size)
    if image.size != size:
        if settings.fit == "stretch":
            image = image.resize(size, Image.Resampling.LANCZOS)
        elif settings.fit == "crop":
            image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
        else:
            return _padded(image, settings)
    return np.array(image)


def _padded(image: Image.Image, settings: ImageSettings) -> Pixels:
    scale = settings.size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    pixels = np.empty(settings.shape, dtype=np.uint8)
    pixels[:] = np.rint(edge.mean(0))
    top, left = (settings.size - height) // 2, (settings.size - width) // 2
    pixels[top : top + height, left : left + width] = small
    return pixels


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image


def _plain(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as L, or as RGB where there is any colour."""
    if image.mode.startswith("I"):  # 16 bits, in whatever order of bytes; Pillow itself would clip
        image = Image.fromarray((np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8))
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        top = 1.0 if values.max() <= 1 else 255.0
        image = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image.convert("L") if image.mode == "RGB" and _is_grey(image) else image


def _is_grey(image: Image.Image) -> bool:
    """Whether red, green and blue are equal everywhere."""
    red, green, blue = np.moveaxis(np.asarray(image), 2, 0)
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _too_large(size: str) -> tuple[str, str, str]:
    return "picture too large", f"{size} is more than {LIMIT / 1e6:.0f} million pixels", "scale it down"


def _wrong_extension(path: Path, format: str) -> tuple[str, str, str] | None:
    """The fault of a name that promises another format; the picture is used all the same."""
    promised = Image.registered_extensions().get(path.suffix.lower())
    if promised is None or format.replace("MPO", "JPEG") == promised:
        return None
    return "wrong extension", f"is {format}, not {promised}", "nothing: it is used; rename it if other tools refuse it"
