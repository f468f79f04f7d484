"""Black and white levels of pictures with more than 8 bits per channel, and their conversion to 8 bits.

A 16-bit file may use only 8, 10, 12 or 14 of its bits; floating-point values may range from 0 to 1, to 255 or to 65535,
or be standardised. A single picture does not reveal its range, because it may be dark. Therefore the range is the
smallest usual one that covers all such pictures of a data set, and all are scaled alike. A range that the file format
defines takes precedence.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

INTEGERS = (255, 1023, 4095, 16383, 65535)
FLOATS = (1, *INTEGERS)
"""Usual values of white."""
SLACK = 1.1
"""Factor by which floating-point values may exceed white, since resampling overshoots."""
OUTLIERS = 0.001
"""Share of a picture's values ignored at either end, so that hot pixels do not define white."""
FAINT = 15
"""Ratio of white to a picture's brightest value from which on the picture becomes nearly black."""
OTHER = "B" if sys.byteorder == "little" else "L"
LOW_BYTES = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"), ("N", OTHER))
}
"""Byte order of 16-bit colours → the order with which Pillow, which keeps one byte of two, keeps the other one."""
GREY_AND_ALPHA = "LA;16B"
TWO_BYTES = frozenset({*LOW_BYTES, GREY_AND_ALPHA})
Finding = tuple[str, str, str]
"""Kind, cause and remedy of a Problem; its place is added later."""


@dataclass(frozen=True)
class DeepImage:
    """Values of one picture with more than 8 bits per channel.

    Attributes
    ----------
    values : (H, W) grey, or (H, W, 3) red, green, blue.
    top : the value of white if the format defines it, else None.
    alpha : (H, W) opacity in 16 bits, or None.
    """

    values: NDArray[Any]
    top: float | None = None
    alpha: NDArray[Any] | None = None

    @property
    def floating(self) -> bool:
        """Whether the values are floating-point numbers."""
        return self.values.dtype.kind == "f"

    @property
    def not_finite(self) -> int:
        """Number of values that are NaN or infinite."""
        return int(np.count_nonzero(~np.isfinite(self.values))) if self.floating else 0

    def digest(self, turn: object) -> str:
        """SHA-256 of the unscaled values and of the picture's orientation, independent of the data set's range."""
        state = hashlib.sha256(f"{self.values.shape} {self.values.dtype.kind} {turn}".encode())
        for part in (self.values, self.alpha):
            if part is not None:
                state.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).tobytes())
        return state.hexdigest()

    def extent(self) -> Extent | None:
        """Lowest and highest value; None if no value is finite, or if the format defines the range."""
        values = self.values[np.isfinite(self.values)] if self.floating else self.values.reshape(-1)
        if self.top is not None or not values.size:
            return None
        cut = int(OUTLIERS * (values.size - 1))
        ordered = np.partition(values, (cut, values.size - 1 - cut))
        return Extent(self.floating, float(ordered[cut]), float(ordered[values.size - 1 - cut]))


@dataclass(frozen=True)
class Extent:
    """Lowest and highest value of one picture, without OUTLIERS."""

    floating: bool
    low: float
    high: float


@dataclass(frozen=True)
class Ranges:
    """(black, white) of a data set's integer and floating-point pictures whose format does not define them."""

    integers: tuple[float, float] = (0, 65535)
    floats: tuple[float, float] = (0, 1)

    @classmethod
    def covering(cls, extents: Sequence[Extent]) -> tuple[Ranges, list[Finding]]:
        """Return the smallest usual ranges that cover all extents, and findings on assumed or uneven ranges.

        >>> Ranges.covering([Extent(False, 3, 900), Extent(False, 0, 4000)])[0].integers
        (0, 4095)
        """
        ranges, findings = cls(), []
        for name, floating in (("integers", False), ("floats", True)):
            of_kind = [extent for extent in extents if extent.floating == floating]
            if of_kind:
                usual = getattr(ranges, name)
                chosen = _range(of_kind, floating)
                what = "floating-point numbers" if floating else "more than 8 bits"
                findings += _findings(of_kind, chosen, usual, what)
                ranges = cls(**{**vars(ranges), name: chosen})
        return ranges, findings

    def to_8_bits(self, deep: DeepImage) -> Image.Image:
        """Return a picture scaled to 0 … 255 and clipped at both ends; NaN becomes black."""
        low, high = (0, deep.top) if deep.top is not None else self.floats if deep.floating else self.integers
        grey = Image.fromarray(_scaled(deep.values, low, high))
        if deep.alpha is not None:
            opaque = high if deep.alpha.max() <= high else 65535
            grey.putalpha(Image.fromarray(_scaled(deep.alpha, 0, opaque)))
        return grey


def _range(extents: Sequence[Extent], floating: bool) -> tuple[float, float]:
    low, high = min(extent.low for extent in extents), max(extent.high for extent in extents)
    slack = SLACK if floating else 1
    for top in FLOATS if floating else INTEGERS:
        if high <= top * slack and low >= high * (1 - slack):
            return 0, top
    if floating and low >= -SLACK and high <= SLACK:
        return -1, 1
    return min(low, 0), high if high > min(low, 0) else low + 1


def _findings(
    extents: Sequence[Extent], chosen: tuple[float, float], usual: tuple[float, float], what: str
) -> list[Finding]:
    findings = []
    low, high = chosen
    if chosen != usual:
        cause = f"pictures with {what} ({len(extents)}) have values up to {max(extent.high for extent in extents):.6g}"
        cause += f": {low:.6g} is taken for black, {high:.6g} for white, in all of them"
        findings.append(("assumed range", cause, "nothing if that is right; else convert them to 8 bits"))
    faint = sum(extent.high - low < (high - low) / FAINT for extent in extents)
    if 0 < faint < len(extents):
        cause = f"of {len(extents)} pictures with {what} {faint} have no value above {low + (high - low) / FAINT:.6g},"
        cause += f" while {high:.6g} is white: they become nearly black"
        findings.append(("unlike ranges", cause, "convert the pictures of each source to 8 bits by its own range"))
    return findings


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    numbers = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    numbers = np.nan_to_num(numbers, nan=low, posinf=high, neginf=low)
    return np.asarray(((numbers.clip(low, high) - low) * (255 / (high - low))).round().astype(np.uint8))


def is_deep(image: Image.Image) -> bool:
    """Whether an opened picture has more than 8 bits per channel; call it before the pixels are loaded."""
    return image.mode == "F" or image.mode.startswith("I") or _raw_mode(image) in TWO_BYTES or _is_deep_pnm(image)


def values_of(image: Image.Image, again: Callable[[], Image.Image]) -> DeepImage:
    """Read the values of an opened picture with more than 8 bits per channel (`is_deep`).

    Parameters
    ----------
    image : opened, its pixels not loaded.
    again : opens the file once more: Pillow keeps only the high bytes of 16-bit colours, so the low ones are read in a
        second pass.
    """
    white, raw = _stated_white(image), _raw_mode(image)
    if _is_deep_pnm(image):
        return DeepImage(_pnm(image))
    if raw not in TWO_BYTES:
        return DeepImage(np.asarray(image.copy()), white)
    if raw == GREY_AND_ALPHA:  # four bytes a pixel, taken for four channels
        parts = np.asarray(_with_raw_mode(image, "RGBA").copy()).astype(np.uint16)
        return DeepImage(parts[..., 0] * 256 + parts[..., 1], white, parts[..., 2] * 256 + parts[..., 3])
    high = np.asarray(image.copy()).astype(np.uint16)
    with again() as second:
        low = np.asarray(_with_raw_mode(second, LOW_BYTES[raw]).copy())
    values = high * 256 + low
    return DeepImage(values[..., :3], white, values[..., 3] if values.shape[2] == 4 else None)


def _stated_white(image: Image.Image) -> float | None:
    """The value of white if the format defines it, else None. PNG's sBIT does not: values are already in 16 bits."""
    raw = _raw_mode(image)
    if image.mode == "F":
        return None
    if raw == "I;12":
        return 4095
    scaled = image.format == "JPEG2000" or (image.format == "PPM" and _maximum(image) != 65535)
    return 65535 if scaled else None  # by Pillow, from the number of bits or the maximum stored in the file


def _raw_mode(image: Image.Image) -> str:
    """Pillow's name for the layout of the samples in the file; "" if unknown."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _maximum(image: Image.Image) -> int:
    """Maximum value stored in the header of a PGM file."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return int(arguments[1]) if isinstance(arguments, tuple) and len(arguments) == 2 else 65535


def _is_deep_pnm(image: Image.Image) -> bool:
    """Whether an image is a PPM in 16-bit colour without a defined range; Pillow keeps only its high bytes."""
    tiles = getattr(image, "tile", [])
    return image.mode == "RGB" and [tile[0] for tile in tiles] == ["ppm"] and _maximum(image) == 65535


def _pnm(image: Image.Image) -> NDArray[np.uint16]:
    file = image.fp  # type: ignore[attr-defined]
    file.seek(image.tile[0][2])  # type: ignore[attr-defined]
    shape = (image.height, image.width, 3)
    return np.frombuffer(file.read(2 * int(np.prod(shape))), ">u2").reshape(shape).astype(np.uint16)


def _with_raw_mode(image: Image.Image, raw: str) -> Image.Image:
    """Set another layout by which Pillow unpacks the samples of an opened picture."""
    tiles = []
    for tile in image.tile:  # type: ignore[attr-defined]
        arguments = (raw, *tile[3][1:]) if isinstance(tile[3], tuple) else raw
        tiles.append(type(tile)(*tile[:3], arguments) if hasattr(tile, "_fields") else (*tile[:3], arguments))
    image.tile = tiles  # type: ignore[attr-defined]
    return image
