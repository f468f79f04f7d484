"""How images become the array that a classifier from elsewhere reads: colour order, layout, scaling, type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import UsageError, choice_error
from mien.types import Floats

ORDERS = ("rgb", "bgr", "grey")
LAYOUTS = ("nchw", "nhwc", "nhw", "flat")
TYPES = ("float32", "float16", "float64", "uint8")
SCALINGS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "0..255": ((0.0,), (1.0,)),
    "0..1": ((0.0,), (255.0,)),
    "-1..1": ((127.5,), (127.5,)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
"""Name → the number subtracted from a pixel (0 to 255) and its divisor: for all colours, or for each.

"imagenet" has the means and deviations of the pictures of ILSVRC 2012, as torchvision's networks expect them.
"""
PER_IMAGE = "standardised"
"""Each image to mean 0 and deviation 1."""
_CUSTOM = re.compile(r"mean=(?P<mean>[^;]*);std=(?P<std>.*)")
_LEAST = 1e-6


@dataclass(frozen=True)
class TensorSpec:
    """The form of the array that a classifier from elsewhere reads.

    Attributes
    ----------
    order : of the colours, one of ORDERS.
    layout : one of LAYOUTS: images, colours, height, width; "nhw" has no axis for colours, "flat" one row an image.
    scaling : a name of SCALINGS, "standardised", or "mean=M;std=S" in shares of 255, such as
        "mean=0.5;std=0.25", with one number or with three, for red, green and blue.
    dtype : one of TYPES.
    channels : 1 or 3; 0 for those of the order. Grey images fill three channels with the same values.

    Raises
    ------
    UsageError : an unknown word, or a scaling that is none.

    Examples
    --------
    >>> TensorSpec("grey", scaling="-1..1").array(np.full((2, 8, 8), 255, np.uint8)).shape
    (2, 1, 8, 8)
    >>> str(TensorSpec("bgr", "nhwc", "0..1"))
    'bgr, nhwc, 0..1, float32'
    """

    order: str = "rgb"
    layout: str = "nchw"
    scaling: str = "0..1"
    dtype: str = "float32"
    channels: int = 0

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("order of colours", self.order, ORDERS), ("layout", self.layout, LAYOUTS), ("type", self.dtype, TYPES)
        ):  # fmt: skip
            if value not in allowed:
                raise choice_error(name, value, allowed, place="inputs")
        least = 1 if self.order == "grey" else 3
        object.__setattr__(self, "channels", self.channels or least)
        if self.channels not in (least, 3) or (self.layout == "nhw" and self.channels != 1):
            cause = f"{self.channels} channels of {self.order} images in the layout {self.layout}"
            raise UsageError(cause, place="inputs", remedy="colours have 3 channels, grey has 1 or 3, nhw has 1")
        _ = self.shift_and_factor
        if self.dtype == "uint8" and self.scaling != "0..255":
            remedy = "give the scaling 0..255, or a floating type"
            raise UsageError(f"whole numbers cannot be scaled to {self.scaling}", place="inputs", remedy=remedy)

    def __str__(self) -> str:
        threefold = " in three channels" if self.order == "grey" and self.channels == 3 else ""
        return f"{self.order}{threefold}, {self.layout}, {self.scaling}, {self.dtype}"

    @property
    def colour(self) -> bool:
        """Whether images are read in colour."""
        return self.order != "grey"

    @property
    def shift_and_factor(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The number subtracted from each colour (0 to 255), and its divisor."""
        if self.scaling == PER_IMAGE:
            return (0.0,), (1.0,)
        if self.scaling in SCALINGS:
            return SCALINGS[self.scaling]
        return _custom(self.scaling)

    def array(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """The array for the classifier.

        Parameters
        ----------
        pixels : (N, H, W) grey or (N, H, W, 3) RGB uint8, as `colour` says; or (N, H, W, C) float from 0 to 255.

        Returns
        -------
        An array of N images in this layout and type.
        """
        values: NDArray[Any] = pixels if pixels.ndim == 4 else pixels[..., None]
        if values.shape[3] < self.channels:
            values = np.repeat(values, self.channels, axis=3)
        values = np.rint(values) if self.dtype == "uint8" else self._scaled(values)
        if self.order == "bgr":
            values = values[..., ::-1]
        if self.layout == "nchw":
            values = values.transpose(0, 3, 1, 2)
        elif self.layout == "nhw":
            values = values[..., 0]
        elif self.layout == "flat":
            values = values.reshape(len(values), int(np.prod(values.shape[1:])))
        return np.ascontiguousarray(values, self.dtype)

    def _scaled(self, values: NDArray[Any]) -> Floats:
        shift, factor = (np.array(part, np.float32) for part in self.shift_and_factor)
        scaled = values.astype(np.float32) - shift
        scaled /= factor
        if self.scaling == PER_IMAGE:
            axes = (1, 2, 3)
            scaled -= scaled.mean(axes, keepdims=True)
            scaled /= np.maximum(scaled.std(axes, keepdims=True), _LEAST)
        return scaled


def _custom(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The numbers of "mean=M;std=S", from shares of 255."""
    match = _CUSTOM.fullmatch(text.replace(" ", ""))
    try:
        mean, std = (tuple(255 * float(each) for each in match[name].split(",")) for name in ("mean", "std"))  # type: ignore[index]
    except (TypeError, ValueError):
        raise choice_error("scaling", text, [*SCALINGS, PER_IMAGE, "mean=M;std=S"], place="inputs") from None
    if not {len(mean), len(std)} <= {1, 3} or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
        remedy = "give one number or three, finite, and deviations above 0, such as mean=0.5;std=0.25"
        raise UsageError(f"{text!r} is no scaling", place="inputs", remedy=remedy)
    return mean, std
