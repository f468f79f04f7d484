"""Canvas for a batch of faces that are drawn at once, in face coordinates, from shapes with soft edges.

Face coordinates: the picture spans -1 to 1 in both directions at the nominal pose, x to the right, y down. `x, y` are
in the plane of the head's outline; `u, v` are on the face, and so shift when the head turns. All arrays are float32.
Shapes do not depend on pixels: an edge is a signed distance (negative inside), softened over one pixel, or more if the
picture is out of focus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.data.drawing.person import Person, Plane, Shot

Number = Plane | float | np.floating[Any]

_DEPTH = 0.30  # protrusion of the nose in face units, which sets the parallax of a turned head


@dataclass(frozen=True)
class Patch:
    """B pictures, or windows of equal size into them, while they are drawn.

    Attributes
    ----------
    size : height and width of the whole pictures in pixels.
    pixels : (C, B, H, W) colour without light, 0 to 1.
    light : (B, H, W) factor that `pixels` are finally multiplied by.
    u, v : (B, H, W) coordinates of every pixel on the face.
    soft : (B, 1, 1) width of a soft edge in face units.
    who, shot : traits of the persons and of the shots, each (B, 1, 1), colours (C, B, 1, 1).
    au : action unit → (B, 1, 1) intensity.
    """

    size: int
    pixels: Plane
    light: Plane
    u: Plane
    v: Plane
    soft: Plane
    who: Person
    shot: Shot
    au: Mapping[str, Plane]

    @contextmanager
    def window(self, left: float, top: float, right: float, bottom: float) -> Iterator[Patch]:
        """Yield the pixels around a box of each face; they are copied back after the block."""
        shot = self.shot
        u, v = np.array([[left, right, left, right], [top, top, bottom, bottom]], dtype=np.float32)
        depth = _depth(u, v)
        x, y = u + shot.yaw * depth, v + shot.pitch * depth
        cos, sin = np.cos(shot.roll) * shot.scale, np.sin(shot.roll) * shot.scale
        rows, columns = self._spans(np.stack([shot.shift_y + sin * x + cos * y, shot.shift_x + cos * x - sin * y]))
        starts = np.arange(len(self.light))[:, None] * self.size**2 + rows * self.size + columns[:, :1]
        length = columns.shape[1]
        light, u, v = (_runs(getattr(self, name), length) for name in ("light", "u", "v"))
        channels = [_runs(channel, length) for channel in self.pixels]
        part = Patch(
            self.size, np.stack([channel[starts] for channel in channels]), light[starts], u[starts], v[starts],
            soft=self.soft, who=self.who, shot=shot, au=self.au,
        )  # fmt: skip
        yield part
        light[starts] = part.light
        for channel, drawn in zip(channels, part.pixels, strict=True):
            channel[starts] = drawn

    def on_both_sides(self, box: tuple[float, float, float, float], draw: Callable[[Patch, int], None]) -> None:
        """Draw a feature in its box, given for side +1 (the picture's right), and in the mirrored box for side -1."""
        inner, top, outer, bottom = box
        for side in (-1, 1):
            left, right = sorted((side * inner, side * outer))
            with self.window(left, top, right, bottom) as area:
                draw(area, side)

    def _spans(self, ends: Plane) -> Iterator[NDArray[np.intp]]:
        """(B, length) indices of pixel rows, then of columns, that contain `ends` (2, B, 1, M) and a soft edge."""
        half, pad = self.size / 2, self.soft[:, 0, 0] + 0.01
        low = ((ends.min(axis=(2, 3)) - pad + 1) * half).astype(np.intp)
        high = ((ends.max(axis=(2, 3)) + pad + 1) * half).astype(np.intp) + 1
        for start, length in zip(low, (high - low).max(axis=1), strict=True):
            length = min(int(length), self.size)
            yield np.maximum(np.minimum(start, self.size - length), 0)[:, None] + np.arange(length)

    def only(self, trait: Plane | NDArray[np.bool_]) -> Iterator[Self]:
        """Yield the pictures whose `trait` (B, 1, 1) is not 0, if there are any: `for part in canvas.only(who.beard)`.

        They are copied back after the body of the loop.
        """
        chosen = np.flatnonzero(trait)
        if not len(chosen):
            return
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        planes: dict[str, Any] = {name: value.take(chosen, axis=value.ndim - 3) for name, value in arrays.items()}
        au = {code: value[chosen] for code, value in self.au.items()}
        part = replace(self, who=self.who.take(chosen), shot=self.shot.take(chosen), au=au, **planes)
        yield part
        self.pixels[:, chosen] = part.pixels
        self.light[chosen] = part.light

    def paint(self, alpha: Plane, colour: Number) -> None:
        """Blend `colour` over the pictures with opacity `alpha` (B, H, W)."""
        layer = colour - self.pixels
        layer *= alpha
        np.add(self.pixels, layer, out=self.pixels)

    def shade(self, amount: Plane) -> None:
        """Brighten (positive) or darken the light by `amount` (B, H, W)."""
        np.add(self.light, amount, out=self.light)

    def inside(self, distance: Plane) -> Plane:
        """(B, H, W) coverage, 0 to 1, of the shape with the signed distance (B, H, W)."""
        cover = distance * (-1 / self.soft)
        cover += np.float32(0.5)
        return clip01(cover)

    def stroke(self, distance: Plane, width: Number) -> Plane:
        """(B, H, W) coverage of a line of `width` around distance 0; a line thinner than a pixel becomes fainter."""
        half = np.maximum(width, self.soft) * np.float32(0.5)
        return self.inside(np.abs(distance) - half) * np.minimum(width / self.soft, 1)


@dataclass(frozen=True)
class Canvas(Patch):
    """A batch of B whole pictures.

    Attributes
    ----------
    x, y : (B, H, W) coordinates of every pixel in the plane of the head's outline.
    cover : (B, H, W) share of each pixel that the head covers.
    """

    x: Plane
    y: Plane
    cover: Plane

    @classmethod
    def blank(cls, who: Person, shot: Shot, au: Mapping[str, Plane], size: int) -> Canvas:
        """Create an empty canvas for B faces in the poses of their shots."""
        at = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(2 / size) - 1
        dx, dy = at[None, None, :] - shot.shift_x, at[None, :, None] - shot.shift_y
        cos, sin = np.cos(shot.roll) / shot.scale, np.sin(shot.roll) / shot.scale
        x, y = cos * dx + sin * dy, cos * dy - sin * dx
        depth = _depth(x, y)
        u, v = x - shot.yaw * depth, y - shot.pitch * depth
        soft = shot.focus * np.float32(2 / size) / shot.scale
        pixels = np.empty((*shot.backdrop.shape[:2], size, size), dtype=np.float32)
        light, cover = np.ones_like(x, order="C"), np.zeros_like(x, order="C")
        return cls(size, pixels, light, u, v, soft, who, shot, au, x, y, cover)


def _runs(planes: Plane, length: int) -> Plane:
    """View of every run of `length` neighbours in memory of (B, H, W) planes; each row of a window is one run."""
    count = planes.size - length + 1
    return np.ndarray((count, length), planes.dtype, planes, strides=(planes.itemsize, planes.itemsize))


def _depth(x: Plane, y: Plane) -> Plane:
    """Distance of the face from the plane of the outline at the points (x, y)."""
    bulge = 1 - (x / np.float32(0.78)) ** 2 - (y / np.float32(0.95)) ** 2
    return np.maximum(bulge, 0) * np.float32(_DEPTH)


def clip01(values: Plane) -> Plane:
    """Clip values to 0 … 1, in place."""
    np.maximum(values, 0, out=values)
    np.minimum(values, 1, out=values)
    return values


def bump(squared: Plane) -> Plane:
    """Soft hill over a squared distance: 1 where it is 0, falling to 0 at 1."""
    hill = np.maximum(1 - squared, 0)
    hill *= hill
    return hill


def hill(u: Plane, v: Plane, wide: Number, high: Number) -> Plane:
    """Soft elliptic hill around (0, 0) with semi-axes `wide` and `high`."""
    return bump((u / wide) ** 2 + (v / high) ** 2)


def ellipse(u: Plane, v: Plane, wide: Number, high: Number) -> Plane:
    """Approximate signed distance to an ellipse around (0, 0) with semi-axes `wide` and `high`."""
    reach = np.sqrt((u / wide) ** 2 + (v / high) ** 2)
    reach -= 1
    reach *= np.minimum(wide, high)
    return reach


def segment(
    u: Plane, v: Plane, start: tuple[Number, Number], end: tuple[Number, Number], bend: float = 0.0
) -> tuple[Plane, Plane]:
    """Signed distance to the line from `start` to `end`, curved by `bend`, and the position along it, -1 to 1."""
    du, dv = (np.asarray(b - a, dtype=np.float32) for a, b in zip(start, end, strict=True))
    length = np.sqrt(du * du + dv * dv)
    pu, pv = u - start[0], v - start[1]
    along = (pu * du + pv * dv) * (2 / length**2) - 1
    across = (pv * du - pu * dv) / length
    if bend:
        across -= bend * (1 - along * along)
    return across, along
