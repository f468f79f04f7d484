"""One picture file to one array.

The picture is turned upright by its EXIF orientation, its first frame taken, transparency laid on white, values of more
than 8 bits scaled to 8 (:mod:`mien.data.deep`). That is hashed (of more than 8 bits, the values before they are
scaled), so no setting and no other picture changes a hash. Then colour is brought to grey (ITU-R 601 luma) or RGB, and
the picture resized (Lanczos). What is broken beside the pixels (EXIF, text, colour profiles) does not cost the picture.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mien.data.deep import Finding, Ranges
from mien.data.opening import RefusedError, decoded, extent_of, too_large
from mien.data.signatures import can_read, first_bytes, format_of, remedy
from mien.errors import UsageError, choice_error

FITS = ("pad", "crop", "stretch")
MOST_BYTES = 2**28
"""Bytes of a file above which it is not shown to people (268 million)."""
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
class DecodedImage:
    """A picture's pixels, or None; what is wrong with it (kind, cause, remedy); and the hash of what was decoded."""

    pixels: Pixels | None
    faults: tuple[Finding, ...] = ()
    hash: str = ""


def read_picture(
    path: Path,
    settings: ImageSettings,
    ranges: Ranges = Ranges(),  # noqa: B008 -- frozen
    *,
    hashed: bool = True,
) -> DecodedImage:
    """Read one file. Never raises: what is wrong with the file is in the faults.

    Parameters
    ----------
    ranges : black and white of pictures of more than 8 bits, by the set that the file belongs to.
    hashed : whether the hash is wanted; it takes a part of the time.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return DecodedImage(None, (("not a picture", "is not a file", "remove its row"),))
        if not about.st_size:
            return DecodedImage(None, (("empty file", "has 0 bytes", "fetch it again, or remove its row"),))
        found = decoded(path, ranges)
        reading = reading_of(found.image, settings, found.faults, hashed=hashed and not found.digest)
        return replace(reading, hash=found.digest) if found.digest else reading
    except FileNotFoundError:
        return DecodedImage(None, (("missing picture", "there is no such file", "fetch it, or remove its row"),))
    except PermissionError:
        return DecodedImage(
            None, (("unreadable picture", "cannot be opened: permission denied", "change its permissions"),)
        )
    except RefusedError as error:
        return DecodedImage(None, (error.finding,))
    except Image.DecompressionBombError:
        return DecodedImage(None, (too_large("its size"),))
    except UnidentifiedImageError:
        return DecodedImage(None, (_not_opened(path),))
    except Exception as error:  # decoders raise anything at broken files
        return DecodedImage(None, (_broken(f"cannot be decoded: {error}"),))


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
        extent = extent_of(path)
        plain = decoded(path, Ranges.of([extent] if extent else [])[0], side).image
    except Exception:  # decoders raise anything at broken files
        return None
    if side:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
    return plain


def reading_of(
    plain: Image.Image, settings: ImageSettings, faults: tuple[Finding, ...] = (), *, hashed: bool = True
) -> DecodedImage:
    """A decoded picture, L or RGB, as an array of the shape that the settings ask for; they do not change its hash."""
    if plain.mode == "RGB" and _is_grey(plain):
        plain = plain.convert("L")
    pixels = np.asarray(plain)
    digest = _hash(pixels) if hashed else ""
    if plain.mode == settings.mode and plain.size == (settings.size, settings.size):
        return DecodedImage(pixels, faults, digest)
    return DecodedImage(_fitted(plain.convert(settings.mode), settings), faults, digest)


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


def _is_grey(image: Image.Image) -> bool:
    """Whether red, green and blue are equal everywhere."""
    red, green, blue = np.moveaxis(np.asarray(image), 2, 0)
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _not_opened(path: Path) -> Finding:
    """Why Pillow opened no picture, by the file's first bytes."""
    format = format_of(first_bytes(path), path.suffix.lower())
    if not format:
        return "not a picture", "its content has no known picture format", "convert it, or remove its row"
    if not can_read(format):
        return "format not read", f"is {format}, which cannot be read here", remedy(format)
    if format in ("TIFF", "PPM"):
        cause = f"is {format} of a kind that is not read here, such as colours in floating point; or the file is broken"
        return "format not read", cause, "save it as PNG with 8 or 16 bits, or fetch it again"
    return _broken(f"begins like {format}, but cannot be decoded")


def _broken(cause: str) -> Finding:
    return "broken picture", cause, "fetch it again, or remove its row"
