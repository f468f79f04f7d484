"""Conversion of one image file to an array of fixed size, with a hash of its decoded pixels.

The picture is turned upright by its EXIF orientation, its first frame is taken, transparency is replaced by white, and
values of more than 8 bits are scaled to 8 (:mod:`mien.data.deep`). The hash is taken at this point (before scaling, if
there are more than 8 bits), so it depends neither on settings nor on other pictures. Then the picture is converted to
grey (ITU-R 601 luma) or RGB and resized by one of Pillow's filters. A file with broken EXIF, text or colour profile is
still read.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mien.data.deep import Finding, Ranges
from mien.data.opening import File, RefusedError, Upright, decode_file, first_bytes_of, ranges_of_one, too_large
from mien.data.signatures import can_read, format_of, remedy
from mien.errors import UsageError, choice_error

RESIZE_MODES = ("pad", "crop", "stretch")
RESAMPLING = {name: Image.Resampling[name.upper()] for name in ("lanczos", "bicubic", "bilinear", "box", "nearest")}
"""Name of a filter → Pillow's. All but "nearest" average over all pixels that become one; OpenCV's "INTER_LINEAR" does
not, and is "bilinear" only where pictures become larger."""
MAX_BYTES = 2**28
"""File size in bytes (268 million) above which a picture is not displayed."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageSettings:
    """Size, colour and resize mode of the arrays that pictures are converted to.

    Attributes
    ----------
    size : side in pixels.
    colour : (size, size, 3) RGB if true, else (size, size) grey.
    resize_mode : "pad" keeps the aspect ratio and pads with the mean of the picture's edge; "crop" keeps it and cuts
        the longer side at both ends; "stretch" changes it.
    resample : filter by which a picture gets another size, one of RESAMPLING.
    """

    size: int = 48
    colour: bool = False
    resize_mode: str = "pad"
    resample: str = field(default="lanczos", metadata={"later": True})

    def __post_init__(self) -> None:
        if self.resize_mode not in RESIZE_MODES:
            raise choice_error("resize mode", self.resize_mode, RESIZE_MODES, place="--resize-mode")
        if self.resample not in RESAMPLING:
            raise choice_error("filter", self.resample, RESAMPLING, place="--resample")
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

    @property
    def filter(self) -> Image.Resampling:
        """Pillow's number of the filter."""
        return RESAMPLING[self.resample]


@dataclass(frozen=True)
class DecodedImage:
    """Pixels of one picture, None if unreadable; findings (kind, cause, remedy); and the hash of the decoded pixels."""

    pixels: Pixels | None
    faults: tuple[Finding, ...] = ()
    hash: str = ""


def read_image(
    file: File,
    settings: ImageSettings,
    ranges: Ranges = Ranges(),  # noqa: B008 -- frozen
    *,
    hashed: bool = True,
    limit: int = 0,
) -> DecodedImage:
    """Read one image file, by its path or its content; it never raises, and faults of the file are findings.

    Parameters
    ----------
    ranges : black and white of pictures with more than 8 bits per channel in the data set of the file.
    limit : maximum number of pixels; 0 for the usual limit of 67 million.
    """
    upright, faults = read_upright(file, ranges, limit=limit)
    if upright is None:
        return DecodedImage(None, faults)
    decoded = decoded_image(upright.image, settings, faults, hashed=hashed and not upright.digest)
    return replace(decoded, hash=upright.digest) if upright.digest else decoded


def read_upright(file: File, ranges: Ranges, *, limit: int = 0) -> tuple[Upright | None, tuple[Finding, ...]]:
    """Read one image file in its size; it never raises.

    Parameters
    ----------
    ranges, limit : see `read_image`.

    Returns
    -------
    the picture, None if unreadable; and findings about the file.
    """
    try:
        if not _size(file):
            raise RefusedError("empty file", "has 0 bytes", "fetch it again, or remove its row")
        upright = decode_file(file, ranges, limit=limit)
        return upright, upright.faults
    except RefusedError as error:
        finding = error.finding
    except FileNotFoundError:
        finding = "missing picture", "the file does not exist", "fetch it, or remove its row"
    except PermissionError:
        finding = "unreadable picture", "cannot be opened: permission denied", "change its permissions"
    except Image.DecompressionBombError:
        finding = too_large("its size")
    except UnidentifiedImageError:
        finding = _not_opened(file)
    except Exception as error:  # decoders raise anything at broken files
        finding = _broken(f"cannot be decoded: {error}")
    return None, (finding,)


def full_image(path: Path, side: int = 0) -> Image.Image | None:
    """Read an image file for display: upright, grey or RGB; None if it cannot be read.

    Pictures whose longer side exceeds `side` pixels are scaled down to it; 0 keeps their size.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return None
        plain = decode_file(path, ranges_of_one(path), side).image
    except Exception:  # decoders raise anything at broken files
        return None
    if side:
        plain.thumbnail((side, side), Image.Resampling.LANCZOS)
    return plain


def decoded_image(
    plain: Image.Image, settings: ImageSettings, faults: tuple[Finding, ...] = (), *, hashed: bool = True
) -> DecodedImage:
    """Convert a picture in mode L or RGB to the size and colour of the settings; its hash does not depend on them."""
    digest = ""
    if hashed:
        if plain.mode == "RGB" and _is_grey(plain):  # only the hash differs: grey stays grey in both modes
            plain = plain.convert("L")
        digest = _hash(np.asarray(plain))
    if plain.mode != settings.mode:
        plain = plain.convert(settings.mode)
    return DecodedImage(_resized(plain, settings), faults, digest)


def _hash(plain: Pixels) -> str:
    """SHA-256 of the pixels, preceded by height and width unless the picture is square.

    The sides of a square picture follow from its number of bytes: s² if grey, 3·s² in colour; no number is both.
    """
    state = hashlib.sha256()
    height, width = plain.shape[:2]
    if width != height:
        state.update(f"{height}×{width} ".encode())
    state.update(plain.reshape(-1).data)
    return state.hexdigest()


def _resized(image: Image.Image, settings: ImageSettings) -> Pixels:
    size = (settings.size, settings.size)
    if image.size != size:
        if settings.resize_mode == "stretch":
            image = image.resize(size, settings.filter)
        elif settings.resize_mode == "crop":
            image = ImageOps.fit(image, size, settings.filter)
        else:
            return _padded(image, settings)
    return np.asarray(image)


def _padded(image: Image.Image, settings: ImageSettings) -> Pixels:
    scale = settings.size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = np.asarray(image.resize((width, height), settings.filter))
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


def _size(file: File) -> int:
    """Size in bytes; RefusedError for a folder, a pipe or a device."""
    if isinstance(file, bytes):
        return len(file)
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("not a picture", "is not a file", "remove its row")
    return status.st_size


def _not_opened(file: File) -> Finding:
    """The finding for a file that Pillow cannot open, by its first bytes."""
    format = format_of(first_bytes_of(file), "" if isinstance(file, bytes) else file.suffix.lower())
    if not format:
        return "not a picture", "its content has no known picture format", "convert it, or remove its row"
    if not can_read(format):
        return "format not read", f"is {format}, which cannot be read here", remedy(format)
    if format in ("TIFF", "PPM"):
        cause = f"is {format} of an unsupported kind, such as colours in floating point; or the file is broken"
        return "format not read", cause, "save it as PNG with 8 or 16 bits, or fetch it again"
    return _broken(f"begins like {format}, but cannot be decoded")


def _broken(cause: str) -> Finding:
    return "broken picture", cause, "fetch it again, or remove its row"
