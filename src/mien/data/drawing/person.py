"""Traits of persons and of shots (pose, light, camera), sampled for all synthetic faces at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats, Ints

Plane = NDArray[np.floating[Any]]  # float32 throughout
Rng = np.random.Generator

# Colours as hexadecimal RGB; skin from fair to deep.
SKINS = "fbe2d0 f6d3ba eec1a0 e2ab84 d1956b b67a50 96603c 764830 623d2a 4c3022"
HAIRS = "17130f 241a14 3a271b 4f3524 6b4a2f 8a6239 7c3f22 a85a2c c29a5f d9be86"
GREYS = "8d8a87 b4b1ad dcd9d3"
IRISES = "2e1a10 452a18 5f3d20 7a5a2e 6a7440 4f7a5e 4a7fa0 6d93b5 7c858f"
CLOTHES = "2f3b52 6d2f36 3f5a49 c9b79c e8e4dc 22252b 7b6a8f b7643f 39768c d8a93f"
WALLS = "dfe6ea c9d6d2 e9ddcb d8c7c1 b9c4d3 a8b5a2 8fa3b3 c8b8d4 5d6b78 3c444d f0ece4 e3c9a8 7f8f86 b98c7a"
LIPSTICKS = "b5303f a23a5a c2534f 8c2438 cf6f7a"
FRAMES = "1c1a1a 3a2418 6b6f75 7a2d2d 2b3c55 b08d4a"
FABRICS = "f2f0ec 7fb0c9 2c3440 b8474a d9b45b 5b7f6a 8a6aa0"

OCCLUSIONS = ("none", "hand", "mask", "sunglasses")


@dataclass(frozen=True)
class _Traits:
    """Arrays with one entry per face: numbers (N, 1, 1), colours (C, N, 1, 1)."""

    def take(self, rows: Ints | slice) -> Self:
        """Select the traits of the given faces."""
        return type(self)(
            **{name: value[:, rows] if value.ndim == 4 else value[rows] for name, value in vars(self).items()}
        )


@dataclass(frozen=True)
class Person(_Traits):
    """Traits that are equal in all pictures of a person; lengths are in face units (see `canvas`)."""

    age: Plane  # 0 young, 1 old
    head_width: Plane
    head_length: Plane
    jaw: Plane  # 0 pointed, 1 square
    taper: Plane
    eye_x: Plane
    eye_y: Plane
    eye_width: Plane
    eye_height: Plane
    eye_tilt: Plane
    crease: Plane
    lashes: Plane
    brow_y: Plane
    brow_thick: Plane
    brow_arch: Plane
    brow_slant: Plane
    nose_width: Plane
    nose_length: Plane
    lips: Plane
    mouth_width: Plane
    mouth_y: Plane
    skin: Plane
    lip: Plane
    iris: Plane
    hair: Plane
    brow: Plane
    has_hair: Plane
    hair_length: Plane
    hair_volume: Plane
    hair_side: Plane
    hairline: Plane
    hair_slope: Plane
    hair_curve: Plane
    hair_part: Plane
    fringe: Plane
    curl: Plane
    strands: Plane
    hood: Plane  # a head scarf
    fabric: Plane
    beard: Plane
    moustache: Plane
    glasses: Plane
    lens: Plane
    frame: Plane
    freckles: Plane


@dataclass(frozen=True)
class Shot(_Traits):
    """Traits that differ between the pictures of a person: pose, gaze, light, camera, backdrop, occlusion."""

    shift_x: Plane
    shift_y: Plane
    scale: Plane
    roll: Plane
    yaw: Plane
    pitch: Plane
    gaze_x: Plane
    gaze_y: Plane
    focus: Plane
    light_x: Plane
    light_y: Plane
    ambient: Plane
    exposure: Plane
    contrast: Plane
    grain: Plane
    grain_at: NDArray[np.int64]
    backdrop: Plane
    backdrop_low: Plane
    glow_x: Plane
    glow_y: Plane
    clothes: Plane
    occlusion: Plane  # index into OCCLUSIONS
    cloth: Plane  # of a mask
    hand_x: Plane
    hand_turn: Plane


def people(n: int, colour: bool, rng: Rng) -> Person:
    """Sample the traits of N persons, in RGB if `colour`, else in grey."""
    tone = rng.random(n)
    age = rng.beta(1.3, 1.8, n)
    grown = rng.random(n) < 0.5  # can have a beard; otherwise more often long hair, lashes and lipstick
    skin = _along(SKINS, tone) + rng.normal(0, 0.012, (n, 3))
    dark = np.clip(rng.beta(1.0, 1.5, n) * 1.25 - 0.75 * tone, 0, 1)  # deep skin is rarely combined with fair hair
    hair = _along(HAIRS, dark)
    grey = np.clip((age - 0.62) * 3.2 + rng.normal(0, 0.25, n), 0, 1)[:, None] * (age > 0.55)[:, None]
    hair = hair + (_along(GREYS, rng.random(n)) - hair) * grey
    lipstick = (~grown & (rng.random(n) < 0.45))[:, None] * rng.uniform(0.35, 0.9, (n, 1))
    lip = skin * np.array([0.86, 0.60, 0.58]) + np.array([0.03, 0.0, 0.01])
    lip = lip + (_pick(LIPSTICKS, rng, n) - lip) * lipstick
    hood = ~grown & (rng.random(n) < 0.07)
    beard = (grown & (rng.random(n) < 0.38)) * rng.uniform(0.25, 1.0, n)
    colours = {
        "skin": skin, "lip": lip, "hair": hair, "brow": hair * 0.72 + skin * 0.06,
        "iris": _along(IRISES, np.clip(rng.random(n) - 0.8 * tone * rng.random(n) - 0.15, 0, 1)),
        "fabric": _pick(FABRICS, rng, n), "frame": _pick(FRAMES, rng, n),
    }  # fmt: skip
    numbers = {
        "age": age,
        "lashes": np.where(grown, 0.35, rng.uniform(0.5, 1.0, n)),
        "brow_thick": np.where(grown, rng.uniform(0.060, 0.095, n), rng.uniform(0.042, 0.075, n)),
        "hood": hood, "beard": beard,
        "moustache": (grown & ((beard > 0.45) | (rng.random(n) < 0.12))) * rng.uniform(0.55, 1.0, n),
        "glasses": rng.random(n) < 0.14 + 0.12 * age,
        "freckles": (rng.random(n) < 0.18) * np.clip(1 - 1.6 * tone, 0, 1) * rng.uniform(0.4, 1.0, n),
    }  # fmt: skip
    numbers |= _bones(n, grown, rng) | _haircut(n, grown & (age > 0.3), grown, hood, rng)
    return Person(**_columns(numbers), **_colours(colours, colour))


def _bones(n: int, grown: NDArray[np.bool_], rng: Rng) -> dict[str, Any]:
    """Sample shape and position of head, eyes, brows, nose and mouth."""
    return {
        "head_width": rng.uniform(0.63, 0.71, n) + 0.015 * grown,
        "head_length": rng.uniform(0.83, 0.92, n),
        "jaw": np.clip(rng.normal(0.30, 0.16, n) + 0.22 * grown, 0.0, 0.85),
        "taper": rng.uniform(0.02, 0.17, n),
        "eye_x": rng.uniform(0.275, 0.315, n),
        "eye_y": rng.uniform(-0.115, -0.07, n),
        "eye_width": rng.uniform(0.152, 0.176, n),
        "eye_height": rng.uniform(0.078, 0.096, n),
        "eye_tilt": rng.normal(-0.06, 0.06, n),
        "crease": rng.uniform(0.0, 1.0, n),
        "brow_y": rng.uniform(-0.335, -0.275, n),
        "brow_arch": rng.uniform(0.015, 0.075, n),
        "brow_slant": rng.normal(0.0, 0.022, n),
        "nose_width": rng.uniform(0.105, 0.155, n),
        "nose_length": rng.uniform(0.22, 0.30, n),
        "lips": rng.uniform(0.055, 0.105, n),
        "mouth_width": rng.uniform(0.225, 0.285, n),
        "mouth_y": rng.uniform(0.495, 0.545, n),
        "lens": rng.uniform(0.19, 0.235, n),
    }


def _haircut(
    n: int, may_recede: NDArray[np.bool_], short: NDArray[np.bool_], hood: NDArray[np.bool_], rng: Rng
) -> dict[str, Any]:
    """Sample hair: swept, fringed, parted in the middle, receding, or none; short or long; straight or curly."""
    swept, fringed, parted, receding = rng.choice(4, n, p=[0.40, 0.25, 0.22, 0.13]) == np.arange(4)[:, None]
    swept = swept | (receding & ~may_recede)
    receding = receding & may_recede
    long = (rng.random(n) < np.where(short, 0.07, 0.78)) & ~receding
    bald = receding & (rng.random(n) < 0.5)
    curly = rng.random(n) < 0.3
    line = rng.uniform(-0.66, -0.54, n) + 0.15 * fringed - 0.13 * parted - 0.16 * receding
    return {
        "has_hair": ~(bald | hood),
        "hair_length": np.where(long, rng.uniform(0.35, 1.3, n), rng.uniform(-0.25, 0.05, n)),
        "hair_volume": rng.uniform(0.03, 0.11, n) + 0.06 * (long | curly) * rng.random(n),
        "hair_side": np.where(long, rng.uniform(0.03, 0.13, n), rng.uniform(0.0, 0.025, n)),
        "hairline": line,
        "hair_slope": swept * rng.choice([-1.0, 1.0], n) * rng.uniform(0.05, 0.28, n),
        "hair_curve": parted * rng.uniform(0.9, 1.7, n) + (~parted & ~fringed) * rng.uniform(0.0, 0.5, n),
        "hair_part": rng.uniform(-0.12, 0.12, n),
        "fringe": fringed * rng.uniform(0.008, 0.026, n),
        "curl": curly * rng.uniform(0.4, 1.0, n),
        "strands": rng.uniform(26, 44, n),
    }


def shots(n: int, occlusion: float, pose: float, colour: bool, rng: Rng) -> Shot:
    """Sample the traits of N shots: a share `occlusion` is partly covered; `pose` scales the variation of pose."""
    hidden = np.where(rng.random(n) < occlusion, rng.integers(1, len(OCCLUSIONS), n), 0)
    blurred = rng.random(n) < 0.3
    grainy = rng.random(n) < 0.35
    wall = _pick(WALLS, rng, n)
    numbers = {
        "shift_x": pose * rng.normal(0, 0.018, n), "shift_y": pose * rng.normal(0, 0.018, n) - 0.02,
        "scale": 1.17 + pose * rng.uniform(-0.05, 0.05, n),
        "roll": pose * np.clip(rng.normal(0, 0.035, n), -0.1, 0.1),
        "yaw": pose * np.clip(rng.normal(0, 0.22, n), -0.6, 0.6),
        "pitch": pose * np.clip(rng.normal(0, 0.10, n), -0.25, 0.25),
        "gaze_x": np.clip(rng.normal(0, 0.014, n), -0.04, 0.04),
        "gaze_y": np.clip(rng.normal(0, 0.008, n), -0.02, 0.02),
        "focus": 1.0 + blurred * rng.uniform(0.3, 1.6, n),
        "light_x": rng.uniform(-0.75, 0.75, n), "light_y": rng.uniform(-0.65, 0.1, n),
        "ambient": rng.uniform(0.45, 0.75, n),
        "exposure": np.exp(rng.normal(-0.06, 0.11, n)), "contrast": rng.uniform(0.85, 1.12, n),
        "grain": rng.uniform(0.004, 0.012, n) + grainy * rng.uniform(0.0, 0.026, n),
        "glow_x": rng.uniform(-1, 1, n), "glow_y": rng.uniform(-1, 0.6, n),
        "occlusion": hidden, "hand_x": rng.uniform(-0.5, 0.5, n), "hand_turn": rng.uniform(-0.5, 0.5, n),
    }  # fmt: skip
    colours = {
        "backdrop": wall, "backdrop_low": wall * rng.uniform(0.62, 0.95, (n, 1)),
        "clothes": _pick(CLOTHES, rng, n), "cloth": _pick(FABRICS, rng, n),
    }  # fmt: skip
    return Shot(**_columns(numbers), grain_at=rng.integers(0, 2**31, n), **_colours(colours, colour))


def _columns(numbers: dict[str, Any]) -> dict[str, Plane]:
    return {name: np.asarray(value, dtype=np.float32)[:, None, None] for name, value in numbers.items()}


def _colours(colours: dict[str, Floats], colour: bool) -> dict[str, Plane]:
    """Convert (N, 3) RGB to (C, N, 1, 1); grey is the luma (ITU-R BT.601)."""
    mix = np.eye(3) if colour else np.array([[0.299], [0.587], [0.114]])
    return {name: np.clip(rgb @ mix, 0.02, 1).astype(np.float32).T[:, :, None, None] for name, rgb in colours.items()}


def _palette(text: str) -> Floats:
    return np.array([list(bytes.fromhex(code)) for code in text.split()]) / 255


def _pick(palette: str, rng: Rng, n: int) -> Floats:
    """Draw (N, 3) colours from the palette, with small variations."""
    colours = _palette(palette)
    return np.clip(colours[rng.integers(0, len(colours), n)] + rng.normal(0, 0.025, (n, 3)), 0, 1)


def _along(palette: str, place: Floats) -> Floats:
    """Interpolate (N, 3) colours of the palette: position 0 is its first colour, 1 its last."""
    colours = _palette(palette)
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(place, at, colours[:, channel]) for channel in range(3)], axis=1)
