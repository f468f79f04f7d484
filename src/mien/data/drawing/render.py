"""Rendering of persons, shots and action units to pictures, in threads; the number of threads does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mien.data.drawing import features, head
from mien.data.drawing.canvas import Canvas
from mien.data.drawing.expression import UNITS
from mien.data.drawing.person import Person, Plane, Shot
from mien.machine import cores
from mien.types import Floats

_BATCH_PIXELS = 192 * 48 * 48  # large enough that threads rarely wait for the GIL, small enough for the CPU's caches
_KEPT = 30 * 2**20  # bytes; glibc's dynamic threshold ends at 32 MiB
_GRAIN = 2**20  # random numbers from which each picture takes its grain, at its own offset


def render(who: Person, shot: Shot, actions: Floats, size: int, workers: int | None = None) -> NDArray[np.uint8]:
    """Draw N faces.

    Parameters
    ----------
    who, shot : N persons and N shots.
    actions : (N, A) action unit intensities.
    size : height and width in pixels.
    workers : number of threads; all cores by default. The pictures do not depend on it.

    Returns
    -------
    (N, size, size) uint8 if the colours of `who` are grey, (N, size, size, 3) if RGB.
    """
    n, channels = len(actions), len(who.skin)
    units = {code: actions[:, at].astype(np.float32)[:, None, None] for at, code in enumerate(UNITS)}
    grain = np.random.default_rng(0).standard_normal(_GRAIN, dtype=np.float32)
    out = np.empty((n, size, size) if channels == 1 else (n, size, size, channels), dtype=np.uint8)
    step = max(1, _BATCH_PIXELS // size**2)
    np.empty(_KEPT, np.uint8)  # freed at once, so that glibc reuses freed memory, which saves a fifth of the time

    def batch(start: int) -> None:
        rows = slice(start, min(start + step, n))
        part = {code: value[rows] for code, value in units.items()}
        out[rows] = _develop(_draw(who.take(rows), shot.take(rows), part, size), grain)

    with ThreadPoolExecutor(workers or cores()) as pool:
        for _ in pool.map(batch, range(0, n, step)):
            pass
    return out


def _draw(who: Person, shot: Shot, au: Mapping[str, Plane], size: int) -> Canvas:
    """Paint the faces from back to front."""
    canvas = Canvas.blank(who, shot, au, size)
    head.backdrop(canvas)
    head.hair_behind(canvas)
    head.head(canvas)
    features.skin(canvas)
    head.beard(canvas)
    features.signs(canvas)
    head.hair_in_front(canvas)
    head.glasses(canvas)
    head.occlusion(canvas)
    return canvas


def _develop(canvas: Canvas, grain: Plane) -> NDArray[np.uint8]:
    """Multiply light and colour, apply exposure, contrast and grain, and convert to bytes."""
    shot, values = canvas.shot, canvas.pixels
    metered = (0.60 / canvas.who.skin.mean(axis=0)) ** np.float32(0.25)
    values *= canvas.light * (shot.exposure * shot.contrast * metered)
    values += 0.5 * (1 - shot.contrast)
    size = values.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(grain, size * size)
    noise = windows[shot.grain_at % len(windows)].reshape(-1, size, size)
    noise *= shot.grain * (0.35 + 0.75 * values[0])  # weaker in dark areas
    values += noise
    values *= 255
    values += 0.5
    np.clip(values, 0, 255, out=values)
    return np.moveaxis(values, 0, -1).astype(np.uint8) if len(values) > 1 else values[0].astype(np.uint8)
