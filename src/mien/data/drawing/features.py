"""Drawing of brows, eyes, nose, cheeks and mouth, the parts of a face that action units move.

Numbers in parentheses are action units.
"""

from __future__ import annotations

import numpy as np

from mien.data.drawing.canvas import Canvas, Patch, bump, ellipse, hill, segment
from mien.data.drawing.person import Plane


def brow(area: Patch, side: int) -> None:
    """Draw one brow: raised inside (1) and outside (2), lowered (9), drawn together (4)."""
    who, au = area.who, area.au
    inner, outer = 0.105 - 0.045 * au["AU4"], who.eye_x + who.eye_width + 0.045
    along = (side * area.u - inner) * (2 / (outer - inner)) - 1  # -1 at the nose, 1 at the temple
    nearness = 0.5 - 0.5 * along
    inside = -0.13 * au["AU1"] + 0.105 * au["AU4"] * (1 - 0.9 * au["AU1"]) + who.brow_slant
    outside = -0.115 * au["AU2"] * (1 - 0.6 * au["AU4"]) + 0.030 * au["AU4"] - who.brow_slant
    centre = who.brow_y + 0.045 * au["AU9"] + outside + (inside - outside) * nearness
    centre -= (who.brow_arch + 0.025 * au["AU2"] - 0.015 * au["AU4"]) * (1 - along * along)
    half = who.brow_thick * 0.5 * (0.55 + 0.45 * nearness)
    away = area.v - centre
    shape = np.maximum(np.abs(away) - half, (np.abs(along) - 1) * 0.5 * (outer - inner))
    hairs = 0.90 + 0.06 * np.sin(along * 47 + away * 90 + 3 * np.sin(along * 13))
    area.paint(area.inside(shape) * hairs, who.brow)
    area.shade(hill(along * 0.8, away - 0.075, 1.0, 0.085) * (-0.08 - 0.06 * au["AU4"]))


def forehead(area: Patch) -> None:
    """Draw the lines across the forehead (1, 2, age)."""
    who, au = area.who, area.au
    lift = np.maximum(au["AU1"] * bump((area.u / 0.35) ** 2), au["AU2"] * 0.8)
    across = np.sin((area.v + 0.10 * area.u * area.u) * 62)
    area.shade(hill(area.u, area.v + 0.50, 0.45, 0.16) * across * (0.19 * lift + 0.05 * who.age * who.age))


def frown(area: Patch) -> None:
    """Draw the furrows between the brows (4)."""
    u, v = np.abs(area.u), area.v + 0.26
    furrow = bump(((u - 0.045 + 0.08 * v) / 0.028) ** 2) * bump((v / 0.14) ** 2)
    area.shade(furrow * (-0.50 * area.au["AU4"] - 0.05 * area.who.age))


def eye(area: Patch, side: int) -> None:
    """Draw one eye with its lids: opened wide (5), tightened (7), pushed up by the cheek (6)."""
    who, au = area.who, area.au
    s = side * area.u - who.eye_x
    t = area.v - who.eye_y - who.eye_tilt * s
    wide = s / who.eye_width
    lens = 1 - wide * wide
    arc = lens * (1.4 - 0.4 * lens)
    up = who.eye_height * (1 + 0.62 * au["AU5"] - 0.36 * au["AU7"] - 0.12 * au["AU6"] - 0.30 * au["AU9"])
    down = who.eye_height * (0.62 + 0.10 * au["AU5"] - 0.48 * au["AU7"] - 0.62 * au["AU6"] - 0.25 * au["AU9"])
    droop = 0.018 * au["AU1"] * au["AU15"] + 0.012 * who.age
    top, bottom = -up * arc + droop * wide, down * arc + 0.3 * droop * wide
    _socket(area, s, t, up)
    hole = area.inside(np.maximum(top - t, t - bottom))
    white = np.float32(0.93) - 0.28 * bump(((t - top) / 0.05) ** 2)
    area.paint(hole, white)
    area.shade(hole * (1 - area.light) * 0.6)
    _iris(area, s - side * area.shot.gaze_x, t + 0.006 - area.shot.gaze_y, hole, side)
    upper = np.maximum(
        np.abs(t - top) - (0.010 + 0.012 * who.lashes), np.abs(wide) * who.eye_width - who.eye_width * 1.06
    )
    area.paint(area.inside(upper) * (0.65 + 0.3 * who.lashes), who.brow * 0.35)
    lower = area.stroke(t - bottom, 0.014) * (np.abs(wide) < 1)
    area.paint(lower * (0.25 + 0.25 * who.lashes), who.skin * 0.35)


def _socket(area: Patch, s: Plane, t: Plane, up: Plane) -> None:
    """Draw the shades around the eye: the lid's crease, the pouch below, crow's feet."""
    who, au = area.who, area.au
    across = s / (who.eye_width * 1.15)
    bow = 1 - across * across
    reach = np.maximum(bow, 0)
    crease = t + up * bow * 1.15 + 0.035 + 0.02 * who.crease - 0.02 * au["AU5"]
    area.shade(bump((crease / 0.022) ** 2) * reach * -0.30)
    area.shade(hill(s, t + 0.02, who.eye_width * 1.5, 0.17) * -0.07)
    pouch = t - who.eye_height * (0.62 - 0.5 * au["AU6"]) * bow - 0.045
    squeeze = np.maximum(au["AU6"], 0.6 * au["AU7"])
    area.shade(bump((pouch / 0.026) ** 2) * reach * (-0.05 - 0.12 * who.age - 0.24 * squeeze))
    out = s - who.eye_width - 0.085
    rays = np.cos(t / (out + 0.20) * 24)
    area.shade(hill(out, t + 0.01, 0.075, 0.085) * rays * (-0.30 * au["AU6"] - 0.05 * who.age * who.age))


def _iris(area: Patch, s: Plane, t: Plane, hole: Plane, side: int) -> None:
    who = area.who
    away = np.sqrt(s * s + t * t)
    area.paint(area.inside(away - 0.072) * hole, who.iris * (1 - 0.55 * bump(((away - 0.072) / 0.03) ** 2)))
    area.paint(area.inside(away - 0.034) * hole, np.float32(0.04))
    gleam = np.sqrt((s - side * 0.026 * np.sign(area.shot.light_x)) ** 2 + (t + 0.028) ** 2) - 0.016
    area.paint(area.inside(gleam) * hole * 0.9, np.float32(1.0))


def nose(area: Patch) -> None:
    """Draw the nose, a ridge with a bright and a dark side: wrinkled and drawn up (9)."""
    who, au, shot = area.who, area.au, area.shot
    u, v = area.u, area.v
    tip = who.nose_length - 0.045 * au["AU9"] - 0.02 * au["AU10"]
    down = np.minimum(np.maximum((v + 0.25) / (tip + 0.25), 0), 1.15)
    ridge = (0.07 + 0.55 * who.nose_width * down * down) * 1.15
    side = u / ridge
    fade = bump(((v - tip * 0.35) / (tip * 0.65 + 0.30)) ** 2)
    area.shade(side * bump(side * side * 0.6) * fade * (0.42 * shot.light_x))
    area.shade(bump(side * side * 6) * fade * 0.12 + hill(u, v - tip + 0.035, 0.075, 0.07) * 0.13)
    wing = who.nose_width * (1 + 0.16 * au["AU9"] + 0.06 * au["AU12"])
    base = v - tip - 0.03 + 0.035 * au["AU9"] * np.abs(u) / wing
    area.shade(hill(u, base - 0.045, wing * 1.15, 0.055) * -0.20)
    beside = np.abs(u)
    rim = np.abs(np.sqrt((beside - wing * 0.72) ** 2 + (base + 0.005) ** 2) - 0.052)
    area.shade(bump((rim / 0.028) ** 2) * (beside > wing * 0.72) * (-0.16 - 0.12 * au["AU9"]))
    nostril = ellipse(beside - wing * 0.45 - 0.5 * (base - 0.022), base - 0.022, 0.030 + 0.008 * au["AU9"], 0.017)
    area.paint(area.inside(nostril) * 0.75, who.skin * 0.22)
    pleats = np.sin(v * 75 + beside * 34)
    area.shade(hill(u, v + 0.05, 0.17, 0.16) * pleats * (0.40 * au["AU9"]))


def cheek(area: Patch, side: int) -> None:
    """Draw the blush, the raised cheek (6, 12), and the fold from nose to mouth (9, 10, 12, age)."""
    who, au = area.who, area.au
    pull = corner_pull(area, side)
    lift = np.maximum(au["AU6"], 0.7 * pull)
    u, v = side * area.u, area.v
    apple = hill(u - 0.37, v - 0.23 + 0.05 * lift, 0.26, 0.20)
    area.paint(apple * (0.11 + 0.22 * lift), who.lip * 0.5 + who.skin * 0.55)
    area.shade(apple * (0.10 * lift) - hill(u - 0.37, v - 0.40 + 0.04 * lift, 0.24, 0.09) * (0.09 * lift))
    corner = who.mouth_width * (1 + 0.3 * pull + 0.2 * au["AU20"]) + 0.085
    low = who.mouth_y - 0.06 * pull + 0.05 * au["AU15"]
    deep = np.maximum(np.maximum(au["AU9"], au["AU10"] * 0.8), np.maximum(pull, 0.4 * au["AU15"]))
    top = who.nose_length - 0.03 - 0.05 * au["AU9"]
    across, along = segment(u, v, (who.nose_width + 0.035, top), (corner, low), bend=-0.035)
    area.shade(bump((across / 0.035) ** 2) * bump(along * along * 0.8) * (-0.04 - 0.14 * who.age - 0.26 * deep))
    area.shade(hill(across - 0.05, along, 0.06, 1.1) * (0.05 * deep))
    spots = np.sin(u * 71 + 3 * np.sin(v * 37)) * np.sin(v * 67 + 2 * np.sin(u * 43))
    area.shade(np.maximum(spots - 0.45, 0) * apple * (-0.4 * who.freckles))


def corner_pull(area: Patch, side: int) -> Plane:
    """Intensity with which the lip corner of a side is pulled up; the person's right is the picture's left (-1)."""
    return np.maximum(area.au["AU12"], area.au["R12"]) if side < 0 else area.au["AU12"]


def mouth(area: Patch) -> None:
    """Draw mouth and chin: corners up (12), down (15), out (20), in (23, 24); open (25, 26), lips apart (10, 16)."""
    who, au = area.who, area.au
    smile, tight = au["AU12"], np.maximum(au["AU23"], au["AU24"])
    right, left = corner_pull(area, -1), corner_pull(area, 1)
    pull = right + (left - right) * (area.u > 0)
    pursed = 0.36 * au["AU26"] * (1 - smile) * (1 - 0.7 * au["AU20"])
    reach = who.mouth_width * (1 + 0.30 * pull + 0.24 * au["AU20"] - 0.20 * tight - pursed)
    t = area.u / reach
    p = 1 - t * t
    bow = np.minimum(t * t, 1.6)
    corner = -0.140 * pull + 0.120 * au["AU15"] * (1 - 0.5 * pull) + 0.025 * au["AU20"] + 0.09 * au["AU26"] * (1 - pull)
    line = who.mouth_y + 0.02 * smile - 0.02 * au["AU17"] - 0.012 * au["AU10"] + corner * bow
    drop, part = au["AU26"], np.maximum(au["AU25"], 0.5 * au["AU26"])
    rounded = p * (1 + 0.8 * drop * (1 - np.minimum(np.maximum(p, 0), 1)))
    press = 1 - tight
    up = (
        0.034 * part
        + 0.050 * np.maximum(au["AU10"], 0.7 * au["AU9"])
        + 0.030 * smile * part
        + 0.020 * drop
        + 0.02 * au["AU20"] * part
    ) * press
    down = (0.040 * part + 0.230 * drop + 0.070 * au["AU16"] + 0.030 * smile * part) * press
    top, bottom = line - up * rounded, line + down * rounded
    thin = 1 - 0.55 * tight - 0.20 * smile - 0.20 * au["AU20"]
    cupid = p - 0.30 * bump((t / 0.28) ** 2)
    lip_top = top - who.lips * thin * 0.62 * cupid * (1 - 0.2 * au["AU10"])
    lip_bottom = bottom + who.lips * thin * (0.95 + 0.2 * au["AU16"] + 0.15 * au["AU17"]) * p * (1.35 - 0.35 * p)
    _around_mouth(area, t, line, lip_top, lip_bottom, pull)
    _moustache(area, p, lip_top)
    v = area.v
    lips = area.inside(np.maximum(lip_top - v, v - lip_bottom))
    area.paint(lips * (0.88 - 0.35 * tight), who.lip)
    area.shade(lips * ((v > line) * np.float32(0.12) - 0.10))
    area.shade(hill(t * 0.9, v - 0.55 * bottom - 0.45 * lip_bottom, 0.6, 0.02) * (0.16 * thin))
    _cavity(area, t, top, bottom, p)
    seam = area.stroke(np.minimum(np.abs(v - top), np.abs(v - bottom)), 0.018) * (p > -0.05)
    closed = 1 - np.minimum((up + down) * 14, 0.8)
    area.paint(seam * (0.45 + 0.40 * closed), who.lip * 0.32)


def _cavity(area: Patch, t: Plane, top: Plane, bottom: Plane, p: Plane) -> None:
    """Draw the inside of the open mouth: tongue, upper teeth, and lower teeth if the lip is drawn down (16, 20)."""
    au, v = area.au, area.v
    hole = area.inside(np.maximum(np.maximum(top - v, v - bottom) + 0.006, -0.1 * p))
    depth = bottom - top
    area.paint(hole, area.who.lip * 0.20)
    area.paint(hole * area.inside(ellipse(t * 0.25, v - bottom, 0.13, 0.10)), area.who.lip * 0.78)
    shown = np.minimum(0.045 + 0.030 * au["AU12"] + 0.035 * au["AU10"], depth * 0.62)
    ivory = np.float32(0.94) - 0.28 * t * t
    area.paint(hole * area.inside(v - top - shown), ivory)
    under = np.minimum(0.045 * np.maximum(au["AU16"], au["AU20"]), depth * 0.3)
    area.paint(hole * area.inside(bottom - under - v) * (under > 0.008), ivory * 0.93)


def _around_mouth(area: Patch, t: Plane, line: Plane, lip_top: Plane, lip_bottom: Plane, pull: Plane) -> None:
    """Draw the shades of philtrum, mouth corners (14, 15), lower lip, and chin boss (17)."""
    au, u, v = area.au, area.u, area.v
    area.shade(bump(((np.abs(u) - 0.035) / 0.02) ** 2) * hill(u, v - lip_top + 0.06, 0.2, 0.07) * -0.07)
    dimple = au["R14"] * (u < 0)
    beyond = np.abs(t) - 1.10
    area.shade(hill(beyond, v - line, 0.16, 0.06) * (-0.12 - 0.16 * pull - 0.12 * au["AU15"]))
    area.shade(hill(beyond - 0.05, v - line, 0.10, 0.11) * (-0.42 * dimple))
    below = v - lip_bottom
    area.shade(hill(t, below - 0.045, 0.85, 0.05) * (-0.13 - 0.12 * au["AU17"] - 0.10 * au["AU24"]))
    area.shade(hill(beyond + 0.05, v - line - 0.075, 0.10, 0.09) * (-0.24 * au["AU15"]))
    boss = hill(u, below - 0.15, 0.17, 0.11)
    area.shade(boss * (0.05 + au["AU17"] * (0.05 - 0.13 * np.sin(u * 80) * np.sin(v * 90))))


def _moustache(area: Patch, p: Plane, lip_top: Plane) -> None:
    who = area.who
    rows = np.flatnonzero(who.moustache)
    for part in area.only(who.moustache):
        u, edge, arc = np.abs(part.u), lip_top[rows] - 0.006, p[rows]
        shape = np.maximum(part.v - edge - 0.05 * u, edge - 0.105 + 0.30 * u * u - part.v)
        shape = np.maximum(shape, (-0.25 - arc) * 0.1)
        hairs = 0.90 + 0.07 * np.sin(u * 150 - part.v * 60 + 3 * np.sin(u * 31))
        part.paint(part.inside(shape) * hairs * part.who.moustache, part.who.hair * 0.8)


def skin(canvas: Canvas) -> None:
    """Draw forehead, cheeks and nose."""
    with canvas.window(-0.45, -0.68, 0.45, -0.30) as area:
        forehead(area)
    with canvas.window(-0.12, -0.42, 0.12, -0.10) as area:
        frown(area)
    canvas.on_both_sides((0.08, -0.02, 0.68, 0.72), cheek)
    with canvas.window(-0.26, -0.30, 0.26, 0.42) as area:
        nose(area)


def signs(canvas: Canvas) -> None:
    """Draw mouth, eyes and brows."""
    with canvas.window(-0.46, 0.28, 0.46, 0.98) as area:
        mouth(area)
    canvas.on_both_sides((0.06, -0.30, 0.60, 0.16), eye)
    canvas.on_both_sides((0.02, -0.52, 0.57, -0.08), brow)
